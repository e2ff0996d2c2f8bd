import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Pool, type QueryResult } from 'pg';
import { processExists } from '../../src/db/embedded/abandoned.js';
import { codeOf } from '../../src/db/embedded/errors.js';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { migrateToLatest } from '../../src/db/migrate.js';
import { type Contents, readContents } from './database-contents.js';
import { type SessionPool, startSessionPool } from './session-pool.js';

export interface TestDatabase {
  readonly url: string;
  /** Drops it, even while others are connected. */
  drop(): Promise<void>;
}

/** One PostgreSQL server for a whole Jest run. */
export interface TestServer {
  stop(): Promise<void>;
}

const ADMIN_URL = 'FLAG_PROMOTIONS_TEST_ADMIN_URL';
const RUN = 'FLAG_PROMOTIONS_TEST_RUN';
const VERSION = 'FLAG_PROMOTIONS_TEST_VERSION';
const MEMORY = '/dev/shm';
const FOLDER = /^flag-promotions-test-(\d+)-/;

/**
 * A database with the project's schema and nothing else. It and its sessions may have served another test, since new ones
 * take longer than most tests (session-pool.ts). If a test changes more than rows, its database is dropped.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const kept = unused.pop() ?? (await keep(await createOwnDatabase()));
  return {
    url: kept.url,
    async drop() {
      if (unused.length < MOST_UNUSED && (await kept.contents.restore())) unused.push(kept);
      else await kept.database.drop();
    },
  };
}

interface KeptDatabase {
  readonly database: TestDatabase;
  /** Through the session pool. */
  readonly url: string;
  readonly contents: Contents;
}

/** Of this process. */
const unused: KeptDatabase[] = [];
/** As many as tests use at once; each keeps some ten sessions. */
const MOST_UNUSED = 2;
// With coverage, each test file loads this module anew: the next one can't use them.
if (typeof afterAll === 'function') afterAll(dropUnused);

async function dropUnused(): Promise<void> {
  for (const { database } of unused.splice(0)) await database.drop();
}

let pool: Promise<SessionPool> | undefined;

async function keep(database: TestDatabase): Promise<KeptDatabase> {
  const contents = await readContents(administrator(database.url));
  return { database, url: (await sessionPool()).urlOf(database.url), contents };
}

/** In front of the tests' server. */
export const sessionPool = (): Promise<SessionPool> => (pool ??= startSessionPool(fromSetup(ADMIN_URL)));

/**
 * A new database with the project's schema, straight from the server: for tests about its sessions, or about what it asks
 * and tells a new one, as a password.
 */
export async function createOwnDatabase(): Promise<TestDatabase> {
  return create(templateName(fromSetup(RUN)));
}

/** PostgreSQL's major version. */
export const testServerVersion = (): number => Number(fromSetup(VERSION));

/** An empty database, for tests of the migrations. A `locale` is ICU's, which a database has since PostgreSQL 15. */
export async function createEmptyDatabase(
  options: { readonly encoding?: string; readonly locale?: string } = {},
): Promise<TestDatabase> {
  const { encoding, locale } = options;
  const clauses = [
    ...(encoding === undefined
      ? []
      : [
          `encoding '${encoding}' lc_collate 'C' lc_ctype 'C' ${testServerVersion() < 15 ? '' : 'locale_provider libc'}`,
        ]),
    ...(locale === undefined ? [] : [`locale_provider icu icu_locale '${locale}'`]),
  ];
  return create('template0', clauses.join(' '));
}

async function create(template: string, clauses = ''): Promise<TestDatabase> {
  const adminUrl = fromSetup(ADMIN_URL);
  const name = `${fromSetup(RUN)}_${randomBytes(6).toString('hex')}`;
  await createFrom(administrator(adminUrl), name, template, clauses);
  const url = databaseUrl(adminUrl, name);
  return {
    url,
    async drop() {
      await leave(url);
      await onTestServer(`drop database if exists ${name} with (force)`);
    },
  };
}

/** As the server's superuser, outside all tests' databases. */
export const onTestServer = (sql: string): Promise<QueryResult> => administrator(fromSetup(ADMIN_URL)).query(sql);

const administrators = new Map<string, Pool>();

/** Keeps its session for the next database of this process: connecting takes longer than what it does there. */
function administrator(url: string): Pool {
  const kept = administrators.get(url);
  if (kept !== undefined) return kept;
  const pool = new Pool({ connectionString: url, max: 1, idleTimeoutMillis: 10_000, allowExitOnIdle: true });
  // The server's end cuts it.
  pool.on('error', () => undefined);
  administrators.set(url, pool);
  return pool;
}

/** Unique to this run. */
export const testRun = (): string => fromSetup(RUN);

/** Ends this process's session there, if it has one. */
async function leave(url: string): Promise<void> {
  await administrators.get(url)?.end();
  administrators.delete(url);
}

