import { createHash } from 'node:crypto';
import knexFactory, { type Knex } from 'knex';
import pg from 'pg';
import { createInterpreter } from './console/interpreter.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { rememberNeverConnected } from './errors.js';
import type { PrimaryClient } from './primary-client.js';
import type { Sql } from './rows.js';
import { createDialer, type DialOptions } from './server/dial.js';

// pg writes a Date in the process's own time zone, and a column without a zone would keep that clock's reading.
pg.defaults.parseInputDatesAsUTC = true;

export const USUAL_CONNECTIONS = 5;

export interface PoolOptions {
  readonly maxConnections?: number;
  /** See PrimaryClient. */
  readonly silentAfterMs?: number;
  /** For who only wants to know what the server is like. */
  readonly acceptsStandby?: boolean;
  /** Whether a pooler answers, if that is known already. */
  readonly isPooled?: boolean;
  /** What is set about the console's table; null: nothing is asked of it on these connections. */
  readonly console?: ConsoleSettings | null;
}

/** Behind a pooler, which takes none of them, the account's own settings stand in (docs/OPERATING.md). */
const SESSION = [
  '-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s',
  // What two people do at once is settled by locks and conditions; a role may have another isolation by default.
  String.raw`-c default_transaction_isolation=read\ committed`,
].join(' ');

/**
 * A pool of connections to PostgreSQL's primary. Sessions run in the database's TimeZone: what the console's table keeps without a
 * zone was written in it. Statements and lock waits are bounded: a person in Slack has three seconds, and an honest "the
 * database does not answer" beats a late success nobody sees.
 */
export function connect(connectionString: string, options: PoolOptions = {}): Knex {
  return poolOf(connectionString, { ...options, sessionOptions: SESSION });
}

/** For the migrations: an index may take its time. */
export function connectUnbounded(connectionString: string): Knex {
  const options = { maxConnections: 1, silentAfterMs: null, console: null };
  return poolOf(connectionString, options, { acquireConnectionTimeout: 60_000 });
}

function poolOf(
  connectionString: string,
  options: Omit<PoolOptions, 'silentAfterMs'> & Omit<DialOptions, 'applicationName'>,
  { acquireConnectionTimeout = 2_500 } = {},
): Knex {
  const dialer = createDialer(connectionString, { ...options, applicationName: 'flag-promotions' });
  const { console: settings = USUAL_CONSOLE } = options;
  const interpreter = settings === null ? null : createInterpreter(settings);
  const knex = knexFactory({
    client: 'pg',
    // The dialer connects; knex wants to be told of a connection all the same.
    connection: {},
    pool: {
      min: 0,
      max: options.maxConnections ?? USUAL_CONNECTIONS,
      idleTimeoutMillis: 30_000,
      validate: (connection: PrimaryClient) => connection.isUsable,
    },
    acquireConnectionTimeout,
    log: QUIET,
  });
  // Before it makes the first connection.
  knex.client.acquireRawConnection = async (): Promise<PrimaryClient> => {
    const connection = await dialer.open();
    try {
      await connection.settle();
      await interpreter?.teach(connection);
      return connection;
    } catch (error) {
      await connection.end();
      throw error;
    }
  };
  knex.client.pool.on('createFail', (_: number, error: unknown) => rememberNeverConnected(error));
  return knex;
}

const names = new Map<string, string>();
/** Texts that are prepared no more. */
const outdated = new Set<string>();

/**
 * SQLSTATEs of a statement whose types are no longer those that it was prepared with
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html): feature_not_supported is what PostgreSQL says of a result,
 * the others of parameters that it took to be of a column's type.
 */
const OTHER_TYPES = new Set(['0A000', '22003', '22P02', '42804', '26000', '42P05']);

/**
 * Runs a statement that PostgreSQL parses once for each connection and plans afresh only where that pays
 * (https://www.postgresql.org/docs/current/sql-prepare.html). For the frequent ones out of a fixed set of texts, because a
 * connection keeps each for as long as it lives. A connection keeps its types as well, which the console may alter meanwhile:
 * a statement that fails for these is not prepared again in this process, so that whoever tries once more succeeds. Nor is
 * one that is unknown, or known already, where it was prepared: a pooler came in between (26000, 42P05).
 */
export async function runPrepared(runner: Knex, { sql, values }: Sql): Promise<unknown> {
  if (outdated.has(sql)) return runner.raw(sql, [...values]);
  const name = names.get(sql) ?? createHash('sha256').update(sql).digest('base64url');
  names.set(sql, name);
  try {
    return await runner.raw(sql, [...values]).options({ name });
  } catch (error) {
    if (error instanceof Error && 'code' in error && OTHER_TYPES.has(String(error.code))) outdated.add(sql);
    throw error;
  }
}

/** knex would print on the console what also rejects the query, where it is dealt with and logged. */
const quiet = (): void => undefined;
export const QUIET = { warn: quiet, error: quiet, debug: quiet, deprecate: quiet };

export type { Knex };
