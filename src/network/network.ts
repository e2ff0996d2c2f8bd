import { type ClientRequestArgs, Agent as HttpAgent, type AgentOptions as HttpAgentOptions } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { rootCertificates } from 'node:tls';
import {
  Agent,
  buildConnector,
  DecoratorHandler,
  Dispatcher,
  type RequestInit,
  type Response,
  fetch as undiciFetch,
} from 'undici';
import { withTimeout } from '../with-timeout.js';
import { networkCode } from './failures.js';
import { type Proxies, type HttpProxy, type Route, routeTo, shownProxy } from './proxies.js';
import { openTunnel, ProxyError } from './tunnel.js';

/** The platform's fetch, without the option that picks another way out. */
export type Fetch = (url: string | URL, init?: Omit<RequestInit, 'dispatcher'>) => Promise<Response>;

/** Agents for Node's own HTTP client, which heroku-client uses. */
export interface Agents {
  readonly plain: HttpAgent;
  readonly secure: HttpsAgent;
}

/** Connections for one purpose, which can be cut all at once. */
export interface Line {
  readonly dispatcher: Dispatcher;
  /** Ends every connection, including those being made. Later ones are not affected. */
  cut(): void;
  /** Why the last connection could not be made; null if it could. */
  trouble(): Error | null;
}

/**
 * Every way out of this process except the database's: directly, or through the proxy in HTTPS_PROXY, HTTP_PROXY and
 * NO_PROXY. Node 20 ignores those; later versions don't apply them to custom agents. So we decide here, not Node.
 */
export interface Network {
  readonly fetch: Fetch;
  routeTo(url: string): Route;
  agents(options: Pick<HttpAgentOptions, 'keepAlive' | 'timeout'>): Agents;
  createLine(): Line;
  /**
   * Connects, TLS included: null, or the code of the failure. Sends nothing, but for an http address behind a proxy,
   * which only answers requests: then a HEAD for `/`, never for the address's own path. Never rejects.
   */
  reach(url: string, withinMs: number): Promise<string | null>;
  /** Ends every connection; no more can be made. */
  close(): void;
}

/** `ca`: certificates, as PEM, to trust besides Node's own. */
export function createNetwork(proxies: Proxies, { ca }: { readonly ca?: string } = {}): Network {
  const tls = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const closing = new AbortController();
  const direct = buildConnector(tls);
  const openTo = (proxy: HttpProxy, target: URL, signal: AbortSignal) => openTunnel(proxy, target, { ...tls, signal });

  /** `over` ends what is being made. */
  function connect(over: AbortSignal): buildConnector.connector {
    return (target, callback) => {
      const done: buildConnector.Callback = (...[error, socket]) => {
        // undici calls it with only an error, whatever its types say.
        if (error !== null) return callback(error, null);
        if (!over.aborted) return callback(null, socket);
        socket.destroy();
        callback(new Error('the connection is no longer wanted'), null);
      };
      const url = new URL(`${target.protocol}//${target.host ?? target.hostname}`);
      const route = routeTo(proxies, url);
      if (route.kind !== 'proxy') return direct(target, done);
      openTo(route.proxy, url, over).then(
        (socket) => (url.protocol === 'https:' ? direct({ ...target, httpSocket: socket }, done) : done(null, socket)),
        (error: Error) => done(error, null),
      );
    };
  }

  const routed = new Agent({ connect: connect(closing.signal) });
  // Only connects to proxies.
  const unrouted = new Agent({
    connect: (target, callback) =>
      direct(target, (...[error, socket]) =>
        error === null
          ? callback(null, socket)
          : callback(new ProxyError(`PROXY_${networkCode(error) ?? 'FAILED'}`), null),
      ),
  });
  const dispatcher = new ProxyingDispatcher(proxies, routed, unrouted);

  type Reached = { readonly code: string | null };

  function tryConnect({ protocol, hostname, host, port }: URL, over: AbortSignal): Promise<Reached> {
    return new Promise((resolve) => {
      const target = { protocol, hostname: hostname.replace(/^\[|\]$/gu, ''), host, port };
      connect(over)(target, (...[error, socket]) => {
        socket?.destroy();
        resolve({ code: error === null ? null : (networkCode(error) ?? 'FAILED') });
      });
    });
  }

  async function askForward({ origin }: URL, signal: AbortSignal): Promise<Reached> {
    try {
      const { status } = await undiciFetch(`${origin}/`, { method: 'HEAD', redirect: 'manual', signal, dispatcher });
      return { code: NOT_FORWARDED.has(status) ? `ANSWERED_${status}` : null };
    } catch (error) {
      return { code: networkCode(error) ?? 'FAILED' };
    }
  }

  return {
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher }),
    routeTo: (url) => routeTo(proxies, new URL(url)),
    agents: (options) => ({
      plain: new TunnelAgent({ ...options }, proxies, (proxy, url) => openTo(proxy, url, closing.signal)),
      secure: new SecureTunnelAgent({ ...options, ...tls }, proxies, (proxy, url) =>
        openTo(proxy, url, closing.signal),
      ),
    }),
    createLine() {
      let over = new AbortController();
      let trouble: Error | null = null;
      const open = new Set<Socket>();
      const agent = new Agent({
        connect: (target, callback) =>
          connect(AbortSignal.any([over.signal, closing.signal]))(target, (...[error, socket]) => {
            trouble = error;
            if (error !== null) return callback(error, null);
            open.add(socket);
            socket.once('close', () => open.delete(socket));
            callback(null, socket);
          }),
      });
      return {
        dispatcher: agent,
        cut() {
          over.abort();
          over = new AbortController();
          for (const socket of open) socket.destroy();
        },
        trouble: () => trouble,
      };
    },
    async reach(address, withinMs) {
      const asked = new URL(address.replace(/^ws(s?:)/u, 'http$1'));
      const route = routeTo(proxies, asked);
      const over = new AbortController();
      const isForwarded = route.kind === 'proxy' && asked.protocol === 'http:' && !address.startsWith('ws');
      const outcome = await withTimeout(
        withinMs,
        isForwarded ? askForward(asked, over.signal) : tryConnect(asked, over.signal),
      );
      over.abort();
      return outcome === null ? 'TIMEOUT' : outcome.code;
    },
    close() {
      closing.abort();
      void routed.destroy();
      void unrouted.destroy();
    },
  };
}

