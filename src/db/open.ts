import path from 'node:path';
import type { Logger } from 'pino';
import type { PoolOptions } from './connection.js';
import { isDetail } from './console/adopt.js';
import { USUAL_CONSOLE } from './console/settings.js';
import { type Database, openDatabase } from './database.js';
import { codeOf } from './embedded/errors.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { isDatabaseUnavailable, NoDatabaseError } from './errors.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, migrateToLatest, requirePromotions } from './migrate.js';
import { parseAddress } from './server/address.js';
import { createDialer, endpointOf } from './server/dial.js';
import { lookAtServer, requireSameDatabase } from './server/look.js';
import { ServerError } from './server/trouble.js';
import { refuseUnusableDatabase, requireWrites } from './usable.js';

/** What DATABASE_URL and DATABASE_DIRECT_URL say. */
export type DatabaseChoice =
  | {
      readonly kind: 'server';
      readonly url: string;
      /** The same database without the pooler; null: not set. */
      readonly directUrl: string | null;
    }
  | { readonly kind: 'embedded'; readonly dataDir: string };

/** A server that can be connected to. */
export interface ReachedServer {
  /** It holds a password, so it must not be logged. */
  readonly url: string;
  /** Whether a pooler answers at `url`. */
  readonly isPooled: boolean;
  /** Leads to PostgreSQL itself, whose notifications arrive; null: only the pooler is known. */
  readonly directUrl: string | null;
  close(): Promise<void>;
}

export interface OpenedDatabase extends ReachedServer {
  readonly db: Database;
}

type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** The database for people: its name and host, or the embedded one's folder. Never the password. */
export function describeDatabase(choice: DatabaseChoice): string {
  if (choice.kind === 'embedded') return `embedded, in ${path.resolve(choice.dataDir, 'postgres')}`;
  const { database, host, port } = endpointOf(parseAddress(choice.url));
  return `${database} on ${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Starts the embedded server if that was chosen; else connects, to see whether the app can work there.
 * @throws NoDatabaseError if the embedded database is not there and `create` is false
 * @throws ServerError
 */
export async function reachServer(choice: DatabaseChoice, create: boolean, log?: Log): Promise<ReachedServer> {
  if (choice.kind === 'server') return { ...(await reachUrls(choice)), close: async () => undefined };
  const embedded = await startEmbeddedPostgres({
    dataDir: choice.dataDir,
    create,
    log: (line) => log?.debug({ from: 'postgres' }, line),
    onLost: () => log?.error('the embedded PostgreSQL ended or dropped this session: restart the app'),
  });
  const url = embedded.connectionString;
  return { url, isPooled: false, directUrl: url, close: embedded.stop };
}

async function reachUrls({ url, directUrl }: { readonly url: string; readonly directUrl: string | null }) {
  const { isPooled } = await lookAtServer(url, 'DATABASE_URL');
  if (directUrl === null) return { url, isPooled, directUrl: isPooled ? null : url };
  const direct = await lookAtServer(directUrl, 'DATABASE_DIRECT_URL');
  await requireSameDatabase(url, directUrl);
  return { url, isPooled, directUrl: direct.isPooled ? null : directUrl };
}

/** For `start`: creates the embedded database if it is missing, and brings the schema up to date. */
export async function openUpToDate(
  choice: DatabaseChoice,
  log: Log,
  options: PoolOptions = {},
): Promise<OpenedDatabase> {
  log.info({ database: describeDatabase(choice) }, 'opening the database');
  const prepare = async (server: ReachedServer) => {
    const settings = options.console ?? USUAL_CONSOLE;
    await requireWrites(server.url);
    const ran = await withMigrationUrl(server, (url) => migrateToLatest(url, { console: settings, say: logOnce(log) }));
    if (ran.length > 0) log.info({ migrations: ran }, 'the schema was brought up to date');
    await refuseUnusableDatabase(server.url, settings, { say: (line) => log.warn(line), tries: true });
  };
  return open(await reachServer(choice, true, log), prepare, options);
}

/** Each line once, however often it is said: while several replicas start, all but one wait. */
function logOnce(log: Log): (line: string) => void {
  let last = '';
  return (line) => {
    if (line !== last) log[isDetail(line) ? 'debug' : 'info'](line.trim());
    last = line;
  };
}

/**
 * Hands over the URL for migrations, which hold a lock on one connection and work on another.
 * @throws ServerError if a pooler hasn't two of them
 */
export async function withMigrationUrl<T>(server: ReachedServer, work: (url: string) => Promise<T>): Promise<T> {
  try {
    return await work(server.directUrl ?? server.url);
  } catch (error) {
    if (server.directUrl !== null || !isDatabaseUnavailable(error)) throw error;
    const says =
      'A migration takes two connections to PostgreSQL at once, and the pooler gave no second one. Set DATABASE_DIRECT_URL to PostgreSQL’s own address, or raise the pooler’s default_pool_size.';
    throw new ServerError('DATABASE_URL', { kind: 'pooler_small', says }, { cause: error });
  }
}

/**
 * For every other command: creates nothing and migrates nothing. `needsPromotions`: it works with their table, and relies on what
 * it sees there.
 * @throws NoDatabaseError if there is no database, or it lacks a part of the schema
 * @throws ConsoleTableError where it needs the table, and can't see or do everything there
 */
export async function openExisting(
  choice: DatabaseChoice,
  log: Log,
  { needsPromotions = false, ...options }: PoolOptions & { readonly needsPromotions?: boolean } = {},
): Promise<OpenedDatabase> {
  const prepare = async ({ url }: ReachedServer): Promise<void> => {
    const judge = () => refuseUnusableDatabase(url, options.console ?? USUAL_CONSOLE, { tries: false });
    const ran = await migrationsOf(url).catch(async (error: unknown) => {
      // insufficient_privilege: which is told in full.
      if (codeOf(error) === '42501') await judge();
      throw error;
    });
    const missing = MIGRATION_NAMES.filter((name) => !ran.has(name));
    if (missing.length > 0) {
      const lacks = ran.size === 0 ? 'has no schema yet' : `lacks ${missing.length} of this version’s migrations`;
      throw new NoDatabaseError(`The database (${describeDatabase(choice)}) ${lacks}. Run: flag-promotions migrate`);
    }
    if (needsPromotions) {
      await requirePromotions(url, options.console ?? USUAL_CONSOLE);
      await judge();
    }
  };
  return open(await reachServer(choice, false, log), prepare, options);
}

async function open(
  server: ReachedServer,
  prepare: (server: ReachedServer) => Promise<void>,
  options: PoolOptions = {},
): Promise<OpenedDatabase> {
  try {
    await prepare(server);
  } catch (error) {
    await server.close();
    throw error;
  }
  const { url, isPooled, directUrl } = server;
  const db = openDatabase(url, { ...options, isPooled, listenUrl: directUrl });
  return {
    ...server,
    db,
    async close() {
      await db.close();
      await server.close();
    },
  };
}

async function migrationsOf(connectionString: string): Promise<ReadonlySet<string>> {
  const client = await createDialer(connectionString, { applicationName: 'flag-promotions' }).open();
  try {
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
