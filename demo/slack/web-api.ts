import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { checkMessage, checkView, type Problem } from './block-kit.js';
import type { Emulated, EmulatedMessage } from './emulated.js';
import type { FaultPlan } from './faults.js';
import { METHOD_SCOPES } from './scopes.js';

/** One Web API call as it came in, and what was answered (null: no answer at all). */
export interface RecordedCall {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Milliseconds on a clock that never jumps. */
  readonly at: number;
  answer: Readonly<Record<string, unknown>> | null;
}

export interface WebApiOptions {
  readonly emulated: Emulated;
  readonly faults: FaultPlan;
  readonly botToken: string;
  readonly appToken: string;
  readonly scopes: readonly string[];
  /** Channels that the bot is a member of. */
  readonly botChannels: ReadonlySet<string>;
  readonly rateLimit: boolean;
  /** The address that a Socket Mode connection is made to. */
  readonly socketUrl: () => string;
  readonly onViewOpened: (view: Readonly<Record<string, unknown>>, userTriggered: string) => void;
  readonly onViewUpdated: (view: Readonly<Record<string, unknown>>) => void;
  /** Whether a view is on somebody's screen; Slack updates no other. */
  readonly isOpen: (viewId: string) => boolean;
  readonly onEphemeral: (message: EphemeralPost) => void;
  /** Handles a POST to a response URL; false where it is spent or unknown. */
  readonly onResponse: (id: string, body: Readonly<Record<string, unknown>>) => boolean;
}

export interface EphemeralPost {
  readonly user: string;
  readonly channel: string;
  readonly text: string;
  readonly blocks: readonly unknown[];
  readonly threadTs: string | null;
}

export interface WebApi {
  readonly url: string;
  readonly calls: readonly RecordedCall[];
  readonly server: import('node:http').Server;
  close(): Promise<void>;
}

type Answer = Readonly<Record<string, unknown>>;
const refuse = (error: string, more: Answer = {}): Answer => ({ ok: false, error, ...more });
const refuseBlocks = (error: string, problems: readonly Problem[]): Answer =>
  refuse(error, {
    response_metadata: { messages: problems.map(({ path, message }) => `[ERROR] ${message} [json-pointer:${path}]`) },
  });

/** Slack takes about one message a second and channel. */
const MESSAGE_INTERVAL_MS = 1_000;

