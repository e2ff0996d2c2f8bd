import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Reply, refuse, TooSoon } from './answer.js';
import { type Arguments, bytesOf, jsonObject, received } from './arguments.js';
import { checkMessage } from './block-kit.js';
import type { FaultKind, FaultPlan } from './faults.js';
import { chatMethods } from './methods/chat.js';
import { conversationMethods } from './methods/conversations.js';
import { fileMethods } from './methods/files.js';
import { otherMethods } from './methods/others.js';
import type { Methods, Surroundings } from './methods/surroundings.js';
import { channelOf } from './methods/surroundings.js';
import { viewMethods } from './methods/views.js';
import type { Responded } from './response-urls.js';
import { METHOD_SCOPES, SOCKET_MODE_SCOPE, scopeIn } from './scopes.js';

/**
 * A call and its answer. A POST to a response URL is recorded as the method `response_url`, one to an upload's address
 * as `upload`.
 */
export interface RecordedCall {
  readonly method: string;
  /** Without the token. */
  readonly args: Arguments;
  /** Milliseconds on a clock that never jumps. */
  readonly at: number;
  /** Null until answered, and for ever if no answer was sent. */
  answer: Answer | null;
  /** The HTTP status; null until answered. */
  status: number | null;
}

export interface WebApiOptions {
  readonly around: Surroundings;
  readonly faults: FaultPlan;
  readonly appToken: string;
  readonly appTokenScopes: readonly string[];
  /** A fresh address for a Socket Mode connection. */
  readonly socketUrl: () => string;
  /** Applies a POST to a response URL. */
  readonly respond: (id: string, body: unknown) => Promise<Responded>;
}

export interface WebApi {
  /** Without a slash at its end. */
  readonly url: string;
  readonly calls: readonly RecordedCall[];
  readonly server: Server;
  close(): Promise<void>;
}

