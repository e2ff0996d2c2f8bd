import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { processExists } from './abandoned.js';
import { type Place, preparePlace } from './account.js';
import { clusterExists, createCluster, dataArgument, readPassword, requireSameVersion, SUPERUSER } from './cluster.js';
import { codeOf, EmbeddedPostgresError, messageOf, unlessCode } from './errors.js';
import { keepLogSmall, logSize, logTail, openLog } from './log-file.js';
import { copyPlaces, findPackage, prepareRuntime, programEnvironment, type Runtime } from './runtime.js';

const START_LIMIT_MS = 60_000;
const FAST_STOP_LIMIT_MS = 10_000;
const IMMEDIATE_STOP_LIMIT_MS = 7_000;
const LOOK_EVERY_MS = 40;
// Arbitrary numbers that name this project's lock among a database's advisory locks.
const IN_USE_LOCK = '(1179408464, 1)';

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // Its path may be no longer than 107 bytes, and nothing needs it.
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  shared_buffers: '32MB',
  max_connections: '100',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  io_method: 'sync',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
  log_checkpoints: 'off',
};

export interface ServerOptions {
  readonly dataDir: string;
  readonly database: string;
  readonly log: (line: string) => void;
  /** Added to, or in place of, the server's usual settings. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * False: the server gets the signals of the process group (Ctrl-C in a terminal) and, once dead, stays so.
   * Default: it outlives them, and is started again should it die while this process lives.
   */
  readonly detached?: boolean;
}

interface AcquireOptions extends ServerOptions {
  /** Default: any that is free. */
  readonly port?: number;
  readonly signal?: AbortSignal;
}

export interface RunningServer {
  readonly connectionString: string;
  readonly adopted: boolean;
  stop(): Promise<void>;
}

/** See startEmbeddedPostgres; here the server's settings and its tie to this process can be changed as well. */
export async function runServer(options: ServerOptions): Promise<RunningServer> {
  const place = await preparePlace(options.dataDir);
  const { use, adopted } = await acquire(place, options);
  try {
    await createDatabase(use.session, options.database);
  } catch (error) {
    await release(place, use, options.log);
    throw error;
  }
  const stop = keepRunning(place, use, options);
  const endTrimming = keepLogSmall(place);
  let stopped: Promise<void> | undefined;
  return {
    connectionString: connectionString(use.port, use.password, options.database),
    adopted,
    stop() {
      endTrimming();
      stopped ??= stop();
      return stopped;
    },
  };
}

/**
 * Starts the server again, on the same port, should it die while this process lives (the kernel's out-of-memory killer,
 * a `kill` by mistake): what was given out as its address stays true. Answers how to end that, and the use with it.
 */
function keepRunning(place: Place, first: Use, options: ServerOptions): () => Promise<void> {
  const { log } = options;
  const stopping = new AbortController();
  let use = first;
  let regaining: Promise<void> | undefined;

  const hold = (): void => {
    // A process that has nothing else to do may end without stop(): the next start finds the server again.
    use.socket.unref();
    if (options.detached === false) return;
    use.session.once('end', () => {
      if (!stopping.signal.aborted) regaining = regain();
    });
  };
  const regain = async (): Promise<void> => {
    log(`PostgreSQL, pid ${use.pid}, ended or dropped its connections: starting it again`);
    for (let tries = 0; !stopping.signal.aborted; tries += 1) {
      try {
        use = (await acquire(place, { ...options, port: first.port, signal: stopping.signal })).use;
        if (use.port !== first.port) log(`PostgreSQL now listens on another port: restart this process to use it`);
        hold();
        return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        log(`PostgreSQL could not be started again, will be tried on: ${messageOf(error)}`);
        const pause = sleep(Math.min(1_000 * 2 ** tries, 30_000), undefined, { ref: false, signal: stopping.signal });
        await pause.catch(() => undefined);
      }
    }
  };

  hold();
  return async () => {
    stopping.abort();
    await regaining;
    await release(place, use, log);
  };
}

/** A session that says "this process uses the server" by a lock, which dies with the process. */
interface Use {
  readonly session: Client;
  readonly socket: Socket;
  readonly port: number;
  readonly pid: number;
  readonly password: string;
}

type Look =
  | { kind: 'absent'; stalePid: number | undefined }
  | { kind: 'busy'; why: string }
  | { kind: 'running'; use: Use };

