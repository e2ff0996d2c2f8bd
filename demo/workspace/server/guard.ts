import type { IncomingHttpHeaders } from 'node:http';

/**
 * Why a request is refused; null if it comes from the page itself. Every process of the machine can reach the port, and
 * through the browser every web page: other host names (DNS rebinding) and other origins are refused.
 */
export function foreign(headers: IncomingHttpHeaders, port: number): string | null {
  const { host, origin } = headers;
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (host === undefined || !hosts.includes(host)) return 'This page answers on 127.0.0.1 and localhost only.';
  if (origin !== undefined && origin !== `http://${host}`) return 'This page takes nothing from other pages.';
  if (headers['sec-fetch-site'] === 'cross-site') return 'This page takes nothing from other pages.';
  return null;
}
