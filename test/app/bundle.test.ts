import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { startTestBed, type TestBed } from '../support/app.js';
import { createEmptyDatabase } from '../support/database.js';
import { codeFor, invite, PUBLIC_URL, recoveryCodesOn, secretOn } from '../support/enrolment.js';
import { eventually } from '../support/eventually.js';

const ROOT = path.resolve(__dirname, '../..');
const run = promisify(execFile);
/** The most a production install may take: the smallest dyno and image should not carry unused code. */
const MEGABYTES = 25;

/**
 * What `npm run build` makes and `npm ci --omit=dev --omit=optional` installs is all that is deployed. It lies outside
 * the project here, so that none of the project's packages can be found.
 */
describe('the app as it is installed', () => {
  let folder: string;
  let bed: TestBed;
  let app: ChildProcess;
  let url: string;
  let said = '';

  const command = async (words: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    const { stdout } = await run(process.execPath, [path.join(folder, 'dist/src/cli.js'), ...words], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...bed.environment, ...environment },
    });
    return stdout;
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-installed-'));
    const bundle = ['--import', 'tsx', path.join(ROOT, 'scripts/bundle.ts'), path.join(folder, 'dist/src')];
    await run(process.execPath, bundle, { cwd: ROOT });
    for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
      await copyFile(path.join(ROOT, file), path.join(folder, file));
    }
    const install = ['ci', '--omit=dev', '--omit=optional', '--no-audit', '--no-fund', '--prefer-offline'];
    await run('npm', install, { cwd: folder });

    bed = await startTestBed({ startAt: new Date().toISOString(), environment: { PUBLIC_URL }, rateLimit: false });
    app = spawn(process.execPath, [path.join(folder, 'dist/src/cli.js'), 'start'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...bed.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [app.stdout, app.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        bed.hear(text);
      });
    }
    await eventually(async () => expect(said).toMatch(/"port":\d+/u), 60_000);
    url = `http://127.0.0.1:${/"port":(\d+)/u.exec(said)?.[1]}`;
    bed.slack.connectHttp(`${url}/slack/events`);
  }, 300_000);
  afterAll(async () => {
    const ended = new Promise((resolve) => app.once('exit', resolve));
    app.kill('SIGTERM');
    expect(await ended).toBe(0);
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The installed app has the real clock, but codes use the bed's, which stands still. */
  const keepUp = () => bed.clock.set(new Date());
  beforeEach(keepUp);

  test(`takes at most ${MEGABYTES} MB without the embedded PostgreSQL`, async () => {
    const { stdout } = await run('du', ['-sm', folder]);
    expect(Number(/^\d+/u.exec(stdout)?.[0])).toBeLessThanOrEqual(MEGABYTES);
  });

  test('answers, promotes and draws', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command('mark new_flag raxx-console-prod');
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    await superadmin.command('promote new_flag');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });

    await superadmin.command('stats');
    const answer = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stats_chart'));
    await superadmin.click(answer, 'stats_chart');
    await superadmin.waitForEphemeral((message) => message.text.includes('Posted to'));
    const posted = bed.slack.files().at(-1);
    expect(
      bed.slack
        .fileBytes(posted?.id ?? '')
        .subarray(1, 4)
        .toString('latin1'),
    ).toBe('PNG');
  });

  test('shows an enrolment’s page with its QR code', async () => {
    const { superadmin, engineer } = bed.slack.people;
    // The previous code was used to promote.
    const link = (await invite(bed, superadmin, engineer, 'engineer', 1)).replace(PUBLIC_URL, url);
    const page = await fetch(link);
    expect(page.status).toBe(200);
    const text = await page.text();
    expect(text).toContain('src="data:image/svg+xml;base64,');
    const secret = secretOn({ status: page.status, headers: page.headers, text });
    bed.adopt(engineer.id, secret);
    await keepUp();
    const proved = await fetch(link, { method: 'POST', body: new URLSearchParams({ code: codeFor(bed, secret) }) });
    const codes = recoveryCodesOn({ status: proved.status, headers: proved.headers, text: await proved.text() });
    expect(codes).toHaveLength(10);
    for (const code of codes) bed.keepSecret(`recovery code ${code}`, code);
  });

  test('is the command line too', async () => {
    const added = await command(['operators', 'add', 'U0BUNDLED']);
    expect(added).toContain('otpauth://totp/');
    expect(added).toContain('█');
    const doctor = z
      .object({ healthy: z.boolean(), checks: z.array(z.object({ subject: z.string(), status: z.string() })) })
      .parse(JSON.parse(await command(['doctor', '--json'])));
    expect(doctor).toMatchObject({ healthy: true });
  });

  test('names the sources in the stack of what fails', async () => {
    bed.slack.faults.add({ method: 'response_url', kind: 'status', status: 500, times: 1 });
    await bed.slack.people.superadmin.command('help');
    await eventually(async () => expect(said).toMatch(/"stack":"[^"]*\/src\/slack\/slack\.ts:\d+:\d+/u));
  });

  test('tells a Node that is too old for it what it needs, in one sentence', async () => {
    const old = 'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "18.20.8" })';
    const started = run(process.execPath, ['--import', old, path.join(folder, 'dist/src/cli.js'), 'start']);
    await expect(started).rejects.toMatchObject({
      code: 78,
      stdout: '',
      stderr: 'flag-promotions needs Node 20.19 or later, best Node 24; this is Node 18.20.8.\n',
    });
  });

  test('makes and undoes the schema of a new database', async () => {
    const database = await createEmptyDatabase();
    const environment = { DATABASE_URL: database.url };
    try {
      expect(await command(['migrate'], environment)).toContain('up to date');
      expect(JSON.parse(await command(['audit', 'verify', '--json'], environment))).toMatchObject({ intact: true });
      expect(await command(['migrate', '--rollback'], environment)).toContain('undone');
    } finally {
      await database.drop();
    }
  });
});
