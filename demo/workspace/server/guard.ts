import type { IncomingHttpHeaders } from 'node:http';

/**
 * Why a request is refused; null where it comes from the page itself. The port is open to every process of the machine,
 * and by its browser to every page in the world: whoever comes by another name (DNS rebinding) or from another origin
 * gets nothing.
 */
export function foreign(headers: IncomingHttpHeaders, port: number): string | null {
  const { host, origin } = headers;
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (host === undefined || !hosts.includes(host)) return 'This page answers on 127.0.0.1 and localhost only.';
  if (origin !== undefined && origin !== `http://${host}`) return 'This page takes nothing from other pages.';
  if (headers['sec-fetch-site'] === 'cross-site') return 'This page takes nothing from other pages.';
  return null;
}
