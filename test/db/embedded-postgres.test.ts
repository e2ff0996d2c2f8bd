import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findPackage, prepareRuntime } from '../../src/db/embedded/runtime.js';
import { type EmbeddedPostgres, EmbeddedPostgresError, startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { NoDatabaseError } from '../../src/db/errors.js';
import { fastTemporaryFolder } from '../support/database.js';
import { eventually } from '../support/eventually.js';

const PROJECT = path.resolve(__dirname, '..', '..');
const CHILD = path.join(PROJECT, 'test', 'support', 'embedded-postgres-child.ts');
const NOBODY = 65534;
// "daemon": in every /etc/passwd.
const ORDINARY = { uid: 1, gid: 1 };
const NAMELESS = { uid: 54321, gid: 54321 };
const asRoot = process.getuid?.() === 0 ? test : test.skip;
// If the checkout, or node itself, is under a folder like /root, no other account can run the project's code.
const READ_CHILD = ['-e', `require('node:fs').accessSync('${CHILD}')`];
const asOthers = spawnSync(process.execPath, READ_CHILD, { cwd: '/', ...ORDINARY }).status === 0 ? asRoot : test.skip;
const onLinux = process.platform === 'linux' ? test : test.skip;

let folder: string;
let dataDir: string;
let started: EmbeddedPostgres[];
let children: ChildProcess[];

beforeEach(async () => {
  // Like /root: only its owner may enter it. By its name, the next run removes what a killed run left.
  folder = await mkdtemp(path.join(await fastTemporaryFolder(), `flag-promotions-test-${process.pid}-`));
  dataDir = path.join(folder, 'data');
  started = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) await kill(child);
  for (const server of started) await server.stop();
  for (const name of await readdir(folder)) {
    const pid = await serverPid(path.join(folder, name)).catch(() => undefined);
    if (pid !== undefined && (await isPostgres(pid))) {
      process.kill(pid, 'SIGQUIT');
      await gone(pid);
    }
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function start(directory = dataDir, log: string[] = []): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: directory, create: true, log: (line) => log.push(line) });
  started.push(server);
  return server;
}

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function writeRow(connectionString: string, note: string): Promise<void> {
  await query(connectionString, 'create table if not exists notes (note text)');
  await query(connectionString, `insert into notes values ('${note}')`);
}

async function notes(connectionString: string): Promise<unknown[]> {
  return (await query(connectionString, 'select note from notes order by note')).map((row) => row['note']);
}

/** Without the copy of the programs that an ordinary user gets if node_modules is another's and has no links. */
async function dataNames(): Promise<string[]> {
  return (await readdir(dataDir)).filter((name) => !/^postgres-\d/.test(name)).sort();
}

