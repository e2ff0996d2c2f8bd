import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { builtApp } from './support/built-app.js';
import { type GuardedServer, PASSWORD, startGuardedServer } from './support/guarded-server.js';

/** What a command says and its exit code if the server is unusable. */
describe('with a server that can’t be used', () => {
  let cli: string;
  let server: GuardedServer;

  beforeAll(async () => {
    cli = await builtApp();
    server = await startGuardedServer();
  });
  afterAll(() => server.stop());

  function run(args: readonly string[], url: string): Promise<{ code: number | null; errors: string; output: string }> {
    const env = {
      PATH: process.env['PATH'],
      DATABASE_URL: url,
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_SIGNING_SECRET: 'secret',
      SLACK_API_URL: 'http://127.0.0.1:9/api/',
      SLACK_ALERT_CHANNEL: 'C0123456789',
      TOTP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
    };
    // Not from the project's own folder, which may have a .env.
    const child = spawn(process.execPath, [cli, ...args], { cwd: tmpdir(), env });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output, errors })));
  }
  const urls = (): Readonly<Record<string, string>> => ({
    'a wrong password': `postgres://anyhow:${PASSWORD}x@127.0.0.1:${server.port}/flag_promotions`,
    'a server that wants TLS': `postgres://encrypted:${PASSWORD}@127.0.0.1:${server.port}/flag_promotions`,
    'a certificate of its own': `postgres://anyhow:${PASSWORD}@127.0.0.1:${server.port}/flag_promotions?sslmode=verify-full`,
    'no connection left': `postgres://few:${PASSWORD}@127.0.0.1:${server.port}/flag_promotions`,
    'no server': `postgres://anyhow:${PASSWORD}@127.0.0.1:9/flag_promotions`,
  });

  test.each([
    ['a wrong password', 78, 'The server refuses the password, or knows no account of this name'],
    ['a server that wants TLS', 78, 'The server takes encrypted connections only. Set PGSSLMODE='],
    ['a certificate of its own', 78, 'signed by a CA that this host doesn’t know. Set PGSSLROOTCERT'],
    ['no connection left', 1, 'has no connection left for this account'],
    ['no server', 1, 'Nothing listens at the address in DATABASE_URL'],
  ])('%s: exit code %i, and one sentence', async (what, code, words) => {
    const url = urls()[what] ?? '';
    for (const args of [['start'], ['migrate'], ['audit', 'verify']]) {
      const ended = await run(args, url);
      expect([args, ended.code]).toEqual([args, code]);
      const last = ended.errors.trim().split('\n').at(-1);
      expect(last).toContain(`DATABASE_URL: `);
      expect(last).toContain(words);
      expect(ended.errors).not.toMatch(/^\s+at /mu);
      expect(ended.errors + ended.output).not.toContain(PASSWORD);
    }
    const doctor = await run(['doctor'], url);
    expect(doctor.code).toBe(1);
    expect(doctor.output).toMatch(new RegExp(`^fix +database .*${words.replaceAll(/[.?]/gu, '.')}`, 'mu'));
    expect(doctor.errors + doctor.output).not.toContain(PASSWORD);
  });
});
