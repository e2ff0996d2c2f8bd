import path from 'node:path';
import pg from 'pg';
import type { Logger } from 'pino';
import type { PoolOptions } from './connection.js';
import { type Database, openDatabase } from './database.js';
import { codeOf } from './embedded/errors.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { NoDatabaseError } from './errors.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, migrateToLatest } from './migrate.js';

/** What DATABASE_URL says. */
export type DatabaseChoice =
  | { readonly kind: 'server'; readonly url: string }
  | { readonly kind: 'embedded'; readonly dataDir: string };

/** A server that can be connected to. */
export interface ReachedServer {
  /** It holds a password, so it must not be logged. */
  readonly url: string;
  close(): Promise<void>;
}

export interface OpenedDatabase extends ReachedServer {
  readonly db: Database;
}

type Log = Pick<Logger, 'debug' | 'info' | 'error'>;

/** The database for people: its name and host, or the embedded one's folder. Never the password. */
export function describeDatabase(choice: DatabaseChoice): string {
  if (choice.kind === 'embedded') return `embedded, in ${path.resolve(choice.dataDir, 'postgres')}`;
  const url = new URL(choice.url);
  url.password = '';
  // Their files are read to connect, which nothing does here.
  for (const name of ['sslmode', 'sslcert', 'sslkey', 'sslrootcert']) url.searchParams.delete(name);
  // pg adds what PGHOST and the like say.
  const { database, host, port } = new pg.Client({ connectionString: url.href });
  return `${database} on ${host}:${port}`;
}

/**
 * Starts the embedded server if that was chosen.
 * @throws NoDatabaseError if the embedded database is not there and `create` is false
 */
export async function reachServer(choice: DatabaseChoice, create: boolean, log?: Log): Promise<ReachedServer> {
  if (choice.kind === 'server') return { url: choice.url, close: async () => undefined };
  const embedded = await startEmbeddedPostgres({
    dataDir: choice.dataDir,
    create,
    log: (line) => log?.debug({ from: 'postgres' }, line),
    onLost: () => log?.error('the embedded PostgreSQL ended or dropped this session: restart the app'),
  });
  return { url: embedded.connectionString, close: embedded.stop };
}

/** For `start`: creates the embedded database if it is missing, and brings the schema up to date. */
export async function openUpToDate(
  choice: DatabaseChoice,
  log: Log,
  options: PoolOptions = {},
): Promise<OpenedDatabase> {
  log.info({ database: describeDatabase(choice) }, 'opening the database');
  return open(
    await reachServer(choice, true, log),
    async (url) => {
      const ran = await migrateToLatest(url);
      if (ran.length > 0) log.info({ migrations: ran }, 'the schema was brought up to date');
    },
    options,
  );
}

/**
 * For every other command: creates nothing and migrates nothing.
 * @throws NoDatabaseError if there is no database, or it lacks a part of the schema
 */
export async function openExisting(choice: DatabaseChoice, log: Log): Promise<OpenedDatabase> {
  return open(await reachServer(choice, false, log), async (url) => {
    const ran = await migrationsOf(url);
    const missing = MIGRATION_NAMES.filter((name) => !ran.has(name));
    if (missing.length === 0) return;
    const lacks = ran.size === 0 ? 'has no schema yet' : `lacks ${missing.length} of this version’s migrations`;
    throw new NoDatabaseError(`The database (${describeDatabase(choice)}) ${lacks}. Run: flag-promotions migrate`);
  });
}

async function open(
  server: ReachedServer,
  prepare: (url: string) => Promise<void>,
  options: PoolOptions = {},
): Promise<OpenedDatabase> {
  try {
    await prepare(server.url);
  } catch (error) {
    await server.close();
    throw error;
  }
  const db = openDatabase(server.url, options);
  return {
    db,
    url: server.url,
    async close() {
      await db.close();
      await server.close();
    },
  };
}

async function migrationsOf(connectionString: string): Promise<ReadonlySet<string>> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>(`select name from ${MIGRATIONS_TABLE}`);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    // undefined_table
    if (codeOf(error) === '42P01') return new Set();
    throw error;
  } finally {
    await client.end();
  }
}
