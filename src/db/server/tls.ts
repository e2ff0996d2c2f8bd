import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { codeOf } from '../embedded/errors.js';

/** libpq's values of sslmode (https://www.postgresql.org/docs/current/libpq-ssl.html), and pg's own no-verify. */
export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const;

export interface TlsWish {
  readonly mode: (typeof SSL_MODES)[number];
  /** The CA's certificate. Undefined, or `system`: Node's trusted CAs. */
  readonly rootFile: string | undefined;
  /** The client certificate, for a server that asks for one. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Without negotiation: PostgreSQL 17 and newer. */
  readonly startsWithTls: boolean;
}

/** A certificate's file can't be used. `message` says which and why. */
export class CertificateFileError extends Error {
  override readonly name = 'CertificateFileError';
}

/** False: no TLS. */
export type Tls = false | ConnectionOptions;

const SYSTEM = 'system';
const UNCHECKED = { rejectUnauthorized: false };
/** Checks the chain, but not the host's name. */
const ANY_HOST = { checkServerIdentity: () => undefined };

/**
 * The ways to connect, in order of trial. pg itself treats prefer, require and verify-ca as verify-full.
 * @throws CertificateFileError
 */
export function waysOfTls(wish: TlsWish): readonly Tls[] {
  const tls = (how: ConnectionOptions): Tls => ({ ...how, ...clientCertificate(wish) });
  const checked = (withOwnCa: ConnectionOptions, without: ConnectionOptions): Tls => {
    const ca = rootOf(wish);
    return tls(ca === null ? without : { ca, ...withOwnCa });
  };
  switch (wish.rootFile === SYSTEM && wish.mode !== 'disable' ? 'verify-full' : wish.mode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, tls(UNCHECKED)];
    case 'prefer':
      return [tls(UNCHECKED), false];
    case 'require':
      // As in libpq: whoever names a CA wants it checked.
      return [checked(ANY_HOST, UNCHECKED)];
    case 'no-verify':
      return [tls(UNCHECKED)];
    case 'verify-ca':
      // A public CA vouches for any host, so without an own CA the name is checked as well.
      return [checked(ANY_HOST, {})];
    case 'verify-full':
      return [checked({}, {})];
  }
}

function rootOf({ rootFile }: TlsWish): string | null {
  if (rootFile === undefined || rootFile === SYSTEM) return null;
  const ca = read(rootFile, 'PGSSLROOTCERT');
  if (/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/u.test(ca)) return ca;
  throw new CertificateFileError(
    'The file that PGSSLROOTCERT (or sslrootcert) names holds no certificate in PEM form.',
  );
}

function clientCertificate({ certFile, keyFile }: TlsWish): ConnectionOptions {
  return {
    ...(certFile === undefined ? {} : { cert: read(certFile, 'PGSSLCERT') }),
    ...(keyFile === undefined ? {} : { key: read(keyFile, 'PGSSLKEY') }),
  };
}

function read(file: string, setting: 'PGSSLROOTCERT' | 'PGSSLCERT' | 'PGSSLKEY'): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const parameter = setting.slice('PG'.length).toLowerCase();
    throw new CertificateFileError(
      `The file that ${setting} (or ${parameter}) names can’t be read (${codeOf(cause) ?? 'no reason given'}).`,
      { cause },
    );
  }
}