/** The gateway in front of the emulated state: everything that Slack would refuse is refused here. */
export async function startWebApi(options: WebApiOptions): Promise<WebApi> {
  const { emulated } = options;
  const calls: RecordedCall[] = [];
  const lastPost = new Map<string, number>();

  async function perform(method: string, token: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const scope = METHOD_SCOPES[method];
    if (method === 'apps.connections.open') {
      return token === options.appToken ? { ok: true, url: options.socketUrl() } : refuse('not_allowed_token_type');
    }
    if (token !== options.botToken) return refuse(token === '' ? 'not_authed' : 'invalid_auth');
    if (scope === undefined) return refuse('unknown_method', { req_method: method });
    if (scope !== null && !options.scopes.includes(scope)) {
      return refuse('missing_scope', { needed: scope, provided: options.scopes.join(',') });
    }
    switch (method) {
      case 'chat.postMessage':
      case 'chat.update':
      case 'chat.postEphemeral':
        return message(method, token, args);
      case 'conversations.history':
      case 'conversations.replies':
        return history(method, args);
      case 'views.open':
      case 'views.push':
      case 'views.update':
      case 'views.publish':
        return view(method, token, args);
      default:
        return emulated.call(method, token, args);
    }
  }

  async function message(method: string, token: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const problems = checkMessage(args);
    if (problems.length > 0) {
      return refuseBlocks(
        problems.some(({ path }) => path.includes('block')) ? 'invalid_blocks' : 'invalid_arguments',
        problems,
      );
    }
    const channel = text(args['channel']);
    if (!Object.values(emulated.channelIds).includes(channel)) return refuse('channel_not_found');
    if (!options.botChannels.has(channel)) return refuse('not_in_channel');
    const threadTs = text(args['thread_ts']);
    if (threadTs !== '' && !(await emulated.everything(channel)).some(({ ts }) => ts === threadTs)) {
      return refuse('thread_not_found');
    }
    const answer = await emulated.call(method, token, args);
    if (answer['ok'] === true && method === 'chat.postEphemeral') {
      options.onEphemeral({
        user: text(args['user']),
        channel,
        text: text(args['text']),
        blocks: z.array(z.unknown()).default([]).parse(args['blocks']),
        threadTs: threadTs === '' ? null : threadTs,
      });
    }
    return answer;
  }

  /** `emulate` knows neither `oldest` nor broadcasts, and gives metadata to everybody. */
  async function history(method: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const query = z
      .object({
        channel: z.string(),
        ts: z.string().optional(),
        oldest: z.coerce.number().default(0),
        latest: z.coerce.number().default(Number.POSITIVE_INFINITY),
        limit: z.coerce.number().int().min(1).max(999).default(100),
        cursor: z.string().optional(),
        include_all_metadata: z
          .union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')])
          .default(false),
      })
      .safeParse(args);
    if (!query.success) return refuse('invalid_arguments');
    const { channel, ts, oldest, latest, limit, cursor, include_all_metadata: withMetadata } = query.data;
    if (!options.botChannels.has(channel)) return refuse('channel_not_found');
    const all = await emulated.everything(channel);
    const isReplies = method === 'conversations.replies';
    if (isReplies && !all.some((one) => one.ts === ts)) return refuse('thread_not_found');
    const inRange = (one: EmulatedMessage) => Number(one.ts) > oldest && Number(one.ts) < latest;
    const shown = isReplies
      ? all.filter((one) => one.ts === ts || (one.thread_ts === ts && inRange(one)))
      : all.filter((one) => inChannel(one) && inRange(one)).reverse();
    const from = cursor === undefined || cursor === '' ? 0 : Number(Buffer.from(cursor, 'base64').toString('utf8'));
    const page = shown.slice(from, from + limit);
    const more = from + limit < shown.length;
    return {
      ok: true,
      messages: page.map(({ metadata, ...rest }) =>
        withMetadata && metadata !== undefined ? { ...rest, metadata } : rest,
      ),
      has_more: more,
      response_metadata: { next_cursor: more ? Buffer.from(String(from + limit)).toString('base64') : '' },
    };
  }

  async function view(method: string, token: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const problems = checkView(args['view']);
    if (problems.length > 0) return refuseBlocks('invalid_arguments', problems);
    if (method === 'views.update' && !options.isOpen(text(args['view_id']))) return refuse('not_found');
    const answer = await emulated.call(method, token, args);
    const shown = z.record(z.string(), z.unknown()).safeParse(answer['view']);
    if (answer['ok'] === true && shown.success) {
      if (method === 'views.update') options.onViewUpdated(shown.data);
      else if (method !== 'views.publish') options.onViewOpened(shown.data, text(args['trigger_id']));
    }
    return answer;
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const body = await bodyOf(request);
    if (path.startsWith('/response/')) return respond(path.slice('/response/'.length), body, request, response);
    if (!path.startsWith('/api/')) return void response.writeHead(404).end();

    const method = path.slice('/api/'.length);
    const args = argumentsOf(request, body);
    const call: RecordedCall = { method, args, at: performance.now(), answer: null };
    calls.push(call);
    const fault = options.faults.take(method);
    if (fault?.kind === 'reset_before') return void request.socket.destroy();
    if (fault?.kind === 'hang' && fault.takesEffect !== true) return;
    if (fault?.kind === 'status') return void response.writeHead(fault.status).end();
    if (fault?.kind === 'rate_limited') return tooMany(response, fault.retryAfterSeconds);
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));

    if (method === 'chat.postMessage' && options.rateLimit) {
      const channel = text(args['channel']);
      const since = performance.now() - (lastPost.get(channel) ?? Number.NEGATIVE_INFINITY);
      if (since < MESSAGE_INTERVAL_MS) return tooMany(response, 1);
      lastPost.set(channel, performance.now());
    }
    const token = (request.headers.authorization ?? '').replace(/^Bearer /u, '');
    const answer = fault?.kind === 'error' ? refuse(fault.error) : await perform(method, token, args);
    if (fault?.kind === 'reset_after') return void request.socket.destroy();
    if (fault?.kind === 'hang') return;
    call.answer = answer;
    json(response, answer);
  }

  function respond(id: string, body: string, request: IncomingMessage, response: ServerResponse): void {
    const fault = options.faults.take('response_url');
    if (fault?.kind === 'reset_before') return void request.socket.destroy();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') return void response.writeHead(fault.status).end();
    const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(body));
    const problems = parsed.success && parsed.data['delete_original'] !== true ? checkMessage(parsed.data) : [];
    calls.push({ method: 'response_url', args: parsed.data ?? {}, at: performance.now(), answer: { problems } });
    if (!parsed.success || problems.length > 0) return void response.writeHead(400).end('invalid_blocks');
    if (!options.onResponse(id, parsed.data)) return void response.writeHead(404).end('expired_url');
    response.writeHead(200).end('ok');
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The stand-in has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a channel shows: what is no reply, and replies that were sent to the channel as well. */
export function inChannel(message: EmulatedMessage): boolean {
  return message.thread_ts === undefined || message.thread_ts === message.ts || message.reply_broadcast === true;
}

function tooMany(response: ServerResponse, seconds: number): void {
  response.writeHead(429, { 'retry-after': String(seconds), 'content-type': 'application/json' });
  response.end(JSON.stringify(refuse('ratelimited')));
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function argumentsOf(request: IncomingMessage, body: string): Record<string, unknown> {
  if ((request.headers['content-type'] ?? '').includes('json')) {
    return z.record(z.string(), z.unknown()).catch({}).parse(parseJson(body));
  }
  // A form carries objects as JSON and everything else as text.
  const args: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(body)) {
    args[name] =
      /^[[{]/u.test(value) && name !== 'text'
        ? parseJson(value)
        : value === 'true'
          ? true
          : value === 'false'
            ? false
            : value;
  }
  return args;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
