import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../src/db/embedded/free-port.js';
import { eventually } from './eventually.js';

/** Debian's path and others; PGBOUNCER_PATH overrides them. */
const PLACES = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer', '/usr/local/bin/pgbouncer'];

function pgbouncerPath(): string | null {
  const told = process.env['PGBOUNCER_PATH'];
  if (told !== undefined && told !== '') return told;
  return PLACES.find((place) => existsSync(place)) ?? null;
}

/** In CI one is expected: without it, the tests that need one fail. */
export const hasPgbouncer = (): boolean => pgbouncerPath() !== null || process.env['CI'] === 'true';

/**
 * Runs the suite if there is a PgBouncer. Without one, it says that the suite was skipped; in CI (CI=true) its tests run
 * and fail.
 */
export function describeWithPgbouncer(name: string, suite: () => void): void {
  const isFound = hasPgbouncer();
  if (!isFound)
    process.stderr.write('No PgBouncer was found (apt-get install pgbouncer, PGBOUNCER_PATH): its suite is skipped.\n');
  (isFound ? describe : describe.skip)(name, suite);
}

export interface Pgbouncer {
  /** The database's address through it. */
  readonly url: string;
  /** Kills it without warning. */
  kill(): Promise<void>;
  /** Restarts it on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** PostgreSQL refuses to run as root, and so does PgBouncer. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Starts it in transaction mode with two connections to PostgreSQL, unless `settings` say otherwise. */
export async function startPgbouncer(
  target: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<Pgbouncer> {
  const program = pgbouncerPath();
  if (program === null) throw new Error('There is no PgBouncer; PGBOUNCER_PATH says where one is.');
  const { hostname, port, username, password } = new URL(target);
  const folder = mkdtempSync(path.join(tmpdir(), 'flag-promotions-pgbouncer-'));
  chmodSync(folder, 0o755);
  for (const file of ['localhost.pem', 'key.pem']) {
    copyFileSync(path.resolve(__dirname, 'tls', file), path.join(folder, file));
  }
  const users = path.join(folder, 'users.txt');
  writeFileSync(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`);
  const ownPort = await freePort();
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: ownPort,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    pool_mode: 'transaction',
    default_pool_size: 2,
    // From 1.21 on it can track prepared statements, and from 1.24 on it does so by default.
    ...(versionOf(program) >= 121 ? { max_prepared_statements: 0 } : {}),
    ...settings,
  };
  const ini = path.join(folder, 'pgbouncer.ini');
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
  writeFileSync(ini, `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\n${lines.join('\n')}\n`);
  let child: ChildProcess | null = null;
  const bouncer: Pgbouncer = {
    url: Object.assign(new URL(target), { hostname: '127.0.0.1', port: String(ownPort) }).href,
    async kill() {
      if (child === null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      child = null;
    },
    async start() {
      const started = spawn(program, [ini], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...NOBODY });
      child = started;
      let said = '';
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await eventually(async () => {
        if (started.exitCode !== null) throw new Error(`PgBouncer ended: ${said}`);
        await answersAt(ownPort);
      });
    },
    async close() {
      await bouncer.kill();
      rmSync(folder, { recursive: true });
    },
  };
  await bouncer.start();
  return bouncer;
}

/** 118 for 1.18.0. */
function versionOf(program: string): number {
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' });
  const [, major = '1', minor = '0'] = /PgBouncer (\d+)\.(\d+)/iu.exec(said) ?? [];
  return Number(major) * 100 + Number(minor);
}

async function answersAt(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
