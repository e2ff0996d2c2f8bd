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

/** Whom NO_PROXY exempts: a host and its subdomains, or everything (`*`). */
export interface Exemption {
  /** As it was written. */
  readonly entry: string;
  readonly host: string;
  /** null: every port. */
  readonly port: number | null;
}

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
  const exemption = exemptions.find(
    (one) =>
      (one.host === '*' || hostname === one.host || hostname.endsWith(`.${one.host}`)) &&
      (one.port === null || one.port === port),
  );
  return exemption === undefined ? { kind: 'proxy', proxy } : { kind: 'exempt', entry: exemption.entry };
}

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
    .map((entry) => {
      const [, host = entry, port] = /^(.*[^:]):(\d{1,5})$/u.exec(entry) ?? [];
      const isBareIpv6 = port !== undefined && host.includes(':') && !host.endsWith(']');
      const name = (isBareIpv6 ? entry : host)
        .toLowerCase()
        .replace(/^\*?\./u, '')
        .replace(/\.$/u, '');
      return Object.freeze({
        entry,
        host: name.includes(':') && !name.startsWith('[') ? `[${name}]` : name,
        port: port === undefined || isBareIpv6 ? null : Number(port),
      });
    });
}

/** A proxy's address for people: without its password. */
export function shownProxy({ isSecure, hostname, port }: HttpProxy): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${isSecure ? 'https' : 'http'}://${host}:${port}`;
}
