import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lchown, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { processExists } from './abandoned.js';
import type { Place } from './account.js';
import { createCluster, dataArgument, readPassword, requireSameVersion, SUPERUSER } from './cluster.js';
import { codeOf, EmbeddedPostgresError, messageOf, unlessCode } from './errors.js';
import { freePort } from './free-port.js';
import { copyFolder, findPackage, prepareRuntime, programEnvironment } from './runtime.js';

const STOP_LIMIT_MS = 30_000;
const LOG_LIMIT_BYTES = 5 * 1024 * 1024;
const LOG_TAIL_BYTES = 4096;
/** Arbitrary numbers among the database's advisory locks. */
const IN_USE_LOCK = '(1179408464, 1)';

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket's path is limited to 107 bytes, and nothing needs it.
  unix_socket_directories: '',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  io_method: 'sync',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

export interface LaunchOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly detached?: boolean;
  readonly log: (line: string) => void;
}

/** One process's use of a running server. Its session holds a shared lock, which ends with the process. */
export interface Use {
  readonly session: Client;
  readonly pid: number;
  connectionString(database: string): string;
}

export type Look =
  | { readonly kind: 'absent'; readonly stalePid: number | undefined }
  | { readonly kind: 'busy'; readonly why: string }
  | { readonly kind: 'running'; readonly use: Use };

/** Looks for this folder's server. If it runs, this process uses it from now on. */
export async function lookForServer(place: Place): Promise<Look> {
  const text = await unlessCode(readFile(path.join(place.cluster, 'postmaster.pid'), 'utf8'), 'ENOENT');
  if (text === undefined) return { kind: 'absent', stalePid: undefined };
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid < 1) return { kind: 'busy', why: 'postmaster.pid is being written' };
  if (!(await isServerOf(place, pid))) return { kind: 'absent', stalePid: pid };
  if (lines[7] !== 'ready') return { kind: 'busy', why: `PostgreSQL, pid ${pid}, is ${lines[7] ?? 'starting'}` };
  return useServer(place, pid, Number(lines[3]));
}

async function useServer(place: Place, pid: number, port: number): Promise<Look> {
  const password = await readPassword(place);
  const connectionString = (database: string) =>
    `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const session = new Client({
    connectionString: connectionString('postgres'),
    application_name: 'flag-promotions: in use',
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  // A lost connection also emits `end`, which is handled.
  session.on('error', () => undefined);
  let look: Look;
  try {
    await session.connect();
    const { rows } = await session.query(`select pg_try_advisory_lock_shared${IN_USE_LOCK} as held`);
    if (rows[0]?.held !== true) look = { kind: 'busy', why: `PostgreSQL, pid ${pid}, is about to be stopped` };
    else if (await isInFolder(session, place)) return { kind: 'running', use: { session, pid, connectionString } };
    else look = { kind: 'absent', stalePid: pid };
  } catch (error) {
    if (codeOf(error) === '28P01') {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL in ${place.cluster} refuses the password kept in that folder. Somebody changed one of ` +
          'the two. Stop the server and restore the folder.',
        { cause: error },
      );
    }
    look = { kind: 'busy', why: messageOf(error) };
  }
  await session.end();
  return look;
}

/** Whether `pid` is a server in this cluster: process ids are reused. */
async function isServerOf(place: Place, pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return processExists(pid);
  try {
    const [its, cluster] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(place.cluster)]);
    return its.dev === cluster.dev && its.ino === cluster.ino;
  } catch (error) {
    // Gone, or a zombie. If it merely can't be read, PostgreSQL decides.
    return codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ESRCH';
  }
}

/**
 * Whether the server's data_directory is this folder: can it read a file just written here? A copied DATA_DIR has its
 * original's password and postmaster.pid, and a folder can have several paths.
 */
async function isInFolder(session: Client, place: Place): Promise<boolean> {
  const proof = randomBytes(16).toString('hex');
  const name = `flag-promotions.proof-${randomBytes(6).toString('hex')}`;
  const file = path.join(place.cluster, name);
  try {
    await writeFile(file, proof, { flag: 'wx', mode: 0o600 });
    if (place.account !== undefined) await lchown(file, place.account.uid, place.account.gid);
    const { rows } = await session.query('select pg_read_file($1, true) as proof', [name]);
    return rows[0]?.proof === proof;
  } finally {
    await rm(file, { force: true });
  }
}