async function acquire(place: Place, options: AcquireOptions): Promise<{ use: Use; adopted: boolean }> {
  const deadline = Date.now() + START_LIMIT_MS;
  let runtime: Runtime | undefined;
  let launched: Launched | undefined;
  let why = '';
  while (Date.now() < deadline) {
    // What was launched is waited for, so that whoever stops knows of it.
    if (launched === undefined) options.signal?.throwIfAborted();
    const look = await lookForServer(place);
    if (look.kind === 'running') {
      const adopted = launched?.pid !== look.use.pid;
      options.log(`${adopted ? 'using the running' : 'started'} PostgreSQL, pid ${look.use.pid}, in ${place.cluster}`);
      return { use: look.use, adopted };
    }
    if (look.kind === 'busy') why = look.why;
    if (launched?.ended !== undefined) {
      const tail = await logTail(place, launched.logOffset);
      // Another process was faster, or a dying server still holds something: both pass.
      if (!/lock file|pre-existing shared memory|could not (bind|create any TCP)/i.test(tail)) {
        throw failure(place, `ended at once (${launched.ended})`, tail, launched.error);
      }
      why = tail;
      launched = undefined;
      await sleep(200);
    } else if (look.kind === 'absent' && launched === undefined) {
      runtime ??= await prepareRuntime({
        packageRoot: findPackage(),
        account: place.account,
        copies: copyPlaces(place),
        log: options.log,
      });
      if (!(await clusterExists(place))) {
        options.log(`making a new PostgreSQL data folder in ${place.cluster}`);
        await createCluster(place, runtime);
      }
      await requireSameVersion(place, runtime);
      launched = await launch(place, runtime, options, look.stalePid);
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw failure(place, `wasn't ready within ${START_LIMIT_MS / 1000} s`, `${why}\n${await logTail(place, 0)}`.trim());
}

function failure(place: Place, what: string, tail: string, cause?: Error): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The embedded PostgreSQL in ${place.cluster} ${what}. No data was changed. Its log is ${place.logFile}; the end of ` +
      'it is in the cause of this error. Or set DATABASE_URL to use your own PostgreSQL.',
    { cause: new Error(tail === '' ? 'The log is empty.' : tail, { cause }) },
  );
}

interface Launched {
  readonly pid: number | undefined;
  readonly logOffset: number;
  /** Why it ended; undefined while it runs. */
  ended: string | undefined;
  error: Error | undefined;
}

async function launch(
  place: Place,
  runtime: Runtime,
  options: AcquireOptions,
  stalePid: number | undefined,
): Promise<Launched> {
  const settings = { ...SETTINGS, ...options.settings, port: String(options.port ?? (await freePort())) };
  const logHandle = await openLog(place);
  try {
    const logOffset = await logSize(place);
    // PostgreSQL takes any process with the number in a stale lock file for its own, should it belong to the same
    // account: usual after the restart of a container. A "grandparent" it ignores.
    const ignored = stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) };
    const child = spawn(
      runtime.postgres,
      [
        ...['-D', dataArgument(place.account, place.cluster)],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      {
        cwd: place.cluster,
        env: { ...programEnvironment(), ...ignored },
        // Its own process group: Ctrl-C must reach the app first, which still writes while it shuts down.
        detached: options.detached ?? true,
        stdio: ['ignore', logHandle.fd, logHandle.fd],
        windowsHide: true,
        ...place.account,
      },
    );
    const launched: Launched = { pid: child.pid, logOffset, ended: undefined, error: undefined };
    child.once('error', (error) => {
      launched.ended = error.message;
      launched.error = error;
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('No free TCP port on 127.0.0.1.');
  return address.port;
}

/** Finds the server that runs on this very folder, and takes part in its use. */
async function lookForServer(place: Place): Promise<Look> {
  const text = await unlessCode(readFile(path.join(place.cluster, 'postmaster.pid'), 'utf8'), 'ENOENT');
  if (text === undefined) return { kind: 'absent', stalePid: undefined };
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid < 1) return { kind: 'busy', why: 'postmaster.pid is being written' };
  if (!(await isServerOf(place, pid))) return { kind: 'absent', stalePid: pid };
  if (lines[7] !== 'ready' || !Number.isInteger(port)) {
    return { kind: 'busy', why: `PostgreSQL, pid ${pid}, is ${lines[7] ?? 'starting'}` };
  }

  const password = await readPassword(place);
  const socket = new Socket();
  const session = new Client({
    stream: () => socket,
    connectionString: connectionString(port, password, 'postgres'),
    application_name: 'flag-promotions: in use',
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  // What follows from a lost connection hangs on its end, which is told in any case.
  session.on('error', () => undefined);
  try {
    await session.connect();
    const { rows } = await session.query(`select pg_try_advisory_lock_shared${IN_USE_LOCK} as held`);
    if (rows[0]?.held === true && (await isInFolder(session, place))) {
      return { kind: 'running', use: { session, socket, port, pid, password } };
    }
    await session.end();
    if (rows[0]?.held !== true) return { kind: 'busy', why: `PostgreSQL, pid ${pid}, is about to be stopped` };
    return { kind: 'absent', stalePid: pid };
  } catch (error) {
    await session.end().catch(() => undefined);
    if (codeOf(error) !== '28P01') return { kind: 'busy', why: messageOf(error) };
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL in ${place.cluster} refuses the password kept in that folder: one of the two was ` +
        'changed by hand. Stop the server and restore the folder, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

/** Process numbers are used again: whether `pid` is a server that works in the place's cluster. */
async function isServerOf(place: Place, pid: number): Promise<boolean> {
  if (!processExists(pid)) return false;
  if (process.platform === 'linux') {
    try {
      const [itsFolder, cluster] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(place.cluster)]);
      return itsFolder.dev === cluster.dev && itsFolder.ino === cluster.ino;
    } catch (error) {
      // No such process any more (or a zombie); where it merely may not be looked at, PostgreSQL itself decides.
      return codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ESRCH';
    }
  }
  if (process.platform === 'win32') return true;
  const command = await promisify(execFile)('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => undefined);
  return command?.stdout.includes('postgres') ?? true;
}

/**
 * A copied DATA_DIR holds the same password and the same postmaster.pid as its original, and paths differ between
 * mounts. So the server is asked to read what was just written to the folder.
 */
async function isInFolder(session: Client, place: Place): Promise<boolean> {
  const proof = randomBytes(16).toString('hex');
  const name = `flag-promotions.proof-${randomBytes(6).toString('hex')}`;
  const file = path.join(place.cluster, name);
  try {
    await writeFile(file, proof, { flag: 'wx', mode: 0o644 });
    const { rows } = await session.query('select pg_read_file($1, true) as proof', [name]);
    return rows[0]?.proof === proof;
  } finally {
    await rm(file, { force: true });
  }
}

async function createDatabase(session: Client, database: string): Promise<void> {
  const { rowCount } = await session.query('select 1 from pg_database where datname = $1', [database]);
  if (rowCount !== 0) return;
  // A process that starts at the same time may be first.
  await unlessCode(
    session.query(`create database ${session.escapeIdentifier(database)} template template0`),
    '42P04',
    '23505',
  );
}

function connectionString(port: number, password: string, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

/** Ends this process's use, and the server where nobody else uses it. */
async function release(place: Place, use: Use, log: (line: string) => void): Promise<void> {
  use.socket.ref();
  const mine = (await stillInUse(use)) ? use : await useAgain(place);
  if (mine === undefined) return;
  try {
    if (!(await becomeTheOnlyUser(place, mine))) {
      log(`leaving PostgreSQL, pid ${mine.pid}, to the other processes that use it`);
      return;
    }
    await stopServer(place, mine.pid);
    log(`stopped PostgreSQL, pid ${mine.pid}`);
  } finally {
    await mine.session.end().catch(() => undefined);
  }
}

/** Gives up this process's share; true where no other has one, and then whoever comes waits until the server is gone. */
async function becomeTheOnlyUser(place: Place, { session, pid }: Use): Promise<boolean> {
  try {
    await session.query(`select pg_advisory_unlock_shared${IN_USE_LOCK}`);
    const { rows } = await session.query(`select pg_try_advisory_lock${IN_USE_LOCK} as alone`);
    return rows[0]?.alone === true;
  } catch (error) {
    // Another that gave up its share at the same moment became the only one, and ended the server with this session.
    if (await isGone(place, pid, FAST_STOP_LIMIT_MS)) return false;
    throw error;
  }
}

async function stillInUse(use: Use): Promise<boolean> {
  try {
    await use.session.query('select 1');
    return true;
  } catch {
    await use.session.end().catch(() => undefined);
    return false;
  }
}

/** The session was lost, though the server may have lived on, or another process may have started it again. */
async function useAgain(place: Place): Promise<Use | undefined> {
  const deadline = Date.now() + FAST_STOP_LIMIT_MS;
  while (Date.now() < deadline) {
    const look = await lookForServer(place);
    if (look.kind === 'running') return look.use;
    if (look.kind === 'absent') return undefined;
    await sleep(LOOK_EVERY_MS);
  }
  return undefined;
}

async function stopServer(place: Place, pid: number): Promise<void> {
  await signalServer(place, pid, 'fast');
  if (await isGone(place, pid, FAST_STOP_LIMIT_MS)) return;
  await signalServer(place, pid, 'immediate');
  if (await isGone(place, pid, IMMEDIATE_STOP_LIMIT_MS)) return;
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL (pid ${pid}) does not stop. Committed data is safe. Look at its log, ${place.logFile}, ` +
      `and end it with: kill -QUIT ${pid}`,
    { cause: new Error(await logTail(place, 0)) },
  );
}

async function signalServer(place: Place, pid: number, mode: 'fast' | 'immediate'): Promise<void> {
  if (process.platform !== 'win32') {
    try {
      process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
    return;
  }
  // Windows knows no such signals; PostgreSQL's own tool speaks to the server there.
  const pgCtl = path.join(findPackage(), 'native', 'bin', 'pg_ctl.exe');
  await promisify(execFile)(pgCtl, ['stop', '-D', place.cluster, '-m', mode, '-W']).catch(() => undefined);
}

async function isGone(place: Place, pid: number, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    if (!(await isServerOf(place, pid))) return true;
    await sleep(10);
  }
  return false;
}
