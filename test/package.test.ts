import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { NOBODY } from '../src/db/embedded/account.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { firstSeen } from './support/first-seen.js';

/** `npm pack`, and what somebody gets who installs it: an ordinary user in an empty folder, with an empty HOME. */

const ROOT = path.resolve(__dirname, '..');
const MOST_BYTES = 5_000_000;
const run = promisify(execFile);
/** The package should work without root. */
const user = process.getuid?.() === 0 ? NOBODY : undefined;

const packed = z
  .array(z.object({ filename: z.string(), version: z.string(), files: z.array(z.object({ path: z.string() })) }))
  .length(1);

describe('the package', () => {
  let folder: string;
  let tarball: string;
  let files: readonly string[];
  let version: string;
  let database: TestDatabase;

  /** PATH, and how to reach npm's registry from this machine; nothing else of ours. */
  const environment = (extra: Readonly<Record<string, string>> = {}) => ({
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) =>
        /^(?:PATH|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy|npm_config_registry)$/iu.test(name),
      ),
    ),
    HOME: path.join(folder, 'home'),
    npm_config_update_notifier: 'false',
    ...extra,
  });
  const here = (extra?: Readonly<Record<string, string>>) => ({
    cwd: path.join(folder, 'project'),
    env: environment(extra),
    ...user,
  });
  const binary = () => path.join(folder, 'project/node_modules/.bin/flag-promotions');

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-package-'));
    const { stdout: registry } = await run('npm', ['config', 'get', 'registry'], { cwd: ROOT });
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT });
    // npm says first that it builds.
    const [made] = packed.parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
    if (made === undefined) throw new Error('npm packed nothing.');
    tarball = path.join(folder, made.filename);
    files = made.files.map((file) => file.path);
    version = made.version;
    for (const name of ['home', 'project']) {
      await mkdir(path.join(folder, name));
      if (user) await chown(path.join(folder, name), user.uid, user.gid);
    }
    if (user) await chown(folder, user.uid, user.gid);
    const install = ['install', '--no-audit', '--no-fund', '--registry', registry.trim(), tarball];
    await run('npm', install, here());
    database = await createTestDatabase();
  }, 300_000);
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  test(`is smaller than ${MOST_BYTES / 1e6} MB, and holds what runs, not what made it`, async () => {
    expect((await stat(tarball)).size).toBeLessThan(MOST_BYTES);
    expect(files).toEqual(expect.arrayContaining(['dist/src/cli.js', 'dist/src/demo.js', 'manifest.yml', 'README.md']));
    expect(files.filter((name) => /^(?:src|test|demo|bench|scripts|artifacts)\//u.test(name))).toEqual([]);
    // Specific to the packing platform: npm installs the one for the running platform.
    expect(files.filter((name) => name.endsWith('.node'))).toEqual([]);
  });

  test('is the version that the changelog names', async () => {
    expect(await readFile(path.join(ROOT, 'CHANGELOG.md'), 'utf8')).toMatch(
      new RegExp(`^## ${version.replaceAll('.', '\\.')} - \\d{4}-\\d{2}-\\d{2}$`, 'mu'),
    );
    const { stdout } = await run('npx', ['--no-install', 'flag-promotions', '--version'], here());
    expect(stdout.trim()).toBe(version);
  });

  test('checks what is set, and says what is missing', async () => {
    const answer = run(binary(), ['doctor', '--json'], here());
    const failed = z
      .object({ code: z.number(), stdout: z.string() })
      .parse(await answer.catch((error: unknown) => error));
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ healthy: false });
    expect(failed.stdout).toContain('SLACK_BOT_TOKEN');
  });

  test('prints the SQL of its schema', async () => {
    const { stdout } = await run(binary(), ['migrate', '--sql'], here({ DATABASE_URL: database.url }));
    expect(stdout).not.toBe('');
  });

  test('starts, as far as its settings go', async () => {
    const started = run(binary(), ['start'], here());
    await expect(started).rejects.toMatchObject({ code: 78, stderr: expect.stringContaining('SLACK_BOT_TOKEN') });
  });

  describe('its demo', () => {
    let demo: ChildProcess;
    let said = '';
    let url = '';
    beforeAll(async () => {
      demo = spawn(binary(), ['demo'], { ...here(), stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [demo.stdout, demo.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
      }
      await eventually(async () => expect(said).toMatch(/http:\/\/127\.0\.0\.1:\d+\//u));
      url = /http:\/\/127\.0\.0\.1:\d+\//u.exec(said)?.[0] ?? '';
    });
    afterAll(async () => {
      const ended = new Promise((resolve) => demo.once('close', resolve));
      demo.kill('SIGTERM');
      await ended;
    });

    test('is the workspace: page, code and style', async () => {
      const page = await fetch(url);
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(await page.text()).toContain('<script type="module" src="/page.js">');
      for (const part of ['page.js', 'page.css']) {
        const file = await fetch(url + part);
        expect(file.status).toBe(200);
        expect((await file.text()).length).toBeGreaterThan(10_000);
      }
    });

    test('shows the incident’s alert', async () => {
      await eventually(async () => {
        const seen = await firstSeen(url);
        expect(seen.messages.map(({ text }) => text).join('\n')).toContain('console_heroku_log_drain_alerting');
      });
    });
  });
});
