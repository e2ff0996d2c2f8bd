import path from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod';
import { isDetail } from './console/adopt.js';
import type { Inspected } from './console/ensure.js';
import { USUAL_CONSOLE } from './console/settings.js';
import { type Database, type DatabaseOptions, openDatabase } from './database.js';
import { codeOf } from './embedded/errors.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { isDatabaseUnavailable, NoDatabaseError } from './errors.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, migrateToLatest, requirePromotions, withClient } from './migrate.js';
import { parseRows } from './rows.js';
import { parseAddress } from './server/address.js';
import { CONNECT_ONCE_WITHIN_MS, createDialer, endpointOf } from './server/dial.js';
import { lookAtServer, requireSameDatabase } from './server/look.js';
import { ServerError, serverError, type UrlSetting } from './server/trouble.js';
import { inspectUpToDate, refuseUnusableDatabase } from './usable.js';

/** The choice that DATABASE_URL and DATABASE_DIRECT_URL make. */
export type DatabaseChoice =
  | {
      readonly kind: 'server';
      readonly url: string;
      /** null: not set. */
      readonly directUrl: string | null;
    }
  | { readonly kind: 'embedded'; readonly dataDir: string };

export interface ReachedServer {
  /** It holds a password: don't log it. */
  readonly url: string;
  /** Whether a pooler answers at `url`. */
  readonly isPooled: boolean;
  /** Bypasses the pooler, so that notifications arrive; null: only the pooler's address is known. */
  readonly directUrl: string | null;
  close(): Promise<void>;
}

export interface OpenedDatabase extends ReachedServer {
  readonly db: Database;
}

