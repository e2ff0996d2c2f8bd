import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { World } from '../../world/world.js';
import { act, type Outcome } from '../protocol/acts.js';
import { pageFiles } from './bundle.js';
import { fileOf } from './files.js';
import { foreign } from './guard.js';
import { Guide } from './guide.js';
import { PAGE } from './html.js';
import { look } from './look.js';
import { perform } from './perform.js';
import { Stream } from './stream.js';

export interface WorkspaceServer {
  readonly url: string;
  /** Serves the new build of the page, and reloads open ones. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const MOST_BYTES = 100_000;

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * Serves the page only on 127.0.0.1: `/` is the page, `/events` its contents, `/act` its acts, `/files/…` shared files.
 * `onError` is told of failures. @throws if the port is taken
 */
export async function serveWorkspace(
  world: World,
  options: { readonly port: number; readonly onError: (error: unknown) => void },
): Promise<WorkspaceServer> {
  const { onError } = options;
  let bundle = await pageFiles();
  const guide = new Guide();
  const stream = new Stream(() => look(world, guide), onError);
  const forget = world.onChange(() => stream.changed());
  let port = 0;

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      onError(error);
      if (!response.headersSent) send(response, 500, 'text/plain', 'Something went wrong; the terminal says what.');
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = foreign(request.headers, port);
    if (refusal !== null) return send(response, 403, 'text/plain', refusal);
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST' && pathname === '/act') return takeAct(request, response);
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'GET, or POST /act.');
    switch (pathname) {
      case '/':
        return send(response, 200, 'text/html; charset=utf-8', PAGE);
      case '/page.js':
        return send(response, 200, 'text/javascript; charset=utf-8', bundle.script);
      case '/page.css':
        return send(response, 200, 'text/css; charset=utf-8', bundle.style);
      case '/events':
        return stream.open(response);
    }
    const file = pathname.startsWith('/files/') ? await fileOf(world, pathname.slice('/files/'.length)) : null;
    return file === null
      ? send(response, 404, 'text/plain', 'There is nothing here.')
      : send(response, 200, file.type, file.bytes);
  }

  async function takeAct(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Another page's form can post text, but no JSON.
    const body = request.headers['content-type'] === 'application/json' ? await jsonOf(request) : undefined;
    const parsed = act.safeParse(body);
    if (!parsed.success) return send(response, 400, 'text/plain', 'That is nothing that can be done here.');
    let outcome: Outcome;
    try {
      outcome = await perform(world, parsed.data);
    } catch (error) {
      onError(error);
      outcome = { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
    stream.changed();
    send(response, 200, 'application/json', JSON.stringify(outcome));
  }

  const stopWatching = (): Promise<void> => {
    forget();
    return stream.close();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  }).catch(async (error: unknown) => {
    await stopWatching();
    throw error;
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The page has no port.');
  port = address.port;

  return {
    url: `http://127.0.0.1:${port}/`,
    async reload() {
      bundle = await pageFiles();
      stream.reload();
    },
    async close() {
      await stopWatching();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type }).end(body);
}

/** The body as JSON; undefined if it is invalid or too long. */
async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.byteLength;
    // Too long: read to its end without keeping it, because the sender reads the answer only then.
    if (length <= MOST_BYTES) chunks.push(bytes);
  }
  if (length > MOST_BYTES) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
