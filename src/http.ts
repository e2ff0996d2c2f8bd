import { createServer, type IncomingMessage, STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import { createBatch } from './batch.js';
import { createBearerCheck } from './bearer.js';
import { BODY_LIMITS, type BodyLimits, createBodyReader, type ReadBody } from './http-bodies.js';
import { CONNECTION_LIMITS, type ConnectionLimits, watchConnections } from './http-connections.js';
import { listen } from './listen.js';
import type { Metrics } from './metrics.js';
import type { Page, PageRequest } from './pages/enrolment.js';
import { STYLE_PATH } from './pages/html.js';
import { styleSheet } from './pages/style-sheet.js';
import type { Readiness } from './readiness.js';
import { referenceNote, withReference } from './reference.js';
import type { Knock } from './slack/http-receiver.js';
import { createTurns } from './turns.js';

const SLACK_PATH = '/slack/events';

export interface HttpDependencies {
  /** Answers `POST /slack/events`; null in Socket Mode. */
  readonly slackListener: ((knock: Knock) => Promise<void>) | null;
  /** Pages for browsers, by the start of their path. */
  readonly pages: Readonly<Record<string, (request: PageRequest) => Promise<Page>>>;
  /** Where people reach it; null: unknown. */
  readonly publicUrl: string | null;
  /** Required for metrics and for what isn't ready; null: open to anybody. */
  readonly metricsToken: string | null;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: Pick<Metrics, 'expose'>;
  readonly log: Logger;
  /** Limits on what unsigned requests may use; tests lower them. */
  readonly limits?: Partial<BodyLimits & ConnectionLimits>;
}

export interface HttpServer {
  readonly port: number;
  /** Takes no more requests; resolves when those under way are answered. */
  stop(): Promise<void>;
}

/**
 * Longer than any proxy keeps an idle connection (Heroku's router: 90 s): if we closed first, we'd lose the request the
 * proxy is just sending. That includes connections a proxy opened ahead and hasn't used yet.
 */
const IDLE_MS = 100_000;

/** Pages need database connections, which are there for people in Slack. */
const PAGES_AT_ONCE = 2;
const PAGES_WAITING = 50;

/** The metrics are rendered at most this often, however many ask. */
const METRICS_EVERY_MS = 100;

/** Browsers must not guess an answer's type. */
const NOSNIFF = ['x-content-type-options', 'nosniff'] as const;

/**
 * The app's one HTTP server: `/healthz` (the process lives), `/readyz` (200, or 503 with what is wrong), `/metrics`,
 * the linked pages, and, without Socket Mode, Slack's requests. Port 0 takes any free one.
 */
export async function startHttp(port: number, deps: HttpDependencies): Promise<HttpServer> {
  const limits = { ...BODY_LIMITS, ...CONNECTION_LIMITS, ...deps.limits };
  const server = createServer({
    keepAliveTimeout: IDLE_MS,
    // Node counts this from the connection's opening, too. watchConnections is stricter once a request has begun.
    headersTimeout: IDLE_MS,
    requestTimeout: IDLE_MS,
    // Node's own refusal would lack the header.
    requireHostHeader: false,
  });
  const connections = watchConnections(server, limits);
  const context: Context = {
    ...deps,
    readBody: createBodyReader(limits),
    mayLook: createBearerCheck(deps.metricsToken),
    trust: connections.trust,
    expose: createBatch(deps.metrics.expose, METRICS_EVERY_MS),
    pageTurn: createTurns(PAGES_AT_ONCE, PAGES_WAITING),
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader(...NOSNIFF);
    if (!connections.admit(request, response)) return;
    void withReference(() => answer(request, response, context));
  };
  server.on('request', handle);
  server.on('checkExpectation', handle);
  server.on('clientError', refuseUnreadable);
  await listen(server, port);
  return { port: portOf(server), stop: connections.stop };
}

/** Not HTTP, or too much of it. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  if (socket.writable && error.code !== 'ECONNRESET') {
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n${NOSNIFF.join(': ')}\r\n\r\n`);
  }
  socket.destroy(error);
}

interface Context extends HttpDependencies {
  readonly readBody: ReadBody;
  readonly mayLook: (request: IncomingMessage) => boolean;
  readonly trust: (request: IncomingMessage) => void;
  readonly expose: Metrics['expose'];
  readonly pageTurn: ReturnType<typeof createTurns>;
}

/** Never rejects. */
async function answer(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  try {
    await route(request, response, context);
  } catch (error) {
    context.log.error({ err: error }, 'a request failed');
    if (response.headersSent) response.destroy();
    else send(response, 500, 'text/plain', `internal error${referenceNote()}\n`);
  }
}

async function route(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  // HTTP/1.1 requires it (RFC 9112, 3.2); nothing here depends on it.
  if (request.headers.host === undefined && request.httpVersion !== '1.0') {
    return send(response, 400, 'text/plain', 'bad request\n');
  }
  for (const path of ownPaths(pathOf(request.url ?? ''), context.publicUrl)) {
    if (await serve(request, response, path, context)) return;
  }
  send(response, 404, 'text/plain', 'not found\n');
}

/**
 * The paths an address may mean. Some proxies pass on the path in PUBLIC_URL, some strip it: so strip it if it is
 * there, and if that leads nowhere, use the address as it came.
 */
function ownPaths(path: string, publicUrl: string | null): readonly string[] {
  const base = publicUrl === null ? '/' : new URL(publicUrl).pathname;
  return base !== '/' && path.startsWith(`${base}/`) ? [path.slice(base.length), path] : [path];
}

/** False if there is nothing at this path. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  context: Context,
): Promise<boolean> {
  if (request.method === 'GET' && (await serveProbe(request, response, path, context))) return true;
  const page = path.endsWith(STYLE_PATH)
    ? styleSheet
    : Object.entries(context.pages).find(([prefix]) => path.startsWith(prefix))?.[1];
  if (page !== undefined) {
    await servePage(request, response, path, page, context);
    return true;
  }
  if (context.slackListener === null || request.method !== 'POST' || path !== SLACK_PATH) return false;
  await context.slackListener({
    request,
    response,
    readBody: (mostBytes) => context.readBody(request, mostBytes),
    trust: () => context.trust(request),
  });
  return true;
}

/** False if this isn't a probe's path. */
async function serveProbe(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { readiness, expose, mayLook }: Context,
): Promise<boolean> {
  switch (path) {
    case '/healthz':
      send(response, 200, 'text/plain', 'ok\n');
      return true;
    case '/readyz': {
      const found = await readiness();
      const status = found.ready ? 200 : 503;
      if (mayLook(request)) send(response, status, 'application/json', `${JSON.stringify(found)}\n`);
      else send(response, status, 'text/plain', found.ready ? 'ready\n' : 'not ready\n');
      return true;
    }
    case '/metrics': {
      if (!mayLook(request)) {
        response.setHeader('www-authenticate', 'Bearer');
        send(response, 401, 'text/plain', 'unauthorized\n');
        return true;
      }
      const { contentType, text } = await expose();
      send(response, 200, contentType, text);
      return true;
    }
    default:
      return false;
  }
}

/** No page runs a script, loads anything from elsewhere, may be framed or cached, or sends a referrer. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
const A_YEAR_S = 365 * 24 * 3_600;

/** Whether browsers may be told to use only https for the whole host: with a path in PUBLIC_URL, others share it. */
function ownsHttpsHost(publicUrl: string | null): boolean {
  return publicUrl !== null && publicUrl === new URL(publicUrl).origin && publicUrl.startsWith('https:');
}

/** Our form sends one code; anything larger isn't it. */
const FORM_MAX_BYTES = 1_024;

async function servePage(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  answer: (request: PageRequest) => Promise<Page>,
  { readBody, pageTurn, publicUrl }: Context,
): Promise<void> {
  const method = request.method ?? '';
  // Read before taking a slot: a slow sender must not occupy one.
  const bytes = method === 'POST' ? await readBody(request, FORM_MAX_BYTES) : Buffer.alloc(0);
  if (typeof bytes === 'number' && bytes !== 413) return send(response, bytes, 'text/plain', 'try again\n');
  const asked = {
    method,
    path,
    contentType: request.headers['content-type'] ?? '',
    body: typeof bytes === 'number' ? null : bytes.toString('utf8'),
  };
  const page = await (answer === styleSheet ? answer(asked) : pageTurn(() => answer(asked)));
  if (page === undefined) return send(response, 503, 'text/plain', 'try again\n');
  const body = Buffer.from(page.body, 'utf8');
  response.writeHead(page.status, {
    ...PAGE_HEADERS,
    'content-type': `${page.contentType}; charset=utf-8`,
    'content-length': body.byteLength,
    ...(ownsHttpsHost(publicUrl) ? { 'strict-transport-security': `max-age=${A_YEAR_S}` } : {}),
    ...(page.allow === undefined ? {} : { allow: page.allow }),
  });
  response.end(method === 'HEAD' ? undefined : body);
}

/** The path as sent, without its query. Normalising first would turn `/promotions/../metrics` into another. */
function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? '';
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': length, 'cache-control': 'no-store' });
  response.end(body);
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('The HTTP server has no port.');
  return address.port;
}
