import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { failureOf } from '../src/cli/failure.js';
import { listen } from '../src/listen.js';
import { builtApp } from './support/built-app.js';
import { portOf } from './support/sockets.js';

/** What a command says if the host refuses it something: a file, a port, or more time. It needs no database. */

let cli: string;
let folder: string;
beforeAll(async () => {
  cli = await builtApp();
});
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-faults-'));
});
afterEach(() => rm(folder, { recursive: true }));

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_SIGNING_SECRET: 'secret',
      SLACK_ALERT_CHANNEL: 'C0123456789',
      TOTP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
      ...env,
    },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdout.resume();
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, errors })),
  );
  return { child, ended };
}

describe('audit export', () => {
  test.each([
    ['nowhere/x.jsonl', 'its folder doesn’t exist'],
    ['file/x.jsonl', 'its folder doesn’t exist'],
    ['taken', 'a folder has that name'],
  ])('--out %s is refused before anything is asked of the database', async (file, why) => {
    await writeFile(path.join(folder, 'file'), '');
    await mkdir(path.join(folder, 'taken.part'));
    const { code, errors } = await run(['audit', 'export', '--out', file]).ended;
    expect({ code, errors }).toEqual({
      code: 1,
      errors: `${file} can’t be written: ${why}. For standard output: --out -\n`,
    });
  });

  test('leaves no half of a file', async () => {
    const { code, errors } = await run(['audit', 'export', '--out', 'x.jsonl']).ended;
    expect({ code, errors }).toEqual({ code: 1, errors: expect.stringContaining('Nothing listens at the address') });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('.env', () => {
  test('is not read if it is a folder', async () => {
    await mkdir(path.join(folder, '.env'));
    const { code, errors } = await run(['audit', 'public-key']).ended;
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  test('that can’t be read is named, with exit code 78', async () => {
    // A link to itself, because root may read everything.
    await symlink('.env', path.join(folder, '.env'));
    const { code, errors } = await run(['audit', 'public-key']).ended;
    expect({ code, errors }).toEqual({
      code: 78,
      errors: '.env in this folder can’t be read (ELOOP). Let this account read it, or run this in another folder.\n',
    });
  });
});

describe('a signal', () => {
  let silent: Server;
  let url: string;
  beforeEach(async () => {
    silent = createServer((socket) => socket.on('error', () => undefined).resume());
    url = `postgres://nobody@127.0.0.1:${await portOf(silent)}/none`;
  });
  afterEach(() => silent.close());

  // Without a handler, Node as a container's first process ignores it.
  test.each([
    ['start', 'SIGTERM', 0],
    ['migrate', 'SIGTERM', 143],
    ['migrate', 'SIGINT', 130],
    ['maintenance', 'SIGTERM', 143],
  ] as const)('ends %s while it waits for the database: %s', async (command, signal, code) => {
    const { child, ended } = run([command], { DATABASE_URL: url });
    await once(silent, 'connection');
    child.kill(signal);
    expect(await ended).toEqual({ code, errors: expect.stringMatching(new RegExp(`^Ended by ${signal}\\.$`, 'mu')) });
  });
});

describe('a port', () => {
  test('that is taken may be free later; one that is forbidden never is', async () => {
    const first = createServer();
    const taken = await portOf(first);
    const refused = async (server: Server, port: number): Promise<unknown> =>
      listen(server, port).catch((error) => error);
    expect(await refused(createServer(), taken)).toMatchObject({
      message: `PORT ${taken} is taken on this host. Stop what listens there, or set PORT to another one.`,
      mayPass: true,
    });
    first.close();
    // Root may listen anywhere.
    const forbidding = createServer();
    forbidding.listen = () => {
      process.nextTick(() => forbidding.emit('error', Object.assign(new Error('listen'), { code: 'EACCES' })));
      return forbidding;
    };
    const forbidden = await refused(forbidding, 80);
    expect(forbidden).toMatchObject({ message: 'This account may not listen on PORT 80. Set PORT to 1024 or more.' });
    expect(failureOf(forbidden)).toEqual({ text: expect.not.stringContaining(' at '), exitCode: 78 });
  });
});
