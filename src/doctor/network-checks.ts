import { readFileSync } from 'node:fs';
import { PEM_CERTIFICATE } from '../db/server/tls.js';
import { networkCode } from '../network/failures.js';
import { type Exemption, portOf, type Route, shownProxy } from '../network/proxies.js';
import { type Check, note, ok } from './checks.js';

/** A service that the app connects to, and how. */
export interface Reached {
  /** `Slack`. */
  readonly name: string;
  readonly url: URL;
  readonly route: Route;
}

/** Which proxy each service is reached through, if any is set at all. */
export function routeChecks(services: readonly Reached[]): readonly Check[] {
  return services.map(({ name, url, route }) => ok(`way to ${name}`, `${url.hostname} ${wordsOf(route)}`));
}

/** Entries of NO_PROXY that no address can match. */
export function exemptionChecks(exemptions: readonly Exemption[]): readonly Check[] {
  return exemptions
    .filter(({ kind }) => kind === 'nothing')
    .map(({ entry }) =>
      note(
        'NO_PROXY',
        `${shownEntry(entry)} matches nothing. Write a host such as example.com or host:8080, a range such as 10.0.0.0/8, or *.`,
      ),
    );
}

/** An address that was put there by mistake may hold a password. */
function shownEntry(entry: string): string {
  return /@|:\/\/.*:/u.test(entry) ? 'An address' : entry.replaceAll(/[^\w.:*[\]/;-]/gu, '?').slice(0, 80);
}

function wordsOf(route: Route): string {
  switch (route.kind) {
    case 'proxy':
      return `through the proxy ${shownProxy(route.proxy)} (${route.proxy.setting})`;
    case 'exempt':
      return `directly: NO_PROXY has ${shownEntry(route.entry)}`;
    case 'direct':
      return route.because === 'this_machine' ? 'directly: it is this machine' : 'directly: no proxy is set for it';
  }
}

/**
 * How OpenSSL reports an unknown certificate authority
 * (https://docs.openssl.org/master/man1/openssl-verification-options).
 */
const UNKNOWN_AUTHORITY =
  /(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|CERT_UNTRUSTED)$/u;

/**
 * By the failure's code: why something wasn't reached, and what to do; null if the code says nothing of that kind.
 * `extraCertificates`: NODE_EXTRA_CA_CERTS, as Node found it.
 */
export function whyNotReached(
  code: string | null,
  { url, route }: Reached,
  extraCertificates: string | undefined,
): string | null {
  const authority = UNKNOWN_AUTHORITY.test(code ?? '');
  const [, ofProxy] = /^PROXY_(.+)$/u.exec(code ?? '') ?? [];
  const whose = ofProxy === undefined || route.kind !== 'proxy' ? url.hostname : `the proxy ${shownProxy(route.proxy)}`;
  if (authority) {
    return `Node does not know who signed the certificate of ${whose}. ${whatOfExtra(extraCertificates ?? '')}`;
  }
  if (route.kind !== 'proxy') return null;
  const [, answered] = /^ANSWERED_(\d{3})$/u.exec(code ?? '') ?? [];
  if (answered !== undefined) {
    return `${whose} was not reached: the proxy ${shownProxy(route.proxy)} answered ${answered}. Have it allow ${url.host}, or add ${url.hostname} to NO_PROXY.`;
  }
  return ofProxy === undefined ? null : whyNotThrough(ofProxy, route.proxy, url);
}

/** Node itself only warns, once, and goes on without the file. */
function whatOfExtra(file: string): string {
  if (file === '') {
    return 'If that is your company, set NODE_EXTRA_CA_CERTS to a file with its certificate, in the environment: Node reads it before .env.';
  }
  const named = 'The file in NODE_EXTRA_CA_CERTS';
  try {
    const count = readFileSync(file, 'latin1').match(PEM_CERTIFICATE)?.length ?? 0;
    if (count === 0) {
      return `${named} holds no certificate in PEM form. Convert it: openssl x509 -inform der -in <file> -out company.pem`;
    }
    const held =
      count === 1 ? 'one certificate, and it did not sign this one' : `${count} certificates, and none signed this one`;
    return `${named} holds ${held}. Add the certificate of the authority that did.`;
  } catch (error) {
    return `${named} can’t be read (${networkCode(error) ?? 'no reason given'}). Check its path and permissions.`;
  }
}

function whyNotThrough(what: string, proxy: Extract<Route, { kind: 'proxy' }>['proxy'], url: URL): string {
  const { setting, authorization } = proxy;
  const name = `The proxy ${shownProxy(proxy)}`;
  if (what === '407') {
    return authorization === null
      ? `${name} wants a name and a password (407). Put them into ${setting}: http://name:password@host:port`
      : `${name} does not accept the name and password in ${setting} (407). Check both.`;
  }
  if (/^\d{3}$/u.test(what)) {
    return `${name} refuses connections to ${url.hostname}:${portOf(url)} (${what}). Have it allow them, or add ${url.hostname} to NO_PROXY.`;
  }
  return what === 'TIMEOUT'
    ? `${name} makes no connection to ${url.hostname}:${portOf(url)} in time. Check ${setting}, and the proxy itself.`
    : `${name} can’t be used (${what}). Check ${setting}.`;
}
