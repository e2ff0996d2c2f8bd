import { createHash } from 'node:crypto';
import knexFactory, { type Knex } from 'knex';
import pg from 'pg';
import * as z from 'zod';
import type { ConsoleFacts } from './console/facts.js';
import { createInterpreter } from './console/interpreter.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { rememberNeverConnected } from './errors.js';
import type { PrimaryClient } from './primary-client.js';
import { rawRows, type Sql } from './rows.js';
import { createSessionSetter } from './session.js';
import { createDialer, type DialOptions } from './server/dial.js';

// pg writes a Date in the process's time zone, whose clock time a column without a zone would store.
pg.defaults.parseInputDatesAsUTC = true;

export const USUAL_CONNECTIONS = 5;
const ACQUIRE_WITHIN_MS = 2_500;

export interface PoolOptions {
  readonly maxConnections?: number;
  /** Multiplies the time limits for getting a connection; see Runtime. */
  readonly patience?: number;
  /** See PrimaryClient. */
  readonly silentAfterMs?: number;
  /** For callers that only inspect the server. */
  readonly acceptsStandby?: boolean;
  /** If already known. */
  readonly isPooled?: boolean;
  /** null: these connections don't ask for the console's table. */
  readonly console?: ConsoleSettings | null;
  /** The table, if it was read already under these settings. */
  readonly facts?: ConsoleFacts | null;
  /** See `auditWriterOf`. */
  readonly audit?: object;
  /** See `sealedValuesOf`. */
  readonly values?: { openIn(rows: readonly unknown[]): void };
}

/** A pooler accepts none of these: the account's own settings apply there (docs/operating.md). */
const SESSION = [
  '-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s',
  // If off, PostgreSQL refuses to read a table that has any policy. SEES_ALL_ROWS checks whether rows are hidden.
  '-c row_security=on',
  // Locks and conditions order concurrent acts; a role's default isolation may differ.
  String.raw`-c default_transaction_isolation=read\ committed`,
].join(' ');

/**
 * A pool to the primary, whose sessions use the database's TimeZone. Statements and lock waits are bounded: Slack gives
 * three seconds, and an error beats a late success that nobody sees.
 */
export function connect(connectionString: string, options: PoolOptions = {}): Knex {
  return poolOf(connectionString, { ...options, sessionOptions: SESSION });
}

/** For migrations: building an index may take long. */
export function connectUnbounded(connectionString: string): Knex {
  const options = { maxConnections: 1, isUnbounded: true, console: null } as const;
  return poolOf(connectionString, options, { acquireConnectionTimeout: 60_000 });
}

function poolOf(
  connectionString: string,
  options: Omit<PoolOptions, 'silentAfterMs'> & Omit<DialOptions, 'applicationName'>,
  { acquireConnectionTimeout = ACQUIRE_WITHIN_MS * (options.patience ?? 1) } = {},
): Knex {
  const dialer = createDialer(connectionString, { ...options, applicationName: 'flag-promotions' });
  const { console: settings = USUAL_CONSOLE, facts = null, audit, values } = options;
  const adapt = createSessionSetter();
  const interpreter = settings === null ? null : createInterpreter(settings, facts);
  const knex = knexFactory({
    client: 'pg',
    // The dialer connects, but knex insists on a connection.
    connection: {},
    pool: {
      min: 0,
      max: options.maxConnections ?? USUAL_CONNECTIONS,
      idleTimeoutMillis: 30_000,
      validate: (connection: PrimaryClient) => connection.isUsable,
    },
    acquireConnectionTimeout,
    log: QUIET,
    postProcessResponse(answer: unknown) {
      const parsed = answered.safeParse(answer);
      if (parsed.success) values?.openIn(parsed.data.rows);
      return answer;
    },
  });
  knex.userParams = { audit, values };
  // Set before it makes the first connection.
  knex.client.acquireRawConnection = async (): Promise<PrimaryClient> => {
    const connection = await dialer.open();
    try {
      await adapt(connection);
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

const answered = z.object({ rows: rawRows });
const names = new Map<string, string>();
/** SQL texts that are no longer prepared. */
const outdated = new Set<string>();

/**
 * SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) after types changed since the preparation:
 * 0A000 feature_not_supported for the result, the others for parameters. 26000, 42P05: a pooler switched connections.
 */
const OTHER_TYPES = new Set(['0A000', '22003', '22P02', '42804', '26000', '42P05']);

/**
 * Runs a statement that PostgreSQL parses once per connection
 * (https://www.postgresql.org/docs/current/sql-prepare.html). For frequent statements from a fixed set: a connection
 * keeps each for life, with its types, which the console may alter. One that fails for that, or because of a pooler
 * (26000, 42P05), isn't prepared again in this process, so a retry succeeds.
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

/** knex would print what also rejects the query, which the caller handles and logs. */
const quiet = (): void => undefined;
const QUIET = { warn: quiet, error: quiet, debug: quiet, deprecate: quiet };

export type { Knex };
