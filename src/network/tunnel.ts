import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import { type HttpProxy, portOf } from './proxies.js';

/**
 * A proxy made no connection, so nothing was sent over it. `code` is short and holds no secret: `PROXY_` and the
 * proxy's status, `TIMEOUT`, or the system's code if the proxy itself can't be reached.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  constructor(readonly code: string) {
    super(`the proxy let no connection through (${code})`);
  }
}

/** Shorter than any of our callers waits: the error then says what kept it waiting. */
const TUNNEL_WITHIN_MS = 8_000;

/**
 * Connects to an address through a proxy's tunnel. Starting TLS is up to the caller.
 * @throws {ProxyError} if the proxy makes no connection, after eight seconds at most
 */
export function openTunnel(
  proxy: HttpProxy,
  target: URL,
  { signal, ...tls }: { readonly signal: AbortSignal; readonly ca?: readonly string[] },
): Promise<Socket> {
  const authority = `${target.hostname}:${portOf(target)}`;
  return new Promise((resolve, reject) => {
    const { request: send } = proxy.isSecure ? https : http;
    const request = send({
      host: proxy.hostname,
      port: proxy.port,
      // Otherwise Node takes the Host header's as the proxy's own name.
      servername: isIP(proxy.hostname) === 0 ? proxy.hostname : '',
      method: 'CONNECT',
      path: authority,
      // Node's own agent may use a proxy itself.
      agent: false,
      headers: {
        host: authority,
        ...(proxy.authorization === null ? {} : { 'proxy-authorization': proxy.authorization }),
      },
      ...(tls.ca === undefined ? {} : { ca: [...tls.ca] }),
    });
    const giveUp = (why: string) => request.destroy(new ProxyError(`PROXY_${why}`));
    const stop = () => giveUp('STOPPED');
    const timer = setTimeout(giveUp, TUNNEL_WITHIN_MS, 'TIMEOUT');
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    };
    request.once('connect', ({ statusCode = 0 }, socket, head) => {
      settle();
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        reject(new ProxyError(`PROXY_${statusCode}`));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.on('error', (error) => {
      settle();
      reject(error instanceof ProxyError ? error : new ProxyError(`PROXY_${codeOf(error)}`));
    });
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    request.end();
  });
}

/** Node's errors may hold raw packets: keep only the code. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' && /^[A-Z0-9_]{1,60}$/u.test(error.code)
    ? error.code
    : 'FAILED';
}
