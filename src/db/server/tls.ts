import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext, type SecureContextOptions } from 'node:tls';
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
  requireCertificate(ca, 'PGSSLROOTCERT');
  return ca;
}

/** Certificates in PEM form. */
export const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/gu;

/** Tries the files here: while connecting, their faults look like the server's. */
function clientCertificate({ certFile, keyFile }: TlsWish): ConnectionOptions {
  const cert = certFile === undefined ? {} : { cert: read(certFile, 'PGSSLCERT') };
  const key = keyFile === undefined ? {} : { key: read(keyFile, 'PGSSLKEY') };
  if (cert.cert !== undefined) {
    requireCertificate(cert.cert, 'PGSSLCERT');
    requireUsable(cert, fileOf('PGSSLCERT'));
  }
  if (key.key !== undefined) {
    requireKey(key.key);
    requireUsable(key, fileOf('PGSSLKEY'));
  }
  const both = { ...cert, ...key };
  if (cert.cert !== undefined && key.key !== undefined) {
    requireUsable(both, 'The certificate in PGSSLCERT with the key in PGSSLKEY');
  }
  return both;
}

function requireCertificate(text: string, setting: FileSetting): void {
  if (text.match(PEM_CERTIFICATE) !== null) return;
  throw new CertificateFileError(`${fileOf(setting)} holds no certificate in PEM form.`);
}

function requireKey(text: string): void {
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/u.test(text)) {
    throw new CertificateFileError(`${fileOf('PGSSLKEY')} holds no private key in PEM form.`);
  }
  // The older form says it in a header.
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/mu.test(text)) {
    throw new CertificateFileError(
      `The key in PGSSLKEY (or sslkey) has a passphrase, which nobody can type here. Write it without one: openssl pkey -in <file> -out <new file>`,
    );
  }
}

function requireUsable(identity: SecureContextOptions, what: string): void {
  try {
    createSecureContext(identity);
  } catch (cause) {
    const code = codeOf(cause) ?? 'no reason given';
    throw new CertificateFileError(
      code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'
        ? 'The key in PGSSLKEY (or sslkey) is not the one of the certificate in PGSSLCERT (or sslcert).'
        : `${what} can’t be used (${code}).`,
      { cause },
    );
  }
}

type FileSetting = 'PGSSLROOTCERT' | 'PGSSLCERT' | 'PGSSLKEY';

function fileOf(setting: FileSetting): string {
  return `The file that ${setting} (or ${setting.slice('PG'.length).toLowerCase()}) names`;
}

function read(file: string, setting: FileSetting): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CertificateFileError(`${fileOf(setting)} can’t be read (${codeOf(cause) ?? 'no reason given'}).`, {
      cause,
    });
  }
}