async function serverPid(directory = dataDir): Promise<number> {
  return Number((await readFile(path.join(directory, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function isPostgres(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,comm=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.includes('postgres') && !stdout.startsWith('Z');
}

const gone = (pid: number): Promise<void> =>
  eventually(async () => {
    if (await isPostgres(pid)) throw new Error(`PostgreSQL, pid ${pid}, still runs`);
  });

interface Child {
  readonly process: ChildProcess;
  readonly lines: Interface;
  readonly log: string[];
}

function startChild(options: { uid?: number; gid?: number; directory?: string } = {}): Child {
  const { directory = dataDir, ...account } = options;
  // tsx keeps a cache per account in the temporary folder.
  const env = account.uid === undefined ? process.env : { ...process.env, TMPDIR: folder };
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, directory], { cwd: PROJECT, env, ...account });
  children.push(child);
  const log: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  return { process: child, lines: createInterface({ input: child.stdout }), log };
}

interface Answer {
  connectionString: string;
  adopted: boolean;
  ms: number;
  error?: string;
}

async function answer(child: Child): Promise<Answer> {
  const line = await Promise.race([once(child.lines, 'line'), once(child.process, 'exit')]);
  if (typeof line[0] !== 'string') throw new Error(`The child ended without an answer:\n${child.log.join('')}`);
  return JSON.parse(line[0]) as Answer;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function stopChild(child: Child): Promise<void> {
  child.process.stdin?.end();
  await once(child.process, 'exit');
}

async function runningChild(options: { uid?: number; gid?: number; directory?: string } = {}): Promise<Child & Answer> {
  const child = startChild(options);
  const said = await answer(child);
  if (said.error !== undefined) throw new Error(said.error);
  return { ...child, ...said };
}

async function failureOf(promise: Promise<unknown>): Promise<EmbeddedPostgresError> {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof EmbeddedPostgresError) return error;
  throw error;
}

describe('one process', () => {
  test('a stopped server is gone, and the next start finds its data', async () => {
    const first = await start();
    expect(first.adopted).toBe(false);
    await writeRow(first.connectionString, 'kept');
    const pid = await serverPid();
    await first.stop();
    await gone(pid);

    const second = await start();
    expect(second.adopted).toBe(false);
    expect(await notes(second.connectionString)).toEqual(['kept']);
    expect(await dataNames()).toEqual(['postgres', 'postgres.log']);
  });

  test('is durable, in UTC and UTF-8, and closed to everybody else', async () => {
    const { connectionString } = await start();
    const [settings] = await query(
      connectionString,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
         current_setting('timezone') as zone, current_setting('server_encoding') as encoding,
         current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
         current_setting('data_checksums') as checksums, (select count(*)::int from pg_hba_file_rules
           where auth_method <> 'scram-sha-256') as open_doors, upper('äé') as upper`,
    );
    expect(settings).toEqual({
      fsync: 'on',
      commit: 'on',
      zone: 'UTC',
      encoding: 'UTF8',
      addresses: '127.0.0.1',
      sockets: '',
      checksums: 'on',
      open_doors: 0,
      upper: 'ÄÉ',
    });
    const wrong = new URL(connectionString);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    for (const name of ['', 'postgres', 'postgres/flag-promotions.password', 'postgres.log']) {
      expect([name, (await stat(path.join(dataDir, name))).mode & 0o077]).toEqual([name, 0]);
    }
  });

  test('stop may be called twice, and by each of two users in the same process', async () => {
    const one = await start();
    const other = await start();
    expect([one.adopted, other.adopted]).toEqual([false, true]);
    const pid = await serverPid();
    await Promise.all([one.stop(), one.stop()]);
    expect(await query(other.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    await other.stop();
    await gone(pid);
  });

  test('two that stop at the same time leave no server', async () => {
    const [one, other] = [await start(), await start()];
    const pid = await serverPid();
    await Promise.all([one.stop(), other.stop()]);
    await gone(pid);
  });

  test('a server that is killed under a living process stays so, and its user is told', async () => {
    let lost = 0;
    const server = await startEmbeddedPostgres({ dataDir, create: true, onLost: () => (lost += 1) });
    await writeRow(server.connectionString, 'committed');
    const pid = await serverPid();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    await eventually(async () => expect(lost).toBe(1));
    await server.stop();
    const next = await start();
    expect([next.adopted, await notes(next.connectionString)]).toEqual([false, ['committed']]);
    await next.stop();
    expect(lost).toBe(1);
  });

  test('a log of more than 5 MB begins anew', async () => {
    await mkdir(dataDir, { mode: 0o700 });
    await writeFile(path.join(dataDir, 'postgres.log'), 'x'.repeat(5 * 1024 * 1024 + 1));
    await start();
    expect((await stat(path.join(dataDir, 'postgres.log'))).size).toBeLessThan(100_000);
  });

  onLinux('a lock file whose process number now belongs to another process does not stop the start', async () => {
    const first = await start();
    await writeRow(first.connectionString, 'kept');
    const lockFile = path.join(dataDir, 'postgres', 'postmaster.pid');
    const lock = await readFile(lockFile, 'utf8');
    const { uid, gid } = await stat(lockFile);
    await first.stop();
    const other = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {});
    children.push(other);
    await writeFile(lockFile, lock.replace(/^\d+/, String(other.pid)));
    const second = await start();
    expect([second.adopted, await notes(second.connectionString)]).toEqual([false, ['kept']]);
  });

  test('a copy of DATA_DIR gets a server of its own', async () => {
    const original = await start();
    await writeRow(original.connectionString, 'original');
    await query(original.connectionString, 'checkpoint');
    const copy = path.join(folder, 'copy');
    await promisify(execFile)('cp', ['-a', dataDir, copy]);
    const second = await start(copy);
    expect(second.adopted).toBe(false);
    await writeRow(second.connectionString, 'copy');
    expect(await notes(original.connectionString)).toEqual(['original']);
  });
});

describe('several processes', () => {
  test('a server that outlived the SIGKILL of its process is taken over', async () => {
    const child = await runningChild();
    await writeRow(child.connectionString, 'written before the kill');
    const pid = await serverPid();
    await kill(child.process);
    expect(await isPostgres(pid)).toBe(true);

    const next = await start();
    expect(next).toMatchObject({ adopted: true, connectionString: child.connectionString });
    expect(await serverPid()).toBe(pid);
    expect(await notes(next.connectionString)).toEqual(['written before the kill']);
    await next.stop();
    await gone(pid);
  });

  test('after a SIGKILL of both, the data is recovered', async () => {
    const child = await runningChild();
    await writeRow(child.connectionString, 'committed');
    const pid = await serverPid();
    await kill(child.process);
    process.kill(pid, 'SIGKILL');
    const next = await start();
    expect([next.adopted, await notes(next.connectionString)]).toEqual([false, ['committed']]);
  });

  test('a killed server whose processes are still ending is waited for', async () => {
    const child = await runningChild();
    const busy = query(child.connectionString, 'select pg_sleep(2)').catch(() => undefined);
    await sleep(100);
    const pid = await serverPid();
    await kill(child.process);
    process.kill(pid, 'SIGKILL');
    const next = await start();
    expect(next.adopted).toBe(false);
    await busy;
  });

  test('three that start at once on a new folder share one server, and the last to leave ends it', async () => {
    const all = await Promise.all([runningChild(), runningChild(), runningChild()]);
    expect(new Set(all.map((child) => child.connectionString)).size).toBe(1);
    expect(all.filter((child) => !child.adopted)).toHaveLength(1);
    expect(await dataNames()).toEqual(['postgres', 'postgres.log']);
    const pid = await serverPid();
    const owner = all.find((child) => !child.adopted);
    const others = all.filter((child) => child !== owner);
    for (const child of [owner, ...others]) {
      if (child === undefined) throw new Error('nobody started the server');
      expect(await query(child.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
      await stopChild(child);
      if (child !== others.at(-1)) expect(await isPostgres(pid)).toBe(true);
    }
    await gone(pid);
  });

  test('one that starts while another stops gets a server that stays', async () => {
    const { stop } = await start();
    const [, next] = await Promise.all([stop(), runningChild()]);
    await sleep(200);
    expect(await query(next.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('Ctrl-C in the terminal does not reach the server', async () => {
    const script = [process.execPath, '--import', 'tsx', CHILD, dataDir];
    const group = spawn(script[0] ?? '', script.slice(1), { cwd: PROJECT, detached: true });
    children.push(group);
    const child = { process: group, lines: createInterface({ input: group.stdout }), log: [] };
    const { connectionString } = await answer(child);
    process.kill(-(group.pid ?? 0), 'SIGINT');
    await once(group, 'exit');
    await sleep(200);
    expect(await query(connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('a process killed while it makes the data folder leaves nothing that harms the next start', async () => {
    const child = startChild();
    await eventually(async () => {
      const stage = (await readdir(dataDir)).find((name) => /^postgres\.init-\d+-[^.]+$/.test(name));
      if (stage === undefined || (await readdir(path.join(dataDir, stage))).length === 0) throw new Error('not yet');
    });
    await kill(child.process);
    expect(await readdir(dataDir)).not.toContain('postgres');
    let next = await start();
    expect(await query(next.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    // The killed process's initdb writes on for a while; the first start after its end removes what it wrote.
    await eventually(async () => {
      await next.stop();
      next = await start();
      expect(await dataNames()).toEqual(['postgres', 'postgres.log']);
    });
  });
});

describe('accounts', () => {
  asRoot('root, in a folder that only root may enter, runs the server as nobody', async () => {
    const { connectionString } = await start();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(`/proc/${await serverPid()}`)).uid).toBe(NOBODY);
    await writeRow(connectionString, 'kept');
  });

  asRoot('root with a strict umask starts a server all the same', async () => {
    const usual = process.umask(0o077);
    try {
      const server = await start();
      await server.stop();
      expect((await start()).adopted).toBe(false);
    } finally {
      process.umask(usual);
    }
  });

  asOthers('an ordinary user starts and stops a server of its own', async () => {
    await chmod(folder, 0o777);
    const child = await runningChild(ORDINARY);
    expect((await stat(`/proc/${await serverPid()}`)).uid).toBe(ORDINARY.uid);
    const pid = await serverPid();
    await stopChild(child);
    await gone(pid);
  });

  asOthers('after root, an ordinary user is told whose the data is, and that it can be handed over', async () => {
    const server = await start();
    await writeRow(server.connectionString, 'kept');
    await server.stop();
    await chmod(folder, 0o777);
    const refused = await answer(startChild(ORDINARY));
    expect(refused.error).toMatch(/EmbeddedPostgresError: .*data belongs to root, and this process runs as uid 1\./);

    await promisify(execFile)('chown', ['-R', `${ORDINARY.uid}:${ORDINARY.gid}`, dataDir]);
    const child = await runningChild(ORDINARY);
    expect(await notes(child.connectionString)).toEqual(['kept']);
  });

  asOthers('where only the data folder is foreign, that is what the ordinary user is told', async () => {
    await (await start()).stop();
    await chmod(folder, 0o777);
    await promisify(execFile)('chown', [`${ORDINARY.uid}`, dataDir]);
    const refused = await answer(startChild(ORDINARY));
    expect(refused.error).toMatch(/postgres belongs to uid 65534 \(nobody/);
  });

  asOthers("after an ordinary user, root shares that user's server and goes on with its data", async () => {
    await chmod(folder, 0o777);
    const child = await runningChild(ORDINARY);
    await writeRow(child.connectionString, 'by the user');
    const shared = await start();
    expect(shared.adopted).toBe(true);
    await shared.stop();
    await stopChild(child);

    const own = await start();
    expect(await notes(own.connectionString)).toEqual(['by the user']);
    expect((await stat(`/proc/${await serverPid()}`)).uid).toBe(ORDINARY.uid);
    await own.stop();
    const again = await runningChild(ORDINARY);
    expect(await notes(again.connectionString)).toEqual(['by the user']);
  });

  asOthers.each([ORDINARY, NAMELESS])(
    'root in the checkout of $uid leaves data that its owner can use',
    async (owner) => {
      const checkout = path.join(folder, 'checkout');
      await chmod(folder, 0o777);
      await mkdir(checkout);
      await promisify(execFile)('chown', [`${owner.uid}:${owner.gid}`, checkout]);
      const directory = path.join(checkout, '.data');
      const server = await start(directory);
      await writeRow(server.connectionString, 'by root');
      await server.stop();
      const child = await runningChild({ ...owner, directory });
      expect(await notes(child.connectionString)).toEqual(['by root']);
      await stopChild(child);
    },
  );

  asOthers('an account without a name is told what PostgreSQL misses', async () => {
    await chmod(folder, 0o777);
    const refused = await answer(startChild(NAMELESS));
    expect(refused.error).toMatch(/uid 54321 has no name: add it to \/etc\/passwd, or set DATABASE_URL/);
    expect(await dataNames()).toEqual([]);
  });
});

describe('programs', () => {
  const log = (): void => undefined;

  /** As npm leaves it without install scripts. */
  async function packageWithoutLinks(): Promise<string> {
    const root = path.join(folder, 'package');
    await cp(findPackage(), root, { recursive: true, verbatimSymlinks: true });
    const libraries = path.join(root, 'native', 'lib');
    for (const entry of await readdir(libraries, { withFileTypes: true })) {
      if (entry.isSymbolicLink()) await unlink(path.join(libraries, entry.name));
    }
    return root;
  }

  async function version(program: string): Promise<string> {
    return (await promisify(execFile)(program, ['--version'])).stdout;
  }

  onLinux('library links are made in place where npm ran no install scripts', async () => {
    const packageRoot = await packageWithoutLinks();
    await expect(version(path.join(packageRoot, 'native', 'bin', 'postgres'))).rejects.toThrow('shared libraries');
    const runtime = await prepareRuntime({ packageRoot, account: undefined, copies: folder, log });
    expect(runtime.postgres).toBe(path.join(packageRoot, 'native', 'bin', 'postgres'));
    expect(await version(runtime.postgres)).toContain('PostgreSQL');
  });

  asRoot('programs that the account can not reach are copied, once, to where it can', async () => {
    const packageRoot = await packageWithoutLinks();
    const open = await mkdtemp(path.join(tmpdir(), 'flag-promotions-copies-'));
    await chmod(open, 0o755);
    const account = { uid: NOBODY, gid: NOBODY };
    const lines: string[] = [];
    const options = { packageRoot, account, copies: open, log: (line: string) => lines.push(line) };
    try {
      const runtime = await prepareRuntime(options);
      expect(runtime.postgres.startsWith(`${open}/`)).toBe(true);
      expect((await prepareRuntime(options)).postgres).toBe(runtime.postgres);
      expect(lines).toHaveLength(1);
      expect(await readdir(open)).toHaveLength(1);
      const { stdout } = await promisify(execFile)(runtime.initdb, ['--version'], account);
      expect(stdout).toContain('PostgreSQL');
    } finally {
      await rm(open, { recursive: true, force: true });
    }
  });

  test.each([
    ['sunos', 'x64'],
    ['linux', 'riscv64'],
  ])('%s on %s, which has no package, is told to set DATABASE_URL', (platform, arch) => {
    expect(() => findPackage(platform, arch)).toThrow(EmbeddedPostgresError);
    expect(() => findPackage(platform, arch)).toThrow(/is not installed.*set DATABASE_URL/u);
  });

  onLinux('a system without glibc is told so', async () => {
    const packageRoot = path.join(folder, 'package');
    await mkdir(path.join(packageRoot, 'native', 'bin'), { recursive: true });
    await writeFile(path.join(packageRoot, 'package.json'), '{"version":"1"}');
    // A program without its loader: what the kernel reports on musl.
    await writeFile(path.join(packageRoot, 'native', 'bin', 'postgres'), '#!/no/such/loader\n', { mode: 0o755 });
    const error = await failureOf(prepareRuntime({ packageRoot, account: undefined, copies: folder, log }));
    expect(error.message).toMatch(/glibc.*set DATABASE_URL/u);
  });
});

describe('refusals', () => {
  test('without data, whoever may not create it is told so, and nothing is made', async () => {
    const asked = startEmbeddedPostgres({ dataDir, create: false });
    await expect(asked).rejects.toThrow(NoDatabaseError);
    await expect(asked).rejects.toThrow(`There is no database in ${dataDir}/postgres yet. Run flag-promotions start`);
    expect(await readdir(folder)).toEqual([]);
  });

  test('with data, whoever may not create it starts the server, and ends it', async () => {
    await (await start()).stop();
    const server = await startEmbeddedPostgres({ dataDir, create: false });
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
    const pid = await serverPid();
    await server.stop();
    await gone(pid);
  });

  test("a start that fails says so with the end of PostgreSQL's log", async () => {
    await (await start()).stop();
    await appendFile(path.join(dataDir, 'postgres', 'postgresql.conf'), '\nno_such_setting = 1\n');
    const error = await failureOf(start());
    expect(error.message).toContain('ended at once (exit code 1)');
    expect(error.message).toContain('unrecognized configuration parameter "no_such_setting"');
  });

  test('data of another major version is left alone', async () => {
    await (await start()).stop();
    await writeFile(path.join(dataDir, 'postgres', 'PG_VERSION'), '15\n');
    expect((await failureOf(start())).message).toMatch(/PostgreSQL 15 made .*this release brings PostgreSQL 18/);
  });

  test('a folder that is no data folder is left alone', async () => {
    await mkdir(path.join(dataDir, 'postgres'), { recursive: true });
    if (process.getuid?.() === 0) await promisify(execFile)('chown', [`${NOBODY}`, path.join(dataDir, 'postgres')]);
    await writeFile(path.join(dataDir, 'postgres', 'mine.txt'), 'mine');
    expect((await failureOf(start())).message).toContain('is not a PostgreSQL data folder');
    expect(await readdir(path.join(dataDir, 'postgres'))).toEqual(['mine.txt']);
  });

  test('a lost password is named, and no data is touched', async () => {
    await (await start()).stop();
    await rm(path.join(dataDir, 'postgres', 'flag-promotions.password'));
    expect((await failureOf(start())).message).toContain('flag-promotions.password');
  });

  test('a DATA_DIR that is a file is named', async () => {
    await writeFile(dataDir, '');
    expect((await failureOf(start())).message).toMatch(/could not be started: EEXIST.*Check the permissions/u);
  });
});