/** What a proxy answers that doesn't forward a request; the address itself may answer the same. */
const NOT_FORWARDED: ReadonlySet<number> = new Set([403, 502, 503, 504]);

/** Asks a proxy for an http address by its full URL: few proxies tunnel to port 80. */
class ProxyingDispatcher extends Dispatcher {
  constructor(
    private readonly proxies: Proxies,
    private readonly routed: Dispatcher,
    private readonly unrouted: Dispatcher,
  ) {
    super();
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const url = new URL(options.origin ?? '');
    const route = routeTo(this.proxies, url);
    const isPlain = url.protocol === 'http:' && options.upgrade == null;
    if (route.kind !== 'proxy' || !isPlain) return this.routed.dispatch(options, handler);
    const { proxy } = route;
    const headers = {
      ...headersOf(options.headers),
      host: url.host,
      ...(proxy.authorization === null ? {} : { 'proxy-authorization': proxy.authorization }),
    };
    const asked = { ...options, origin: shownProxy(proxy), path: `${url.origin}${options.path}`, headers };
    return this.unrouted.dispatch(asked, failAt407(handler));
  }
}

/** fetch fails at a 407 without saying so. Only a proxy answers it, so the request went no further. */
function failAt407(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  const inner: Dispatcher.DispatchHandler = new DecoratorHandler(handler);
  return {
    onRequestStart: (...all) => inner.onRequestStart?.(...all),
    onRequestUpgrade: (...all) => inner.onRequestUpgrade?.(...all),
    onResponseStart(controller, status, ...rest) {
      if (status === 407) controller.abort(new ProxyError('PROXY_407'));
      else inner.onResponseStart?.(controller, status, ...rest);
    },
    onResponseData: (...all) => inner.onResponseData?.(...all),
    onResponseEnd: (...all) => inner.onResponseEnd?.(...all),
    onResponseError: (...all) => inner.onResponseError?.(...all),
  };
}

/** fetch passes them as an object, not as a list. */
function headersOf(
  headers: Dispatcher.DispatchOptions['headers'],
): Readonly<Record<string, string | string[] | undefined>> {
  if (headers == null) return {};
  if (Array.isArray(headers) || Symbol.iterator in headers) throw new Error('Headers are expected by name.');
  return { ...headers };
}

type Open = (proxy: HttpProxy, target: URL) => Promise<Socket>;
type Created = (error: Error | null, stream: Duplex) => void;

/** Node's types require one with an error; nobody reads it. */
const NO_STREAM = new Duplex();
const refuse = (created: Created | undefined) => (error: Error) => created?.(error, NO_STREAM);

/** Connects through a proxy's tunnel if one is to be used. */
class TunnelAgent extends HttpAgent {
  constructor(
    options: HttpAgentOptions,
    private readonly proxies: Proxies,
    private readonly open: Open,
  ) {
    super(options);
  }

  override createConnection(options: ClientRequestArgs, created?: Created): Duplex | null | undefined {
    const url = addressOf('http', options);
    const route = routeTo(this.proxies, url);
    if (route.kind !== 'proxy') return super.createConnection(options, created);
    this.open(route.proxy, url).then((socket) => created?.(null, socket), refuse(created));
    return undefined;
  }
}

/** The same for TLS, which begins once the tunnel is there. */
class SecureTunnelAgent extends HttpsAgent {
  constructor(
    options: HttpsAgentOptions,
    private readonly proxies: Proxies,
    private readonly open: Open,
  ) {
    super(options);
  }

  override createConnection(options: RequestOptions, created?: Created): Duplex | null | undefined {
    const url = addressOf('https', options);
    const route = routeTo(this.proxies, url);
    if (route.kind !== 'proxy') return super.createConnection(options, created);
    this.open(route.proxy, url).then((socket) => {
      const over: RequestOptions & { readonly socket: Socket } = { ...options, socket };
      created?.(null, super.createConnection(over) ?? NO_STREAM);
    }, refuse(created));
    return undefined;
  }
}

function addressOf(protocol: 'http' | 'https', { host, port }: ClientRequestArgs): URL {
  const name = host ?? 'localhost';
  return new URL(`${protocol}://${name.includes(':') ? `[${name}]` : name}${port == null ? '' : `:${port}`}`);
}