function fromSetup(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: test/support/global-setup.ts did not run.`);
  return value;
}

/**
 * Call once, before all tests: starts the server (or uses that of TEST_DATABASE_URL, a superuser's URL) and makes the
 * template database. Tests' processes find them through environment variables until it is stopped.
 */
export async function startTestServer(external = process.env['TEST_DATABASE_URL']): Promise<TestServer> {
  const run = `fp_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  const before = [ADMIN_URL, RUN, VERSION].map((name) => [name, process.env[name]] as const);
  const server = external === undefined || external === '' ? await startOwnServer() : useServer(external, run);
  try {
    await asAdmin(server.adminUrl, (admin) => admin.query(`create database ${templateName(run)} template template0`));
    await migrateToLatest(databaseUrl(server.adminUrl, templateName(run)));
    process.env[VERSION] = await majorVersion(server.adminUrl);
  } catch (error) {
    await server.stop();
    throw error;
  }
  process.env[ADMIN_URL] = server.adminUrl;
  process.env[RUN] = run;
  return {
    async stop() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      unused.length = 0;
      pool = undefined;
      await server.stop();
    },
  };
}

interface Server extends TestServer {
  readonly adminUrl: string;
}

async function startOwnServer(): Promise<Server> {
  await removeAbandoned();
  const folder = await mkdtemp(path.join(await fastTemporaryFolder(), `flag-promotions-test-${process.pid}-`));
  const started = startEmbeddedPostgres({
    dataDir: path.join(folder, 'data'),
    create: true,
    database: 'postgres',
    settings: {
      // Never for data that should outlive the run.
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      autovacuum: 'off',
      // Of those that tests use at once, and those that are kept for the next test.
      max_connections: '200',
      // Otherwise each of thousands of connections hashes its password 4,096 times.
      scram_iterations: '1',
      // This server's account is named like our schema, so by default SQL that forgets the schema's name would work.
      search_path: 'public',
    },
    // Ctrl-C ends it together with Jest, which then runs no teardown.
    detached: false,
  });
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const server = await started.catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  await hashPasswordOnce(server.connectionString);
  return {
    adminUrl: server.connectionString,
    async stop() {
      await server.stop();
      await removeFolder();
    },
  };
}

/** initdb hashed it with PostgreSQL's default. */
async function hashPasswordOnce(adminUrl: string): Promise<void> {
  const { password } = new URL(adminUrl);
  await asAdmin(adminUrl, async (admin) => {
    await admin.query(`alter role current_user password ${admin.escapeLiteral(decodeURIComponent(password))}`);
  });
}

/** In memory, if there is plenty, copying the template takes 10 ms; on a measured disk 180 ms. */
export async function fastTemporaryFolder(): Promise<string> {
  const memory = await statfs(MEMORY).catch(() => undefined);
  return memory !== undefined && memory.bavail * memory.bsize > 2 ** 31 ? MEMORY : tmpdir();
}

/** Ends the servers of killed runs. */
async function removeAbandoned(): Promise<void> {
  const places = await Promise.all([MEMORY, tmpdir()].map(async (place) => ({ place, names: await listed(place) })));
  for (const folder of places.flatMap(({ place, names }) => names.map((name) => path.join(place, name)))) {
    const runner = Number(FOLDER.exec(path.basename(folder))?.[1]);
    if (Number.isNaN(runner) || processExists(runner)) continue;
    const lock = await readFile(path.join(folder, 'data', 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(lock.split('\n')[0]);
    if (pid > 0 && (await isPostgres(pid))) process.kill(pid, 'SIGQUIT');
    for (let tries = 0; pid > 0 && (await isPostgres(pid)) && tries < 100; tries += 1) await sleep(20);
    // Another account's folder in a shared /tmp stays.
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function listed(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function isPostgres(pid: number): Promise<boolean> {
  return processExists(pid) && (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres';
}

function useServer(adminUrl: string, run: string): Server {
  return {
    adminUrl,
    stop: () =>
      asAdmin(adminUrl, async (admin) => {
        const left = await admin.query('select datname from pg_database where starts_with(datname, $1)', [run]);
        for (const { datname } of left.rows) await admin.query(`drop database if exists "${datname}" with (force)`);
      }),
  };
}

async function majorVersion(adminUrl: string): Promise<string> {
  let version = '';
  await asAdmin(adminUrl, async (admin) => {
    const { rows } = await admin.query(`select current_setting('server_version_num')::int / 10000 as major`);
    version = String(rows[0]?.major);
  });
  return version;
}

function templateName(run: string): string {
  return `${run}_template`;
}

function databaseUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function createFrom(admin: Pool, name: string, template: string, clauses: string): Promise<void> {
  // The default, through the WAL, takes two and a half times as long. Before version 15 there is nothing to choose.
  const strategy = testServerVersion() < 15 ? '' : 'strategy file_copy';
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await admin.query(`create database ${name} template ${template} ${clauses} ${strategy}`);
      return;
    } catch (error) {
      // 55006: somebody, such as a background process, is connected to the template. It passes.
      if (codeOf(error) !== '55006' || Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function asAdmin(adminUrl: string, work: (admin: Client) => Promise<unknown>): Promise<void> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}