export interface Launched {
  readonly pid: number | undefined;
  /** The log's length before the start. */
  readonly logOffset: number;
  /** Why it ended; undefined while it runs. */
  ended: string | undefined;
}

/** Starts the server, after creating a missing cluster. Doesn't wait until it is ready. */
export async function launch(place: Place, options: LaunchOptions, stalePid: number | undefined): Promise<Launched> {
  const { log } = options;
  const { account } = place;
  const runtime = await prepareRuntime({ packageRoot: findPackage(), account, copies: copyFolder(place), log });
  if (!place.clusterExists) {
    log(`making a new PostgreSQL data folder in ${place.cluster}`);
    await createCluster(place, runtime);
  }
  await requireSameVersion(place, runtime);
  const settings = { ...SETTINGS, port: String(await freePort()), ...options.settings };
  const logHandle = await openLog(place);
  try {
    const logOffset = (await logHandle.stat()).size;
    // PostgreSQL takes any process of its account with a stale postmaster.pid's number for a running server; after a
    // container's restart there often is one. It ignores a "grandparent".
    const ignored = stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) };
    const child = spawn(
      runtime.postgres,
      [
        ...['-D', dataArgument(account, place.cluster)],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      {
        cwd: place.cluster,
        env: { ...programEnvironment(), ...ignored },
        // Its own process group: Ctrl-C must reach only the app, which still writes while it shuts down.
        detached: options.detached ?? true,
        stdio: ['ignore', logHandle.fd, logHandle.fd],
        ...account,
      },
    );
    const launched: Launched = { pid: child.pid, logOffset, ended: undefined };
    child.once('error', (error) => {
      launched.ended = error.message;
    });
    child.once('exit', (code, signal) => {
      launched.ended = code === null ? `signal ${signal}` : `exit code ${code}`;
    });
    child.unref();
    return launched;
  } finally {
    await logHandle.close();
  }
}

/** Opens the log for appending; a large one is emptied. */
async function openLog(place: Place) {
  // Root mustn't follow a link that the folder's owner put there. Windows has no such flag.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(place.logFile, flags, 0o600);
  if (place.account !== undefined) await handle.chown(place.account.uid, place.account.gid);
  if ((await handle.stat()).size > LOG_LIMIT_BYTES) await handle.truncate(0);
  return handle;
}

/** The end of what was logged since `offset` bytes. */
export async function logTail(place: Place, offset: number): Promise<string> {
  const logged = await unlessCode(readFile(place.logFile), 'ENOENT');
  return logged?.subarray(offset).subarray(-LOG_TAIL_BYTES).toString('utf8').trim() ?? '';
}

/** The last user stops the server. */
export async function leaveServer(place: Place, use: Use, log: (line: string) => void): Promise<void> {
  const { session, pid } = use;
  try {
    await session.query(`select pg_advisory_unlock_shared${IN_USE_LOCK}`);
    // New users wait from here until the server is gone.
    const { rows } = await session.query(`select pg_try_advisory_lock${IN_USE_LOCK} as alone`);
    if (rows[0]?.alone === true) {
      await stopServer(place, pid);
      log(`stopped PostgreSQL, pid ${pid}`);
    }
  } catch (error) {
    // It ended before, or another process that left at the same moment is stopping it.
    if (error instanceof EmbeddedPostgresError || !(await isGone(place, pid))) throw error;
  } finally {
    await session.end();
  }
}

async function stopServer(place: Place, pid: number): Promise<void> {
  // PostgreSQL's "fast shutdown": it cuts the remaining sessions.
  if (processExists(pid)) process.kill(pid, 'SIGINT');
  if (await isGone(place, pid)) return;
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL (pid ${pid}) does not stop. Committed data is safe. End it with: kill -QUIT ${pid}\n` +
      `${place.logFile} ends with:\n${await logTail(place, 0)}`,
  );
}

async function isGone(place: Place, pid: number): Promise<boolean> {
  const deadline = Date.now() + STOP_LIMIT_MS;
  while (Date.now() < deadline) {
    if (!(await isServerOf(place, pid))) return true;
    await sleep(10);
  }
  return false;
}
