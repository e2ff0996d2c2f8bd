import { BlockList, isIP } from 'node:net';

/** A proxy, as in HTTPS_PROXY or HTTP_PROXY. */
export interface HttpProxy {
  readonly setting: 'HTTPS_PROXY' | 'HTTP_PROXY';
  /** Whether the connection to the proxy itself is TLS. */
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** The Proxy-Authorization header; null: none. */
  readonly authorization: string | null;
}

/** Whom NO_PROXY exempts; `entry`: as it was written. */
export type Exemption =
  /** A host and its subdomains, or everything (`*`). `port` null: every port. */
  | { readonly kind: 'host'; readonly entry: string; readonly host: string; readonly port: number | null }
  /** Literal addresses, `10.0.0.0/8`; a name is not looked up. */
  | { readonly kind: 'range'; readonly entry: string; readonly addresses: BlockList }
  /** No address can match it, such as `https://slack.com`. */
  | { readonly kind: 'nothing'; readonly entry: string };

export interface Proxies {
  readonly https: HttpProxy | null;
  readonly http: HttpProxy | null;
  readonly exemptions: readonly Exemption[];
}

export const NO_PROXIES: Proxies = Object.freeze({ https: null, http: null, exemptions: [] });

/** How an address is reached. `exempt`: directly, because of an entry in NO_PROXY. */
export type Route =
  | { readonly kind: 'direct'; readonly because: 'no_proxy_is_set' | 'this_machine' }
  | { readonly kind: 'exempt'; readonly entry: string }
  | { readonly kind: 'proxy'; readonly proxy: HttpProxy };

/** Never reach this machine through a proxy: it would look for the address on its own. */
const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u;

/** How to reach an http(s) or ws(s) address. */
export function routeTo({ https, http, exemptions }: Proxies, url: URL): Route {
  const isSecure = url.protocol === 'https:' || url.protocol === 'wss:';
  const proxy = isSecure ? https : http;
  const hostname = url.hostname.toLowerCase().replace(/\.$/u, '');
  if (proxy === null) return { kind: 'direct', because: 'no_proxy_is_set' };
  if (LOOPBACK.test(hostname)) return { kind: 'direct', because: 'this_machine' };
  const port = portOf(url);
  const exemption = exemptions.find((one) => isExempt(one, hostname, port));
  return exemption === undefined ? { kind: 'proxy', proxy } : { kind: 'exempt', entry: exemption.entry };
}

function isExempt(one: Exemption, hostname: string, port: number): boolean {
  switch (one.kind) {
    case 'host':
      return (
        (one.host === '*' || hostname === one.host || hostname.endsWith(`.${one.host}`)) &&
        (one.port === null || one.port === port)
      );
    case 'range': {
      const address = hostname.replace(/^\[|\]$/gu, '');
      return isIP(address) !== 0 && one.addresses.check(address, familyOf(address));
    }
    case 'nothing':
      return false;
  }
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** An address's port, also if it is its protocol's default. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' || url.protocol === 'wss:' ? 443 : 80;
}

/** Parses a proxy setting; null if unusable. Accepts `proxy.example.com:3128`, as curl and others do. */
export function parseProxy(setting: HttpProxy['setting'], text: string): HttpProxy | null {
  const address = /^[a-z][a-z0-9+.-]*:\/\//iu.test(text) ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return null;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return null;
  const authorization = authorizationOf(url);
  return authorization === undefined
    ? null
    : Object.freeze({
        setting,
        isSecure: url.protocol === 'https:',
        hostname: url.hostname.replace(/^\[|\]$/gu, ''),
        port: portOf(url),
        authorization,
      });
}

/** undefined if the name or the password is badly encoded. */
function authorizationOf({ username, password }: URL): string | null | undefined {
  if (username === '' && password === '') return null;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  } catch {
    return undefined;
  }
}

/**
 * Reads NO_PROXY as curl does: separated by commas or spaces, a leading dot or `*.` is ignored, a host includes its
 * subdomains.
 */
export function parseExemptions(text: string): readonly Exemption[] {
  return text
    .split(/[,\s]+/u)
    .filter((entry) => entry !== '')
    .map((entry) => Object.freeze(parseExemption(entry)));
}

function parseExemption(entry: string): Exemption {
  const [, network = '', prefix] = /^\[?([^[\]/]+)\]?\/(\d{1,3})$/u.exec(entry) ?? [];
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(network)] ?? -1;
  if (Number(prefix) <= longest) {
    const addresses = new BlockList();
    addresses.addSubnet(network, Number(prefix), familyOf(network));
    return { kind: 'range', entry, addresses };
  }
  const [, before, port] = isIP(entry) === 6 ? [] : (/^(.*[^:]):(\d{1,5})$/u.exec(entry) ?? []);
  const host = hostOf((before ?? entry).replace(/^\*?\./u, ''));
  if (host === null || Number(port ?? 0) > 65_535) return { kind: 'nothing', entry };
  return { kind: 'host', entry, host, port: port === undefined ? null : Number(port) };
}

/** As URLs have it, so that `FD00:0::1` and `bücher.example` match; null if no URL can have it. */
function hostOf(written: string): string | null {
  if (written === '*') return written;
  const address = `http://${isIP(written) === 6 ? `[${written}]` : written}`;
  const host = URL.canParse(address) ? new URL(address).host.replace(/\.$/u, '') : '';
  // A URL makes 192.0.0.168 of 192.168, which nobody means.
  const isItself = isIP(host) !== 4 || isIP(written.replace(/\.$/u, '')) === 4;
  const isWhole = !/[/?#@\\]/u.test(written);
  return isItself && isWhole && /^(?:[\w-]+(?:\.[\w-]+)*|\[[\da-f:.]+\])$/u.test(host) ? host : null;
}

/** A proxy's address for people: without its password. */
export function shownProxy({ isSecure, hostname, port }: HttpProxy): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${isSecure ? 'https' : 'http'}://${host}:${port}`;
}