type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** The database's name and host, or the embedded one's folder, for people. Never the password. */
export function describeDatabase(choice: DatabaseChoice): string {
  if (choice.kind === 'embedded') return `embedded, in ${path.resolve(choice.dataDir, 'postgres')}`;
  const { database, host, port } = endpointOf(parseAddress(choice.url));
  return `${database} on ${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Starts the embedded server if chosen; otherwise connects and checks that the app can work there.
 * @throws NoDatabaseError if the embedded database is missing and `create` is false
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

/** For `start`: creates the embedded database if missing, and migrates. */
export async function openUpToDate(
  choice: DatabaseChoice,
  log: Log,
  options: DatabaseOptions = {},
): Promise<OpenedDatabase> {
  log.info({ database: describeDatabase(choice) }, 'opening the database');
  const prepare = async (server: ReachedServer) => {
    const settings = options.console ?? USUAL_CONSOLE;
    const say = once((line) => log.warn(line));
    const inLog = (line: string) => log[isDetail(line) ? 'debug' : 'info'](line.trim());
    const found = await inspectUpToDate(server.url, settings, { say });
    if (found !== null) return found;
    const role = await otherRunner(server);
    const ran = await withMigrationUrl(server, (url) =>
      migrateToLatest(url, { console: settings, say: once(inLog), role }),
    );
    if (ran.length > 0) log.info({ migrations: ran }, 'the schema was brought up to date');
    return refuseUnusableDatabase(server.url, settings, { say, tries: true });
  };
  return open(await reachServer(choice, true, log), prepare, options);
}

/** Says each line once: while several replicas start, all but one keep waiting. */
function once(say: (line: string) => void): (line: string) => void {
  let last = '';
  return (line) => {
    if (line !== last) say(line);
    last = line;
  };
}

/**
 * Passes the URL for migrations, which need several connections.
 * @throws ServerError if there aren't enough of them
 */
export async function withMigrationUrl<T>(server: ReachedServer, work: (url: string) => Promise<T>): Promise<T> {
  const url = server.directUrl ?? server.url;
  const setting = url === server.url ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
  try {
    return await work(url);
  } catch (error) {
    if (server.directUrl !== null) throw inServerWords(error, setting, url);
    if (!isDatabaseUnavailable(error)) throw error;
    const says =
      'A migration takes two connections to PostgreSQL at once, and the pooler gave no second one. Set DATABASE_DIRECT_URL to PostgreSQL’s own address, or raise the pooler’s default_pool_size.';
    throw new ServerError('DATABASE_URL', { kind: 'pooler_small', says }, { cause: error });
  }
}

/**
 * The role that runs the app: the account in DATABASE_URL, if the one in DATABASE_DIRECT_URL is another; else null.
 * @throws ServerError if one of them can't be asked any more
 */
export async function otherRunner({
  url,
  directUrl,
}: Pick<ReachedServer, 'url' | 'directUrl'>): Promise<string | null> {
  if (directUrl === null || directUrl === url) return null;
  const runner = await accountAt(url, 'DATABASE_URL');
  return runner === (await accountAt(directUrl, 'DATABASE_DIRECT_URL')) ? null : runner;
}

async function accountAt(url: string, setting: UrlSetting): Promise<string> {
  try {
    return await withClient(url, async (client) => {
      const [row] = parseRows(await client.query('select current_user::text as name'), z.object({ name: z.string() }));
      if (row === undefined) throw new Error('The account has no name.');
      return row.name;
    });
  } catch (error) {
    throw inServerWords(error, setting, url);
  }
}

/** The server was reached and failed since, such as for want of a connection. */
function inServerWords(error: unknown, setting: UrlSetting, url: string): unknown {
  return isDatabaseUnavailable(error) ? serverError(error, setting, parseAddress(url)) : error;
}

/** A busy server may take seconds to let a command in, and nobody tries a command again by itself. */
const COMMAND_PATIENCE = 4;

/**
 * For every other command: creates and migrates nothing. `needsPromotions`: it must see all of the console's table.
 * @throws NoDatabaseError if there is no database, or it lacks part of the schema
 * @throws ConsoleTableError if it needs the table and can't see or do everything there
 */
export async function openExisting(
  choice: DatabaseChoice,
  log: Log,
  { needsPromotions = false, ...options }: DatabaseOptions & { readonly needsPromotions?: boolean } = {},
): Promise<OpenedDatabase> {
  const prepare = async ({ url }: ReachedServer): Promise<Inspected | null> => {
    const judge = () => refuseUnusableDatabase(url, options.console ?? USUAL_CONSOLE, { tries: false });
    const ran = await migrationsOf(url).catch(async (error: unknown) => {
      // insufficient_privilege: `judge` reports it in full.
      if (codeOf(error) === '42501') await judge();
      throw error;
    });
    const missing = MIGRATION_NAMES.filter((name) => !ran.has(name));
    if (missing.length > 0) {
      const lacks = ran.size === 0 ? 'has no schema yet' : `lacks ${missing.length} of this version’s migrations`;
      throw new NoDatabaseError(`The database (${describeDatabase(choice)}) ${lacks}. Run: flag-promotions migrate`);
    }
    if (!needsPromotions) return null;
    await requirePromotions(url, options.console ?? USUAL_CONSOLE);
    return judge();
  };
  return open(await reachServer(choice, false, log), prepare, { patience: COMMAND_PATIENCE, ...options });
}

async function open(
  server: ReachedServer,
  prepare: (server: ReachedServer) => Promise<Inspected | null>,
  options: DatabaseOptions = {},
): Promise<OpenedDatabase> {
  let inspected: Inspected | null;
  try {
    inspected = await prepare(server);
  } catch (error) {
    await server.close();
    throw inServerWords(error, 'DATABASE_URL', server.url);
  }
  const { url, isPooled, directUrl } = server;
  const facts = inspected?.kind === 'there' ? inspected.facts : null;
  const db = openDatabase(url, { ...options, facts, isPooled, listenUrl: directUrl });
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
  const options = { applicationName: 'flag-promotions', connectWithinMs: CONNECT_ONCE_WITHIN_MS };
  const client = await createDialer(connectionString, options).open();
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
