import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type SlackStandIn, startSlackStandIn } from '../demo/slack/workspace.js';
import { MIGRATION_NAMES } from '../src/db/migrate.js';
import { builtApp } from './support/built-app.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { createRowStore, type RowStore } from './support/row-store.js';

const ROOT = path.resolve(__dirname, '..');

describe('the command line', () => {
  let database: TestDatabase;
  let slack: SlackStandIn;
  let rows: RowStore;
  let environment: Record<string, string>;
  const children: ChildProcess[] = [];
  /** Where no .env is that somebody keeps beside the sources. */
  let folder: string;
  let cli: string;

  beforeAll(async () => {
    cli = await builtApp();
    folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-cli-'));
    database = await createTestDatabase();
    slack = await startSlackStandIn({ rateLimit: false });
    rows = createRowStore(database.url);
    environment = {
      DATABASE_URL: database.url,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
      SLACK_ALERT_CHANNEL: slack.channels.alerts,
      TOTP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
    };
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rows.close();
    await slack.close();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  function start(args: readonly string[], env: Readonly<Record<string, string>> = environment, cwd = folder) {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], ...env },
    });
    children.push(child);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    return { child, ended, output: () => output, errors: () => errors };
  }
  async function run(...args: string[]) {
    const process_ = start(args);
    const code = await process_.ended;
    return { code, output: process_.output(), errors: process_.errors() };
  }

  test('start without settings names every fault, points at the way on, and exits 78', async () => {
    const started = start(['start'], { PORT: 'http', STUCK_WARNING_AFTER: 'soon' });
    expect(await started.ended).toBe(78);
    for (const name of [
      'DATABASE_URL',
      'SLACK_BOT_TOKEN',
      'SLACK_SIGNING_SECRET',
      'SLACK_ALERT_CHANNEL',
      'TOTP_ENCRYPTION_KEY',
      'PORT',
      'STUCK_WARNING_AFTER',
    ]) {
      expect(started.errors()).toContain(`- ${name} `);
    }
    expect(started.errors()).toContain('.env.example');
    expect(started.errors()).toContain('npm run demo');
  });

  test('what only start and migrate create is missed by every other command, and not made by it', async () => {
    const data = await mkdtemp(path.join(tmpdir(), 'flag-promotions-cli-'));
    const env = { ...environment, DATABASE_URL: 'embedded', DATA_DIR: data };
    for (const args of [
      ['audit', 'verify', '--json'],
      ['operators', 'add', 'U0123456789'],
      ['maintenance'],
      ['migrate', '--rollback'],
    ]) {
      const asked = start(args, env);
      expect([args, await asked.ended, asked.output()]).toEqual([args, 78, '']);
      expect(asked.errors()).toBe(
        `Database: embedded, in ${data}/postgres\nThere is no database in ${data}/postgres yet. ` +
          'Run flag-promotions start or migrate first, or set DATA_DIR to the folder that the app uses.\n',
      );
    }
    expect(await readdir(data)).toEqual([]);
    await rm(data, { recursive: true });

    const empty = await createEmptyDatabase();
    const added = start(['operators', 'add', 'U0123456789'], { ...environment, DATABASE_URL: empty.url });
    expect(await added.ended).toBe(78);
    expect(added.errors()).toMatch(/has no schema yet\. Run: flag-promotions migrate\n$/u);
    const store = createRowStore(empty.url);
    expect(
      await store.query(`select from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`),
    ).toEqual([]);
    await store.close();
    await empty.drop();
  });

  test('--version says the version of the package', async () => {
    const { version } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'));
    expect(await run('--version')).toEqual({ code: 0, output: `${version}\n`, errors: '' });
  });

  test('settings come from .env in the folder too, after those of the environment', async () => {
    const project = path.join(folder, 'project');
    await mkdir(project);
    const { DATABASE_URL = '', ...rest } = environment;
    await writeFile(
      path.join(project, '.env'),
      `DATABASE_URL=${DATABASE_URL}\nSLACK_CRITICAL_MENTION="<!channel-x>"\n`,
    );
    const listed = start(['operators', 'list'], rest, project);
    expect([await listed.ended, listed.errors()]).toEqual([0, expect.stringMatching(/^Settings: \.env, /u)]);
    const doctor = start(['doctor', '--json'], rest, project);
    await doctor.ended;
    const says = (output: string): string | undefined =>
      JSON.parse(output).checks.find(({ subject }: { subject: string }) => subject === 'SLACK_CRITICAL_MENTION')?.says;
    expect(says(doctor.output())).toContain('must be a mention');
    const overruled = start(['doctor', '--json'], { ...rest, SLACK_CRITICAL_MENTION: 'none' }, project);
    await overruled.ended;
    expect(says(overruled.output())).toContain('pings nobody');
  });

  test('says that a certificate authority in .env comes too late for Node', async () => {
    const project = path.join(folder, 'late');
    await mkdir(project);
    await writeFile(path.join(project, '.env'), 'NODE_EXTRA_CA_CERTS=/etc/company.pem\n');
    const late = start(['operators', 'list'], environment, project);
    await late.ended;
    expect(late.errors()).toContain('NODE_EXTRA_CA_CERTS has no effect in .env: Node reads it before.');
    const early = start(['operators', 'list'], { ...environment, NODE_EXTRA_CA_CERTS: '/etc/company.pem' }, project);
    await early.ended;
    expect(early.errors()).not.toContain('has no effect');
  });

  test('a one-off dyno enrols nobody into a database that goes with it', async () => {
    const added = start(['operators', 'add', 'U0123456789'], {
      ...environment,
      DATABASE_URL: 'embedded',
      DYNO: 'run.1',
    });
    expect(await added.ended).toBe(78);
    expect(added.errors()).toContain('DATABASE_URL must not be embedded on Heroku');
  });

  test('start serves, logs JSON lines, and ends with 0 soon after SIGTERM', async () => {
    const app = start(['start']);
    await eventually(async () => expect(app.output()).toContain('is up'));
    for (const line of app.output().trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    const port = /"port":(\d+)/u.exec(app.output())?.[1];
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    const before = performance.now();
    app.child.kill('SIGTERM');
    expect(await app.ended).toBe(0);
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test('the newer part of the schema is taken back as it is, and nothing for a name that there is not', async () => {
    const known = async () =>
      (await rows.query<{ name: string }>('select name from flag_promotions.migrations order by id desc limit 1'))[0];
    const newer = MIGRATION_NAMES.slice(MIGRATION_NAMES.indexOf('0009-maintenance') + 1).toReversed();
    expect((await run('migrate', '--to', '0009-maintenance')).output).toContain(`Undone: ${newer.join(', ')}.\n`);
    const mistyped = start(['migrate', '--to', '0008']);
    expect(await mistyped.ended).toBe(1);
    expect(mistyped.errors()).toContain('Nothing was changed');
    expect(await known()).toEqual({ name: '0009-maintenance' });
    const further = await run('migrate', '--to', '0008-attention');
    expect(further.output).toBe('Undone: 0009-maintenance.\n');
    expect((await run('migrate')).code).toBe(0);
    expect(await known()).toEqual({ name: MIGRATION_NAMES.at(-1) });
  });

  test('maintenance: a dry run does nothing, a run does it and exits 0, and 1 where something failed', async () => {
    await rows.insertDeploying();
    const dry = await run('maintenance', '--dry-run', '--json');
    expect(dry.code).toBe(0);
    const { hostname, port, pathname, password } = new URL(database.url);
    expect(dry.errors).toBe(`Database: ${pathname.slice(1)} on ${hostname}:${port}\n`);
    expect(dry.errors).not.toContain(password);
    expect(JSON.parse(dry.output)).toMatchObject({
      stuck: 1,
      actions: [{ kind: 'open_alert', severity: 'critical' }],
      failures: [],
    });
    expect(await rows.query('select 1 from flag_promotions.alerts')).toEqual([]);

    slack.faults.add({ method: 'chat.postMessage', kind: 'error', error: 'not_in_channel', times: 1 });
    const failed = await run('maintenance');
    expect(failed.code).toBe(1);
    expect(failed.output).toContain('failed: {"kind":"deliver"');

    await rows.query('update flag_promotions.messages set next_attempt_at = null');
    const passed = await run('maintenance', '--json');
    expect(passed.code).toBe(0);
    expect(JSON.parse(passed.output)).toMatchObject({ stuck: 1, failures: [] });
    expect(await slack.messages(slack.channels.alerts)).toHaveLength(1);
  });

  test('operators are added, listed, unlocked and disabled', async () => {
    const secret = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const added = await run('operators', 'add', 'U0123456789', '--role', 'superadmin', '--secret', secret);
    expect(added.output).toContain(`secret=${secret}`);
    const [stored] = await rows.query<{ totp_secret_encrypted: string }>(
      'select totp_secret_encrypted from flag_promotions.operators',
    );
    expect(stored?.totp_secret_encrypted).toMatch(/^v1\./u);
    expect(stored?.totp_secret_encrypted).not.toContain(secret);

    await rows.query(
      `update flag_promotions.operators set totp_failed_attempts = 5, locked_until = now() + interval '10 minutes'`,
    );
    expect((await run('operators', 'list')).output).toContain('locked until');
    expect((await run('operators', 'unlock', 'U0123456789')).code).toBe(0);
    expect((await run('operators', 'disable', 'U0123456789', '--force')).code).toBe(0);
    expect(JSON.parse((await run('operators', 'list', '--json')).output)).toMatchObject([
      {
        slackUserId: 'U0123456789',
        role: 'superadmin',
        failedAttempts: 0,
        recoveryCodes: 10,
        lockedUntil: null,
        disabledAt: expect.any(String),
      },
    ]);
    const unknown = await run('operators', 'disable', 'U0NOBODY00');
    expect(unknown).toMatchObject({ code: 1, errors: expect.stringContaining('no operator U0NOBODY00') });
    expect(await run('operators', 'add', '@kris')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('not a Slack user id'),
    });
    expect(await run('operators', 'add', 'U0123456789', '--secret', 'short')).toMatchObject({ code: 1 });
  });

  test('the last superadmin stays, a reset brings a new secret, and what a shell did is on record', async () => {
    await rows.query('delete from flag_promotions.operators');
    const secret = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    expect((await run('operators', 'add', 'U0123456789', '--role', 'superadmin', '--secret', secret)).code).toBe(0);
    expect(await run('operators', 'disable', 'U0123456789')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('the last superadmin'),
    });
    expect(await run('operators', 'add', 'U0123456789', '--role', 'engineer')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('the last superadmin'),
    });
    const reset = JSON.parse((await run('operators', 'reset', 'U0123456789', '--json')).output);
    expect(reset).toMatchObject({ role: 'superadmin', existed: true, recoveryCodes: expect.any(Array) });
    expect(reset.uri).not.toContain(secret);
    expect(new Set(reset.recoveryCodes).size).toBe(10);
    expect((await run('operators', 'unlock', 'U0123456789')).code).toBe(0);
    expect((await run('operators', 'disable', 'U0123456789', '--force')).code).toBe(0);
    // What was done with a shell is on record as well, and none of what was shown is.
    const recorded = await rows.query<{ action: string }>(
      `select action, actor, detail from flag_promotions.audit_log where action like 'console.flag.operator.%' order by id desc limit 4`,
    );
    expect(recorded.reverse().map(({ action }) => action.replace('console.flag.operator.', ''))).toEqual([
      'activated',
      'activated',
      'unlocked',
      'disabled',
    ]);
    expect(recorded[0]).toMatchObject({
      actor: 'command line',
      detail: { operator: 'U0123456789', role: 'superadmin' },
    });
    expect(JSON.stringify(recorded)).not.toContain(reset.recoveryCodes[0]);
  });

  test('without a terminal a new operator becomes an engineer, and who is a superadmin stays one', async () => {
    await rows.query('delete from flag_promotions.operators');
    const first = await run('operators', 'add', 'U0FIRST000');
    expect(first.output).toContain('Enrolled: U0FIRST000, engineer.');
    expect(first.output).toContain('operators add U0FIRST000 --role superadmin');
    const raised = await run('operators', 'add', 'U0FIRST000', '--role', 'superadmin');
    expect(raised.output).toContain('Enrolled again: U0FIRST000, superadmin.');
    expect(raised.output).not.toContain('--role');
    const again = JSON.parse((await run('operators', 'add', 'U0FIRST000', '--json')).output);
    expect(again).toMatchObject({ role: 'superadmin', existed: true });
    expect(await run('operators', 'add', 'U0FIRST000', '--role', 'admin')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('--role is engineer or superadmin'),
    });
  });

  test('audit verify tells an intact log from a broken one by its exit code', async () => {
    expect(await run('audit', 'verify')).toMatchObject({ code: 0, output: expect.stringContaining('intact') });
    await rows.query('alter table flag_promotions.audit_log disable trigger user');
    await rows.query(`update flag_promotions.audit_log set actor = 'somebody else' where id = 1`);
    expect(await run('audit', 'verify', '--json')).toMatchObject({
      code: 1,
      output: expect.stringContaining('"firstBrokenId":"1"'),
    });
  });
});
