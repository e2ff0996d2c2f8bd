import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type SlackStandIn, startSlackStandIn } from '../demo/slack/workspace.js';
import { createAuditKeys } from '../src/audit/keys.js';
import { slackUserIdOf } from '../src/cli/slack-id.js';
import { MIGRATION_NAMES } from '../src/db/migrate.js';
import { createSecretBox } from '../src/operators/secret-box.js';
import { builtApp } from './support/built-app.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { createRowStore, type RowStore } from './support/row-store.js';
import { portOf } from './support/sockets.js';

const ROOT = path.resolve(__dirname, '..');

describe('the command line', () => {
  let database: TestDatabase;
  let slack: SlackStandIn;
  let rows: RowStore;
  let environment: Record<string, string>;
  const children: ChildProcess[] = [];
  /** Without the .env that may lie beside the sources. */
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

  function start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = environment,
    cwd = folder,
    input = '',
  ) {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], ...env },
    });
    children.push(child);
    child.stdin.end(input);
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
  const run = (...args: string[]) => piped('', ...args);
  async function piped(input: string, ...args: string[]) {
    const process_ = start(args, environment, folder, input);
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

  test('a database that only start and migrate create is missed by every other command, and not made by it', async () => {
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

  test('start names a port that is taken, and exits 1, so that a supervisor tries again', async () => {
    const holder = createServer();
    const PORT = String(await portOf(holder));
    const started = start(['start'], { ...environment, PORT });
    expect(await started.ended).toBe(1);
    expect(started.errors()).toBe(
      `PORT ${PORT} is taken on this host. Stop what listens there, or set PORT to another one.\n`,
    );
    holder.close();
  });

  test('the newer part of the schema is taken back as it is, and nothing for a name that there is not', async () => {
    const known = async () =>
      (await rows.query<{ name: string }>('select name from flag_promotions.migrations order by id desc limit 1'))[0];
    const newer = MIGRATION_NAMES.slice(MIGRATION_NAMES.indexOf('0009-maintenance') + 1).toReversed();
    expect((await run('migrate', '--to', '0009-maintenance')).output).toContain(`Undone: ${newer.join(', ')}.\n`);
    const mistyped = start(['migrate', '--to', '0008']);
    expect(await mistyped.ended).toBe(1);
    expect(mistyped.errors()).toContain('Nothing was changed');
    expect(mistyped.errors()).not.toMatch(/^\s+at /mu);
    expect(await known()).toEqual({ name: '0009-maintenance' });
    const further = await run('migrate', '--to', '0008-attention');
    expect(further.output).toBe('Undone: 0009-maintenance.\n');
    expect((await run('migrate')).code).toBe(0);
    expect(await known()).toEqual({ name: MIGRATION_NAMES.at(-1) });
  });

  test('maintenance: a dry run does nothing, a run does it and exits 0, and 1 if something failed', async () => {
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
    const added = await piped(
      `${secret}\n`,
      'operators',
      'add',
      'U0123456789',
      '--role',
      'superadmin',
      '--secret',
      '-',
    );
    expect(added.output).toContain(`secret=${secret}`);
    // Anybody who lists processes sees an argument.
    const typed = await run('operators', 'add', 'U0123456789', '--secret', secret);
    expect(typed).toMatchObject({ code: 1, output: '', errors: expect.stringContaining('--secret -') });
    expect(typed.errors).not.toContain(secret);
    const again = await piped(secret, 'operators', 'add', 'U0123456789', '--json', '--secret', '-');
    expect(JSON.parse(again.output)).toMatchObject({ role: 'superadmin', uri: expect.stringContaining(secret) });
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
    for (const input of ['short', '', '\n']) {
      expect(await piped(input, 'operators', 'add', 'U0123456789', '--secret', '-')).toMatchObject({
        code: 1,
        errors: expect.stringContaining('The secret on standard input must be'),
      });
    }
  });

  test.each(['alice', '@alice', 'u0123456789', '<@U0123456789>'])('%s is no id', (typed) => {
    expect(() => slackUserIdOf(typed)).toThrow(
      `${typed} is not a Slack user id. An id begins with U or W; a name won’t do.`,
    );
  });

  test.each(['add', 'reset', 'disable', 'forget', 'unlock'])('operators %s takes no name for an id', async (verb) => {
    expect(await run('operators', verb, '@alice')).toEqual({
      code: 1,
      output: '',
      errors: '@alice is not a Slack user id. An id begins with U or W; a name won’t do.\n',
    });
  });

  test('the last superadmin stays, a reset brings a new secret, and what a shell did is on record', async () => {
    await rows.query('delete from flag_promotions.operators');
    const secret = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const first = await piped(secret, 'operators', 'add', 'U0123456789', '--role', 'superadmin', '--secret', '-');
    expect(first.code).toBe(0);
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
    // What was done with a shell is recorded as well, but none of the secrets shown.
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

  test('the audit log is sealed by each command that writes to it, verified, and exported for who has no database', async () => {
    expect(await run('operators', 'add', 'U0AUDIT000', '--role', 'superadmin')).toMatchObject({ code: 0 });
    expect(await run('operators', 'disable', 'U0AUDIT000', '--force')).toMatchObject({ code: 0 });
    const verified = await run('audit', 'verify');
    expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('all sealed') });
    const newest = /Newest seal: (\d+:[\da-f]{64})\n$/u.exec(verified.output)?.[1] ?? '';
    const [number = '', hash = ''] = newest.split(':');
    expect(await run('audit', 'verify', '--expect', `${number}:${hash.slice(0, 8)}`)).toMatchObject({ code: 0 });
    expect(await run('audit', 'verify', '--expect', `${number}:${'0'.repeat(12)}`)).toMatchObject({ code: 1 });
    expect(await run('audit', 'verify', '--expect', `${Number(number) + 1}:${hash}`)).toMatchObject({
      code: 1,
      output: expect.stringContaining(`seal ${Number(number) + 1} is missing`),
    });
    expect(await run('audit', 'verify', '--expect', 'seal')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('--expect is the number and hash of a seal'),
    });

    const file = path.join(folder, 'audit.jsonl');
    expect(await run('audit', 'export', '--out', file)).toMatchObject({ code: 0 });
    const key = (await run('audit', 'public-key')).output.trim();
    const check = (...args: string[]) => {
      const { status, stdout } = spawnSync(
        process.execPath,
        [path.join(ROOT, 'scripts/verify-audit-export.mjs'), ...args],
        { encoding: 'utf8' },
      );
      return { status, stdout };
    };
    expect(check(file, key)).toEqual({ status: 0, stdout: expect.stringContaining(`newest seal ${newest}`) });
    expect(check(file, key, '--expect', newest)).toMatchObject({ status: 0 });
    const exported = await readFile(file, 'utf8');
    const altered = path.join(folder, 'altered.jsonl');
    const lines = exported.trimEnd().split('\n');
    const sealLine = lines.findIndex((line) => line.startsWith('{"type":"seal"'));
    for (const [what, text] of [
      ['an event altered', exported.replace('U0AUDIT000', 'U0AUDIT001')],
      ['an event removed', lines.toSpliced(1, 1).join('\n')],
      ['a seal removed', lines.toSpliced(sealLine, 1).join('\n')],
      [
        'two lines exchanged',
        [...lines.slice(0, sealLine), lines[sealLine + 1], lines[sealLine], ...lines.slice(sealLine + 2)].join('\n'),
      ],
      ['its end cut off', lines.slice(0, -1).join('\n')],
    ]) {
      await writeFile(altered, text ?? '');
      expect([what, check(altered, key).status]).toEqual([what, 1]);
    }
    const another = createAuditKeys([new Uint8Array(32)]).publicKey;
    expect(check(file, another)).toEqual({ status: 1, stdout: expect.stringContaining('another key') });
  });

  test('of a log whose head is gone an export says so, and leaves no file', async () => {
    await rows.query('alter table flag_promotions.audit_head disable trigger user');
    await rows.query('create table public.kept_head as select * from flag_promotions.audit_head');
    await rows.query('delete from flag_promotions.audit_head');
    const file = path.join(folder, 'headless.jsonl');
    const exported = await run('audit', 'export', '--out', file);
    await rows.query('insert into flag_promotions.audit_head select * from public.kept_head');
    await rows.query('drop table public.kept_head');
    await rows.query('alter table flag_promotions.audit_head enable trigger user');
    expect(exported).toMatchObject({ code: 1, output: '' });
    expect(exported.errors.trim().split('\n').slice(1)).toEqual([
      'The audit log can’t be exported: the head of the chain is missing. To see all that is wrong: flag-promotions audit verify',
    ]);
    expect(await readdir(folder)).not.toContain('headless.jsonl.part');
  });

  test('a change on the command line needs the key that makes its event this app’s', async () => {
    const { TOTP_ENCRYPTION_KEY: _, ...keyless } = environment;
    for (const args of [
      ['operators', 'unlock', 'U0AUDIT000'],
      ['workspace', 'set', 'T0123456789'],
    ]) {
      const asked = start(args, keyless);
      expect([args, await asked.ended]).toEqual([args, 78]);
      expect(asked.errors()).toContain('TOTP_ENCRYPTION_KEY');
    }
    // Reading needs no key, and says what can't be known without it.
    const verified = start(['audit', 'verify'], keyless);
    expect(await verified.ended).toBe(0);
    expect(verified.output()).toContain('nobody knows whether the seals are this app’s');
  });

  test.each([
    ['NODE_DEBUG', 'http'],
    ['DEBUG', '*'],
  ])('start refuses %s=%s, which would print tokens', async (name, value) => {
    const started = start(['start'], { ...environment, [name]: value });
    expect(await started.ended).toBe(78);
    expect(started.errors()).toContain(`${name}=${value} would print tokens`);
  });

  test('a guest or a bot in Slack is enrolled by no shell either', async () => {
    const { engineer, otherBot, externalUser } = slack.people;
    slack.setUser(engineer.id, { is_restricted: true });
    for (const [person, words] of [
      [engineer, 'is a guest in Slack'],
      [otherBot, 'is a bot'],
      [externalUser, 'belongs to another workspace'],
    ] as const) {
      expect(await run('operators', 'add', person.id)).toMatchObject({
        code: 1,
        errors: expect.stringContaining(words),
      });
    }
    slack.setUser(engineer.id, {});
    slack.faults.add({ method: 'users.info', kind: 'status', status: 503, times: 1 });
    expect(await run('operators', 'add', engineer.id)).toMatchObject({
      code: 0,
      errors: expect.stringContaining('Slack didn’t say who'),
    });
  });

  test('of two shells that demote the last two superadmins at once, one is refused', async () => {
    await rows.query('delete from flag_promotions.operators');
    for (const id of ['U0FIRST000', 'U0SECOND00']) await run('operators', 'add', id, '--role', 'superadmin');
    const demoted = await Promise.all(
      ['U0FIRST000', 'U0SECOND00'].map((id) => run('operators', 'add', id, '--role', 'engineer')),
    );
    expect(demoted.map(({ code }) => code).toSorted()).toEqual([0, 1]);
    const left = await rows.query(`select 1 from flag_promotions.operators where role = 'superadmin'`);
    expect(left).toHaveLength(1);
  });

  test('keys rotate: start refuses a wrong one, reseal brings all under the first, and says whose recovery codes it can’t', async () => {
    await rows.query('delete from flag_promotions.operators');
    for (const id of ['U0FIRST000', 'U0SECOND00']) await run('operators', 'add', id, '--role', 'superadmin');
    // As an earlier version stored it, without the key's id.
    await rows.query(
      `update flag_promotions.operators set totp_secret_encrypted = 'v1.' || split_part(totp_secret_encrypted, '.', 3)
        where slack_user_id = 'U0FIRST000'`,
    );
    await rows.query(
      `update flag_promotions.recovery_codes set code_hash = split_part(code_hash, '.', 2) where slack_user_id = 'U0FIRST000'`,
    );
    const former = environment['TOTP_ENCRYPTION_KEY'] ?? '';
    const next = randomBytes(32).toString('base64');
    const withKeys = (keys: string) => ({ ...environment, TOTP_ENCRYPTION_KEY: keys });
    const outcome = async (args: readonly string[], keys: string) => {
      const started = start(args, withKeys(keys));
      return { code: await started.ended, output: started.output(), errors: started.errors() };
    };
    const wrong = await outcome(['start'], next);
    expect(wrong.code).toBe(78);
    expect(wrong.errors).toContain('TOTP_ENCRYPTION_KEY doesn’t open the secrets of U0FIRST000, U0SECOND00');
    expect(wrong.errors).not.toContain(' at ');
    const shut = await outcome(['operators', 'reseal'], next);
    expect([shut.code, shut.output]).toEqual([1, expect.stringContaining('U0FIRST000: none of the keys opens')]);

    const resealed = JSON.parse((await outcome(['operators', 'reseal', '--json'], `${next},${former}`)).output);
    expect(resealed.operators).toMatchObject(
      ['U0FIRST000', 'U0SECOND00'].map((slackUserId) => ({
        slackUserId,
        secret: 'resealed',
        formerCodes: { keyId: expect.stringMatching(/^[0-9a-f]{8}$/u), left: 10 },
      })),
    );
    expect(resealed.operators[0].formerCodes.keyId).not.toBe(resealed.key);
    const stored = await rows.query<{ sealed: string }>(
      'select totp_secret_encrypted as sealed from flag_promotions.operators',
    );
    expect(stored.every(({ sealed }) => sealed.startsWith(`v1.${resealed.key}.`))).toBe(true);
    // New codes for one of them; then only the other is named.
    await outcome(['operators', 'reset', 'U0SECOND00'], `${next},${former}`);
    // The routing key of an open page, without whose key the incident would ring for ever.
    const lost = createSecretBox(randomBytes(32)).seal('R0UTINGKEY', 'page');
    await rows.query(
      `insert into flag_promotions.messages (kind, subject, state, channel) values ('page', '1', 'posted', $1)`,
      [lost],
    );
    const paged = await outcome(['operators', 'reseal'], `${next},${former}`);
    expect(paged).toMatchObject({ code: 1, output: expect.stringContaining('of 1 open pages') });
    expect(paged.output).not.toContain('no longer needed');
    await rows.query(`delete from flag_promotions.messages where kind = 'page'`);
    const again = await outcome(['operators', 'reseal'], `${next},${former}`);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('U0FIRST000: 10 recovery codes') });
    expect(again.output).not.toContain('U0SECOND00');
    await outcome(['operators', 'reset', 'U0FIRST000'], next);
    expect((await outcome(['operators', 'reseal'], next)).output).toContain('former keys are no longer needed');
    const events = await rows.query<{ detail: object }>(
      `select detail from flag_promotions.audit_log where action = 'console.flag.operator.resealed'`,
    );
    expect(events).toMatchObject([{ detail: { key: resealed.key, secrets: 2 } }]);
    await rows.query('delete from flag_promotions.operators');
    // The rest uses the former key again, with its own log.
    for (const table of ['audit_log', 'audit_seals']) {
      await rows.query(`alter table flag_promotions.${table} disable trigger user`);
      await rows.query(`truncate flag_promotions.${table} restart identity`);
      await rows.query(`alter table flag_promotions.${table} enable trigger user`);
    }
  });

  test('audit verify tells an intact log from a broken one by its exit code', async () => {
    await run('operators', 'add', 'U0LAST0000');
    expect(await run('audit', 'verify')).toMatchObject({
      code: 0,
      output: expect.stringContaining('intact: 1 events'),
    });
    await rows.query('alter table flag_promotions.audit_log disable trigger user');
    await rows.query(`update flag_promotions.audit_log set actor = 'somebody else' where id = 1`);
    expect(await run('audit', 'verify', '--json')).toMatchObject({
      code: 1,
      output: expect.stringContaining('"firstBrokenId":"1"'),
    });
  });
});