/** Slack over HTTP: checks the token and its scope, and refuses what Slack would refuse. */
export async function startWebApi(options: WebApiOptions): Promise<WebApi> {
  const { around, faults } = options;
  const calls: RecordedCall[] = [];
  const methods: Methods = {
    ...chatMethods(around),
    ...conversationMethods(around),
    ...viewMethods(around),
    ...fileMethods(around),
    ...otherMethods(around),
  };

  async function perform(method: string, token: string, args: Arguments): Promise<Reply> {
    if (method === 'apps.connections.open') return openConnection(token);
    const work = methods[method];
    if (work === undefined || !(method in METHOD_SCOPES)) return refuse('unknown_method', { req_method: method });
    if (token === '') return refuse('not_authed');
    if (token === options.appToken) return refuse('not_allowed_token_type');
    if (token !== around.bot.token) return refuse('invalid_auth');
    const needed = scopeIn(method, channelOf(around, args)?.isPrivate ?? false);
    if (needed !== null && needed !== undefined && !around.scopes.includes(needed)) {
      return refuse('missing_scope', { needed, provided: around.scopes.join(',') });
    }
    return work(args);
  }

  function openConnection(token: string): Answer {
    if (token === '') return refuse('not_authed');
    if (token === around.bot.token) return refuse('not_allowed_token_type');
    if (token !== options.appToken) return refuse('invalid_auth');
    if (!options.appTokenScopes.includes(SOCKET_MODE_SCOPE)) {
      return refuse('missing_scope', { needed: SOCKET_MODE_SCOPE, provided: options.appTokenScopes.join(',') });
    }
    return { ok: true, url: options.socketUrl() };
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent || request.socket.destroyed) return;
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const bytes = await bytesOf(request);
    if (url.pathname.startsWith('/upload/v1/')) {
      return upload(url.pathname.slice('/upload/v1/'.length), bytes, request, response);
    }
    const body = bytes.toString('utf8');
    if (url.pathname.startsWith('/response/')) {
      return respond(url.pathname.slice('/response/'.length), body, request, response);
    }
    if (!url.pathname.startsWith('/api/')) return send(response, null, 404, '');

    const method = url.pathname.slice('/api/'.length);
    const said = received(request, url, body);
    const call = record(method, said?.args ?? {});
    const suffered = await suffer(method, call, request, response, async () => {
      const reply = said === null ? refuse('invalid_json') : await perform(method, said.token, said.args);
      return reply instanceof TooSoon ? tooSoon(reply.retryAfterSeconds) : { status: 200, body: reply };
    });
    if (suffered !== null) sendJson(response, call, suffered, around.scopes);
  }

  async function respond(id: string, body: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parsed = jsonObject(body);
    const call = record('response_url', parsed ?? {});
    const suffered = await suffer('response_url', call, request, response, async () => {
      if (parsed === null) return { status: 400, body: refuse('invalid_payload') };
      const problems = parsed['delete_original'] === true ? [] : checkMessage(parsed);
      if (problems.length > 0) return { status: 400, body: refuse('invalid_blocks', { problems }) };
      const outcome = await options.respond(id, parsed);
      return outcome === 'ok' ? { status: 200, body: { ok: true } } : { status: 404, body: refuse(outcome) };
    });
    if (suffered !== null) sendJson(response, call, suffered, []);
  }

  /** An upload's address is itself a secret: no token is needed. */
  async function upload(id: string, bytes: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = record('upload', { file: id, length: bytes.byteLength });
    const suffered = await suffer('upload', call, request, response, async () => {
      const status = request.method === 'POST' ? around.uploads.receive(id, bytes) : 405;
      return { status, body: status === 200 ? { ok: true } : refuse('upload_failed') };
    });
    if (suffered !== null) sendJson(response, call, suffered, []);
  }

  function record(method: string, args: Arguments): RecordedCall {
    const call: RecordedCall = { method, args, at: performance.now(), answer: null, status: null };
    calls.push(call);
    return call;
  }

  /** Handles the request, as far as a planned fault allows. Null: send no answer. */
  async function suffer(
    method: string,
    call: RecordedCall,
    request: IncomingMessage,
    response: ServerResponse,
    work: () => Promise<HttpAnswer>,
  ): Promise<HttpAnswer | null> {
    const fault: FaultKind | null = faults.take(method);
    switch (fault?.kind) {
      case undefined:
        return work();
      case 'status':
        send(response, call, fault.status, '', fault.location === undefined ? {} : { location: fault.location });
        return null;
      case 'rate_limited':
        return tooSoon(fault.retryAfterSeconds);
      case 'error':
        if (fault.takesEffect === true) await work();
        return { status: 200, body: refuse(fault.error) };
      case 'body':
        if (fault.takesEffect === true) await work();
        send(response, call, 200, fault.body, { 'content-type': 'application/json; charset=utf-8' });
        return null;
      case 'reset_before':
        request.socket.destroy();
        return null;
      case 'reset_after':
        await work();
        request.socket.destroy();
        return null;
      case 'hang':
        if (fault.takesEffect === true) await work();
        return null;
      case 'delay': {
        await sleep(fault.ms, undefined, { ref: false });
        return work();
      }
    }
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

interface HttpAnswer {
  readonly status: number;
  readonly body: Answer;
  readonly headers?: Readonly<Record<string, string>>;
}

function tooSoon(seconds: number): HttpAnswer {
  return { status: 429, body: refuse('ratelimited'), headers: { 'retry-after': String(seconds) } };
}

function sendJson(response: ServerResponse, call: RecordedCall, answer: HttpAnswer, scopes: readonly string[]): void {
  call.answer = answer.body;
  const accepted = METHOD_SCOPES[call.method];
  send(response, call, answer.status, JSON.stringify(answer.body), {
    'content-type': 'application/json; charset=utf-8',
    'x-oauth-scopes': scopes.join(','),
    ...(typeof accepted === 'string' ? { 'x-accepted-oauth-scopes': accepted } : {}),
    ...answer.headers,
  });
}

function send(
  response: ServerResponse,
  call: RecordedCall | null,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (call !== null) call.status = status;
  response.writeHead(status, headers).end(body);
}
