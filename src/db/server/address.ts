import { SSL_MODES, type TlsWish } from './tls.js';

/** From a URL. pg takes what is undefined from PGHOST and the like. */
export interface ServerAddress {
  readonly user: string | undefined;
  /** Don't log or show it. */
  readonly password: string | undefined;
  /** A name, an IP address, or a socket's folder. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly applicationName: string | undefined;
  /** As in PGOPTIONS. */
  readonly options: string | undefined;
  readonly tls: TlsWish;
}

/** An unusable URL. `message` says why, without quoting it: it may hold a password. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/** Credentials, host and port, database, parameters: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS */
const SHAPE = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/iu;
/** An IPv6 address has colons, so it is in brackets. */
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/u;
const UNREADABLE =
  'can’t be read. If its user or password has one of / ? # : @ in it, write %2F %3F %23 %3A %40 instead';

/**
 * Reads a PostgreSQL URL as psql does: also without a host, with a socket's folder (`?host=/run/postgresql`, or
 * percent-encoded), or with an IPv6 address.
 * @throws AddressError
 */
export function parseAddress(url: string): ServerAddress {
  const shape = SHAPE.exec(url.trim());
  if (shape === null) throw new AddressError(UNREADABLE);
  const [, credentials = '', place = '', path = '', query = ''] = shape;
  const parameters = parametersOf(query);
  const given = (name: string): string | undefined => parameters.get(name) || undefined;
  refuseUnsupported(parameters);
  if (`${place}${given('host')}`.includes(',')) throw new AddressError('must name one host: the primary');
  const hostAndPort = HOST_AND_PORT.exec(place);
  if (hostAndPort === null) throw new AddressError(UNREADABLE);
  const [, host = '', port = ''] = hostAndPort;
  const [user = '', ...password] = credentials.split(':');
  return {
    user: given('user') ?? decode(user),
    password: given('password') ?? decode(password.join(':')),
    host: given('host') ?? decode(host.replaceAll(/[[\]]/gu, '')),
    port: portOf(given('port') ?? port),
    database: given('dbname') ?? decode(path),
    applicationName: given('application_name'),
    options: given('options'),
    tls: tlsWish(given),
  };
}

const CANT_CHECK = 'the app can’t check that';
/**
 * What decides which server, account or table is meant, or whom to trust, and which pg would drop without a word. What
 * only tunes a connection is ignored, as are other clients' own parameters.
 */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  service: 'write its host, database and user into the URL',
  servicefile: 'write the host, database and user into the URL',
  hostaddr: 'write the address as the host',
  passfile: 'set PGPASSFILE',
  schema: 'set CONSOLE_TABLE to schema.table',
  currentSchema: 'set CONSOLE_TABLE to schema.table',
  search_path: 'write options=-c%20search_path%3D… instead',
  sslpassword: 'use a key without a password',
  sslcrl: CANT_CHECK,
  sslcrldir: CANT_CHECK,
  ssl_min_protocol_version: CANT_CHECK,
  require_auth: CANT_CHECK,
  requirepeer: CANT_CHECK,
};

/** @throws AddressError */
function refuseUnsupported(parameters: URLSearchParams): void {
  const faults = Object.entries(UNSUPPORTED).filter(([name]) => parameters.has(name));
  if (faults.length === 0) return;
  throw new AddressError(`must not have ${faults.map(([name, instead]) => `${name} (${instead})`).join(', ')}`);
}

/** From the environment, for what a URL leaves open; named as in libpq. */
export interface UrlDefaults {
  /** pg would take PGOPTIONS only for the connections that set no options of their own. */
  readonly options: string | undefined;
  readonly sslmode: string | undefined;
  readonly sslrootcert: string | undefined;
  readonly sslcert: string | undefined;
  readonly sslkey: string | undefined;
}

/** Adds to the URL what it doesn't say. */
export function withDefaults(url: string, { sslmode, ...others }: UrlDefaults): string {
  const [, rest = '', query = ''] = /^([^?]*)\??(.*)$/su.exec(url.trim()) ?? [];
  const parameters = parametersOf(query);
  const defaults = { ...(parameters.has('ssl') ? {} : { sslmode }), ...others };
  for (const [name, value] of Object.entries(defaults)) {
    if (value !== undefined && !parameters.has(name)) parameters.set(name, value);
  }
  // Of spaces alone: a plus sign in a value became %2B.
  return parameters.size === 0 ? rest : `${rest}?${parameters.toString().replaceAll('+', '%20')}`;
}

/** A plus sign stands for itself, as for psql; in a web page's query it would be a space. */
function parametersOf(query: string): URLSearchParams {
  return new URLSearchParams(query.replaceAll('+', '%2B'));
}

function tlsWish(given: (name: string) => string | undefined): TlsWish {
  const word = given('sslmode') ?? modeOfSsl(given('ssl')) ?? 'disable';
  const mode = SSL_MODES.find((name) => name === word);
  if (mode === undefined) throw new AddressError(`must have one of these as its sslmode: ${SSL_MODES.join(', ')}`);
  return {
    mode,
    rootFile: given('sslrootcert'),
    certFile: given('sslcert'),
    keyFile: given('sslkey'),
    startsWithTls: given('sslnegotiation') === 'direct',
  };
}

/** JDBC's and pg's older parameter. */
function modeOfSsl(ssl: string | undefined): string | undefined {
  if (ssl === 'true' || ssl === '1') return 'verify-full';
  return ssl === 'false' || ssl === '0' ? 'disable' : ssl;
}

function portOf(text: string): number | undefined {
  if (text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new AddressError('must have a port from 1 to 65535');
}

/** Undefined for an empty text. A percent sign that encodes nothing stands for itself. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll(/%(?![\da-f]{2})/giu, '%25')) || undefined;
  } catch {
    throw new AddressError(UNREADABLE);
  }
}
