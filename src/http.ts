import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Metrics } from './metrics.js';
import type { Page, PageRequest } from './pages/enrolment.js';
import { STYLE_PATH } from './pages/html.js';
import { styleSheet } from './pages/style-sheet.js';
import type { Readiness } from './readiness.js';

/** Where Slack’s requests come in. */
export const SLACK_PATH = '/slack/events';

export interface HttpDependencies {
  /** Answers `POST /slack/events`; null in Socket Mode. */
  readonly slackListener: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | null;
  /** What people's browsers get, by how its path begins. */
  readonly pages: Readonly<Record<string, (request: PageRequest) => Promise<Page>>>;
  /** Where people reach it; null: nobody says. */
  readonly publicUrl: string | null;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface HttpServer {
  readonly port: number;
  /** Takes no more requests; resolves when those under way are answered. */
  stop(): Promise<void>;
}

/**
 * Longer than any proxy in front keeps an idle connection (Heroku's router: 90 s): if we closed it first, the request that
 * the proxy just sends on it would be lost. That holds for a connection that a proxy opened ahead and hasn't used yet as well.
 */
const IDLE_MS = 100_000;

/**
 * The app's one HTTP server, in both modes: `/healthz` (the process lives), `/readyz` (200, or 503 with what is
 * wrong), `/metrics`, the pages of links, and Slack's requests where there is no Socket Mode. Port 0 takes any
 * free one.
 */
export async function startHttp(port: number, deps: HttpDependencies): Promise<HttpServer> {
  const underWay = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    underWay.add(response);
    response.once('close', () => underWay.delete(response));
    route(request, response, deps).catch((error: unknown) => {
      deps.log.error({ err: error }, 'a request failed');
      if (response.headersSent) response.destroy();
      else send(response, 500, 'text/plain', 'internal error\n');
    });
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.keepAliveTimeout = IDLE_MS;
  // A slow client must not hold a connection for ever. Node counts these from the connection's opening, too.
  server.headersTimeout = IDLE_MS;
  server.requestTimeout = IDLE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return { port: portOf(server), stop: () => close(server, sockets, underWay) };
}

async function route(request: IncomingMessage, response: ServerResponse, deps: HttpDependencies): Promise<void> {
  const asked = pathOf(request.url ?? '/');
  for (const path of asked === null ? [] : ownPaths(asked, deps.publicUrl)) {
    if (await serve(request, response, path, deps)) return;
  }
  send(response, 404, 'text/plain', 'not found\n');
}

/**
 * What an address may mean. Below a path of PUBLIC_URL, some proxies pass that path on and some take it off: so it is taken off
 * here where it is, and if that leads nowhere, the address is taken as it came.
 */
function ownPaths(path: string, publicUrl: string | null): readonly string[] {
  const base = publicUrl === null ? '/' : new URL(publicUrl).pathname;
  return base !== '/' && path.startsWith(`${base}/`) ? [path.slice(base.length), path] : [path];
}

/** Whether there is something at this path. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  deps: HttpDependencies,
): Promise<boolean> {
  if (request.method === 'GET' && (await serveProbe(response, path, deps))) return true;
  const page = path.endsWith(STYLE_PATH)
    ? styleSheet
    : Object.entries(deps.pages).find(([prefix]) => path.startsWith(prefix))?.[1];
  if (page !== undefined) {
    await servePage(request, response, path, page, deps);
    return true;
  }
  if (deps.slackListener === null || request.method !== 'POST' || path !== SLACK_PATH) return false;
  await deps.slackListener(request, response);
  return true;
}

/** Whether it was a probe's path. */
async function serveProbe(response: ServerResponse, path: string, deps: HttpDependencies): Promise<boolean> {
  switch (path) {
    case '/healthz':
      send(response, 200, 'text/plain', 'ok\n');
      return true;
    case '/readyz': {
      const readiness = await deps.readiness();
      send(response, readiness.ready ? 200 : 503, 'application/json', `${JSON.stringify(readiness)}\n`);
      return true;
    }
    case '/metrics': {
      const { contentType, text } = await deps.metrics.expose();
      send(response, 200, contentType, text);
      return true;
    }
    default:
      return false;
  }
}

/** No page runs a script, loads anything from elsewhere, is framed, kept, or named to where its links lead. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
const A_YEAR_S = 365 * 24 * 3_600;

/** Whether browsers may be told to keep to https for the whole host: below a path, others share it. */
function ownsHttpsHost(publicUrl: string | null): boolean {
  return publicUrl !== null && publicUrl === new URL(publicUrl).origin && publicUrl.startsWith('https:');
}

/** A form of ours is one code; whatever is larger is none. */
const FORM_MAX_BYTES = 1_024;

async function servePage(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  answer: (request: PageRequest) => Promise<Page>,
  deps: HttpDependencies,
): Promise<void> {
  const method = request.method ?? '';
  const page = await answer({
    method,
    path,
    contentType: request.headers['content-type'] ?? '',
    body: () => readBody(request, FORM_MAX_BYTES),
  });
  const body = Buffer.from(page.body, 'utf8');
  response.writeHead(page.status, {
    ...PAGE_HEADERS,
    'content-type': `${page.contentType}; charset=utf-8`,
    'content-length': body.byteLength,
    ...(ownsHttpsHost(deps.publicUrl) ? { 'strict-transport-security': `max-age=${A_YEAR_S}` } : {}),
    ...(page.allow === undefined ? {} : { allow: page.allow }),
    // What was not read is not waited for.
    ...(request.complete || method === 'GET' || method === 'HEAD' ? {} : { connection: 'close' }),
  });
  response.end(method === 'HEAD' ? undefined : body);
}

/** The body as text; null where it is larger. */
async function readBody(request: IncomingMessage, mostBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.from(chunk);
    length += bytes.byteLength;
    if (length > mostBytes) return null;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What was asked for, without a query; null where it is no address, which anybody may send. */
function pathOf(target: string): string | null {
  // Nearly all there are.
  if (target === SLACK_PATH) return target;
  return URL.canParse(target, 'http://localhost') ? new URL(target, 'http://localhost').pathname : null;
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('The HTTP server has no port.');
  return address.port;
}

/**
 * A connection whose request is under way ends with its answer, which says so: it would stay open for the next one. All others
 * end now; Node calls one idle only once it has had a request.
 */
function close(server: Server, sockets: ReadonlySet<Socket>, underWay: ReadonlySet<ServerResponse>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    for (const response of underWay) response.shouldKeepAlive = false;
    const busy = new Set([...underWay].map(({ socket }) => socket));
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
  });
}
