import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { portOf } from './ports.js';

/**
 * A Slack that answers every call at once and stores nothing: the app is measured, not a stand-in as careful as Slack.
 * Passes on what it receives.
 */
export interface InstantSlack {
  readonly apiUrl: string;
  /** An interaction's response URL, for `nextAnswer`. */
  readonly responseUrl: string;
  /** Resolves with the next answer to an interaction. */
  nextAnswer(): Promise<string>;
  /** Resolves with the arguments of a method's next call that contain a text. */
  nextCall(method: string, holding: string): Promise<string>;
  /** How often each method was called; 'answer' is an interaction's response URL. */
  readonly calls: ReadonlyMap<string, number>;
  /** Milliseconds since its last request. */
  silentForMs(): number;
  close(): Promise<void>;
}

export const TEAM = 'T0BENCH';
export const BOT_TOKEN = 'xoxb-bench';

export async function startInstantSlack(): Promise<InstantSlack> {
  const waiting = new Set<{ readonly what: string; readonly holding: string; readonly tell: (said: string) => void }>();
  const calls = new Map<string, number>();
  let messages = 0;
  let lastAskedAt = performance.now();
  let uploadUrl = '';

  function next(what: string, holding: string): Promise<string> {
    return new Promise((tell) => waiting.add({ what, holding, tell }));
  }

  function answerTo(method: string): Readonly<Record<string, unknown>> {
    switch (method) {
      case 'auth.test':
        return { ok: true, team_id: TEAM, user_id: 'U0BOT', bot_id: 'B0BOT', url: 'http://127.0.0.1/' };
      case 'chat.postMessage': {
        messages += 1;
        return { ok: true, channel: 'C0ALERTS', ts: `1700000000.${String(messages).padStart(6, '0')}` };
      }
      case 'conversations.history':
      case 'conversations.replies':
        return { ok: true, messages: [], has_more: false };
      case 'views.open':
      case 'views.update':
        return { ok: true, view: { id: 'V0BENCH', hash: '1700000000.bench' } };
      case 'files.getUploadURLExternal':
        return { ok: true, upload_url: uploadUrl, file_id: 'F0BENCH' };
      case 'files.info':
        return { ok: true, file: { id: 'F0BENCH', mimetype: 'image/png' } };
      default:
        return { ok: true };
    }
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    lastAskedAt = performance.now();
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [, kind = '', method = ''] = (request.url ?? '').split('/');
      const body = JSON.stringify(kind === 'api' ? answerTo(method) : { ok: true });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
      const heard = kind === 'api' ? method : 'answer';
      calls.set(heard, (calls.get(heard) ?? 0) + 1);
      if (waiting.size > 0) tellThoseWaiting(heard, Buffer.concat(chunks).toString('utf8'));
    });
  }

  function tellThoseWaiting(heard: string, said: string): void {
    for (const one of waiting) {
      if (one.what !== heard || !said.includes(one.holding)) continue;
      waiting.delete(one);
      one.tell(said);
    }
  }

  const server = createServer(handle);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server)}`;
  uploadUrl = `${url}/upload`;
  return {
    apiUrl: `${url}/api/`,
    responseUrl: `${url}/response`,
    nextAnswer: () => next('answer', ''),
    nextCall: next,
    calls,
    silentForMs: () => performance.now() - lastAskedAt,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
