import pg from 'pg';
import { codeOf, messageOf } from '../embedded/errors.js';
import { PrimaryClient } from '../primary-client.js';
import { parseAddress, type ServerAddress } from './address.js';
import { liftLimits } from './limits.js';
import { type Tls, waysOfTls } from './tls.js';

export interface DialOptions {
  readonly applicationName: string;
  /** Session settings, as in PGOPTIONS. A pooler gets none: each transaction there has another session. */
  readonly sessionOptions?: string;
  /** See PrimaryClient; null: a connection may stay silent. */
  readonly silentAfterMs?: number | null;
  /** For migrations: no time limits, not even the account's. Behind a pooler those apply. */
  readonly isUnbounded?: boolean;
  /** For callers that only inspect the server. */
  readonly acceptsStandby?: boolean;
  readonly connectWithinMs?: number;
  /** Multiplies the usual limit. */
  readonly patience?: number;
  /** If already known. */
  readonly isPooled?: boolean;
}

/** Connects to one server, and learns from each connection whether it takes TLS and options. */
export interface Dialer {
  /** @throws CertificateFileError, StandbyError, or what pg throws */
  open(): Promise<PrimaryClient>;
}

const CONNECT_WITHIN_MS = 2_000;
/** For what isn't tried again by itself, such as a migration: a busy server may take seconds. */
export const CONNECT_ONCE_WITHIN_MS = 10_000;
/** So that a vanished server is noticed on an idle connection, too. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };
/** PgBouncer’s words (before and after 1.20) and RDS Proxy’s. */
const REFUSES_OPTIONS = /unsupported startup parameter|command-line options/iu;

/** Connects lazily, in `open`. @throws AddressError */
export const createDialer = (url: string, options: DialOptions): Dialer => dialerOf(parseAddress(url), options);

export function dialerOf(address: ServerAddress, options: DialOptions): Dialer {
  const { acceptsStandby = false, isUnbounded = false, patience = 1 } = options;
  const usual = isUnbounded ? CONNECT_ONCE_WITHIN_MS : CONNECT_WITHIN_MS * patience;
  const connectionTimeoutMillis = options.connectWithinMs ?? usual;
  let isPooled = options.isPooled ?? null;
  /** The way that worked last is tried first. */
  let goodTls = 0;

  function configOf(tls: Tls): pg.ClientConfig {
    const sessionOptions = isPooled === true ? undefined : options.sessionOptions;
    // The last of two for the same setting holds, and the app relies on its own.
    const all = [address.options, sessionOptions].filter((one) => one !== undefined).join(' ');
    return {
      ...whereOf(address, tls),
      ...KEEP_ALIVE,
      connectionTimeoutMillis,
      application_name: address.applicationName ?? options.applicationName,
      ...(all === '' ? {} : { options: all }),
    };
  }

  /** Learns what answered, and adapts the session to it. */
  async function prepare(client: PrimaryClient, tls: Tls): Promise<void> {
    if (isPooled !== false || !(client.tellsOfStandby || acceptsStandby)) {
      await client.greet(connectionTimeoutMillis);
      isPooled ??= client.isPooled;
    }
    if (isPooled) client.usePooler(tls);
    if (!acceptsStandby) client.refuseStandby();
    if (isUnbounded && !isPooled) await client.query(liftLimits('session'));
  }

  async function openWith(tls: Tls): Promise<PrimaryClient> {
    const client = new PrimaryClient(configOf(tls), isUnbounded ? null : options.silentAfterMs);
    try {
      await client.connect();
      await prepare(client, tls);
      return client;
    } catch (error) {
      // Not awaited: the server may never answer.
      client.end().catch(() => undefined);
      if (!client.wasAnswered || messageOf(error) !== 'timeout expired') throw error;
      throw new Error('timeout expired after the first answer', { cause: error });
    }
  }

  async function openUnlessRefused(tls: Tls): Promise<PrimaryClient> {
    const offered = isPooled !== true && options.sessionOptions !== undefined;
    try {
      return await openWith(tls);
    } catch (error) {
      if (!offered || !REFUSES_OPTIONS.test(messageOf(error))) throw error;
      isPooled = true;
      return openWith(tls);
    }
  }

  return {
    async open() {
      // PostgreSQL has no TLS on a socket.
      const isSocket = endpointOf(address).host.startsWith('/');
      const ways: readonly Tls[] = isSocket ? [false] : waysOfTls(address.tls);
      const failed: unknown[] = [];
      const goodFirst = [...ways.entries()].toSorted(([a], [b]) => Number(b === goodTls) - Number(a === goodTls));
      for (const [index, tls] of goodFirst) {
        try {
          const client = await openUnlessRefused(tls);
          goodTls = index;
          return client;
        } catch (error) {
          failed.push(error);
          if (!wantsOtherTls(error)) break;
        }
      }
      throw failed[0];
    },
  };
}

function whereOf({ user, password, host, port, database, tls: wish }: ServerAddress, tls: Tls): pg.ClientConfig {
  return {
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(database === undefined ? {} : { database }),
    ssl: tls,
    ...(tls !== false && wish.startsWithTls ? { sslnegotiation: 'direct' } : {}),
  };
}

/** Where an address leads, with pg's defaults from PGHOST and the like. */
export function endpointOf(address: ServerAddress): { database: string; host: string; port: number } {
  const { database = '', host, port } = new pg.Client(whereOf(address, false));
  return { database, host, port };
}

/** The server has no TLS, or its pg_hba.conf accepts only TLS, or only plain connections. */
function wantsOtherTls(error: unknown): boolean {
  return codeOf(error) === '28000' || /does not support SSL|SSL required/u.test(messageOf(error));
}
