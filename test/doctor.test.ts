import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type HerokuStandIn, startHerokuStandIn } from '../demo/heroku/stand-in.js';
import { ROUTING_KEY, startPagerDutyStandIn } from '../demo/pagerduty/stand-in.js';
import { type SlackStandIn, startSlackStandIn } from '../demo/slack/workspace.js';
import { startWebhookReceiver } from '../demo/webhook/receiver.js';
import { createAuditKeys } from '../src/audit/keys.js';
import { openDatabase } from '../src/db/database.js';
import { type Check, checkClock, herokuChecks, slackChecks } from '../src/doctor/checks.js';
import { runDoctor } from '../src/doctor/doctor.js';
import { createWitness } from '../src/jobs/witness.js';
import { createLogger } from '../src/log.js';
import { createSecretBox } from '../src/operators/secret-box.js';
import { builtApp } from './support/built-app.js';
import { createEmptyDatabase, createOwnDatabase, type TestDatabase } from './support/database.js';
import { readManifest } from './support/manifest.js';
import { DIRECTLY } from './support/network.js';
import { createRowStore, type RowStore } from './support/row-store.js';
import { quietSealer } from './support/sealer.js';
import { startWitness } from './support/witness.js';

const APP = 'raxx-console-prod';
const CANARY = 'canary';

describe('doctor', () => {
  let database: TestDatabase;
  let rows: RowStore;
  let slack: SlackStandIn;
  let heroku: HerokuStandIn;
  const key = randomBytes(32);
  let environment: Record<string, string>;

  let cli: string;

  beforeAll(async () => {
    cli = await builtApp();
  });
  beforeEach(async () => {
    database = await createOwnDatabase();
    rows = createRowStore(database.url);
    slack = await startSlackStandIn({ rateLimit: false, scopes: readManifest().scopes });
    heroku = await startHerokuStandIn({ apps: { [APP]: { vars: { OTHER: CANARY } } } });
    environment = {
      DATABASE_URL: database.url,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: `${CANARY}-signing`,
      SLACK_API_URL: slack.apiUrl,
      SLACK_ALERT_CHANNEL: slack.channels.alerts,
      HEROKU_API_KEY: heroku.apiKey,
      HEROKU_API_URL: heroku.apiUrl,
      TOTP_ENCRYPTION_KEY: key.toString('base64'),
    };
    const db = openDatabase(database.url);
    for (const slackUserId of ['U0KRIS', 'U0MINA']) {
      const sealedSecret = createSecretBox(key).seal('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', slackUserId);
      await db.operators.enrol({ slackUserId, role: 'superadmin', sealedSecret });
    }
    await db.close();
    await rows.insertDeploying({ app: APP });
  });
  afterEach(async () => {
    await rows.close();
    await slack.close();
    await heroku.close();
    await database.drop();
  });

  const look = (changes: Readonly<Record<string, string>> = {}) =>
    runDoctor({ ...environment, ...changes }, () => new Date());
  const toFix = (checks: readonly Check[]) => checks.filter(({ status }) => status === 'fix');
  const about = (checks: readonly Check[], subject: string) => checks.find((check) => check.subject === subject);

  function run(args: readonly string[], env: Readonly<Record<string, string>>) {
    // Not from the project's own folder, which may have a .env.
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], ...env },
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    return new Promise<{ code: number | null; said: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, said })),
    );
  }

  test('if all is well every line says so, nothing is changed, and the exit code is 0', async () => {
    const before = await rows.query('select * from flag_promotions.operators');
    const { code, said } = await run(['doctor'], environment);
    expect(said.split('\n').filter((line) => line.startsWith('fix'))).toEqual([]);
    expect(code).toBe(0);
    expect(said).toMatch(/^ok {4}Slack scopes +exactly what the app uses$/mu);
    expect(said).toMatch(/^ok {4}channel C\w+ +the app is a member$/mu);
    expect(said).toMatch(/^ok {4}TOTP key +opens all 2 stored secrets$/mu);
    expect(said).toMatch(/^ok {4}Heroku app raxx-console-prod +its config vars can be read$/mu);
    expect(said).toMatch(
      /^note {2}Heroku writing +Whether the key may set config vars can’t be checked without setting one/mu,
    );
    expect(said).toMatch(/^ok {4}clock against Slack/mu);
    expect(said).toContain('Nothing needs fixing.');
    for (const secret of [slack.botToken, heroku.apiKey, key.toString('base64'), database.url, CANARY]) {
      expect(said).not.toContain(secret);
    }
    expect(await rows.query('select * from flag_promotions.operators')).toEqual(before);
    expect(await slack.messages(slack.channels.alerts)).toEqual([]);
    expect(heroku.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('a half-broken configuration: every fault is named, what can be asked is asked, and the exit code is 1', async () => {
    const broken = {
      ...environment,
      TOTP_ENCRYPTION_KEY: 'too short',
      STUCK_WARNING_AFTER: 'soon',
      SLACK_ALERT_CHANNEL: '#alerts',
      HEROKU_API_KEY: 'wrong',
    };
    const { code, said } = await run(['doctor', '--json'], broken);
    expect(code).toBe(1);
    const report: { healthy: boolean; checks: Check[] } = JSON.parse(said);
    expect(report.healthy).toBe(false);
    expect(toFix(report.checks).map(({ subject }) => subject)).toEqual([
      'TOTP_ENCRYPTION_KEY',
      'SLACK_ALERT_CHANNEL',
      'STUCK_WARNING_AFTER',
      'Heroku key',
    ]);
    expect(about(report.checks, 'Slack token')).toMatchObject({ status: 'ok' });
    expect(about(report.checks, 'database')).toMatchObject({ status: 'ok' });
  });

  test('with nothing set it names what is required, and asks nobody', async () => {
    const checks = await runDoctor({ DATABASE_URL: 'mysql://x' }, () => new Date());
    expect(toFix(checks).map(({ subject }) => subject)).toEqual([
      'DATABASE_URL',
      'TOTP_ENCRYPTION_KEY',
      'SLACK_BOT_TOKEN',
      'SLACK_SIGNING_SECRET',
      'SLACK_ALERT_CHANNEL',
    ]);
    expect(slack.calls).toEqual([]);
  });

  test('faults come first, then weaknesses, each default in its line', async () => {
    const checks = await look({ SLACK_CRITICAL_MENTION: 'none', HEROKU_API_KEY: '', PORT: 'http' });
    const ranks = checks.map(({ status }) => ['fix', 'note', 'ok'].indexOf(status));
    expect(ranks).toEqual(ranks.toSorted());
    expect(checks[0]).toMatchObject({ subject: 'PORT', status: 'fix' });
    for (const subject of ['SLACK_CRITICAL_MENTION', 'HEROKU_API_KEY', 'HEARTBEAT_URL']) {
      expect(about(checks, subject)).toMatchObject({ subject, status: 'note' });
    }
    expect(about(checks, 'STUCK_WARNING_AFTER')).toMatchObject({ status: 'ok', says: 'default: 12h' });
    expect(about(await look(), 'SLACK_CRITICAL_MENTION')).toMatchObject({
      status: 'ok',
      says: expect.stringContaining('<!here>'),
    });
  });

  test('Slack: missing scopes, a channel that the app is not in, a token that is not Slack’s', async () => {
    const scopes = readManifest().scopes.filter((scope) => !scope.startsWith('files:'));
    const less = await startSlackStandIn({ rateLimit: false, scopes });
    const checks = await look({
      SLACK_BOT_TOKEN: less.botToken,
      SLACK_API_URL: less.apiUrl,
      SLACK_ALERT_CHANNEL: less.channels.random,
      ALERT_ROUTES: `other-app=${less.channels.alerts}`,
    });
    await less.close();
    expect(about(checks, 'Slack scopes')?.says).toContain('Missing: files:read, files:write.');
    expect(about(checks, `channel ${less.channels.random}`)?.says).toContain('/invite @flag-promotions');
    expect(about(checks, `channel ${less.channels.alerts}`)?.status).toBe('ok');
    expect(toFix(checks)).toHaveLength(2);

    const wrong = toFix(await look({ SLACK_BOT_TOKEN: 'xoxb-wrong' }));
    expect(wrong).toMatchObject([
      { subject: 'Slack token', says: expect.stringContaining('does not know this token') },
    ]);
    const away = toFix(await look({ SLACK_API_URL: 'http://127.0.0.1:9/api/' }));
    expect(away).toMatchObject([{ subject: 'Slack', says: expect.stringContaining('no readable answer') }]);
  });

  test('Socket Mode: a token that may not open it', async () => {
    expect(toFix(await look({ SLACK_APP_TOKEN: slack.appToken }))).toEqual([]);
    expect(toFix(await look({ SLACK_APP_TOKEN: 'xapp-wrong' }))).toMatchObject([
      { subject: 'Socket Mode', says: expect.stringContaining('connections:write') },
    ]);
  });

  test('Heroku: a key that is refused, an app that it does not see, a Heroku that is away', async () => {
    await rows.insertDeploying({ app: 'no-such-app', flagKey: 'other' });
    expect(toFix(await look())).toMatchObject([{ subject: 'Heroku app no-such-app' }]);
    expect(toFix(await look({ HEROKU_API_KEY: 'wrong' }))).toMatchObject([{ subject: 'Heroku key' }]);
    expect(toFix(await look({ HEROKU_API_URL: 'http://127.0.0.1:9' }))).toMatchObject([{ subject: 'Heroku' }]);
    for (const status of [200, 401, 403]) {
      const clear = heroku.faults.add({ fault: { kind: 'garbage', status } });
      expect(toFix(await look())).toMatchObject([
        { subject: 'Heroku', says: expect.stringContaining('other than Heroku') },
      ]);
      clear();
    }
  });

  test('the witness gets again what it has, or nothing yet; what is wrong there is named, and no word of its token', async () => {
    const witness = await startWitness();
    const db = openDatabase(database.url, { auditKeys: createAuditKeys([key]) });
    const log = createLogger('silent', { write: () => undefined });
    const sender = createWitness({
      url: witness.url,
      seals: db.seals,
      fetch: DIRECTLY.fetch,
      newOwner: randomUUID,
      elapsed: () => performance.now(),
      random: Math.random,
      log,
    });
    const lookAtIt = async (url = witness.url) => about(await look({ AUDIT_WITNESS_URL: url }), 'witness');
    const said: unknown[] = [];
    try {
      expect(about(await look(), 'witness')).toBeUndefined();
      expect(await lookAtIt()).toMatchObject({ status: 'ok', says: expect.stringContaining('has no seal yet') });
      expect(witness.requests).toBe(0);
      const denial = { promotionId: null, attempted: 'mark', reason: 'not_operator' } as const;
      await db.denials.record({ at: new Date(), actor: 'U0EVE', ...denial });
      await quietSealer({ seals: db.seals, log }).seal();
      await sender.send();
      const kept = () => rows.query('select * from flag_promotions.audit_witnesses');
      const before = await kept();
      expect(await lookAtIt()).toMatchObject({ status: 'ok', says: expect.stringMatching(/seal 1, .+ sent again/u) });
      expect(witness.seals[1]).toEqual(witness.seals[0]);
      expect(witness.seals).toHaveLength(2);
      for (const [status, words] of [
        [302, 'redirects'],
        [401, 'Check the token'],
        [404, 'with 2xx'],
        [503, 'tries again'],
      ] as const) {
        witness.status = status;
        const found = await lookAtIt();
        expect(found).toMatchObject({ status: 'fix', says: expect.stringContaining(`It answered ${status}`) });
        expect(found?.says).toContain(words);
        said.push(found);
      }
      // Nor does the app send more or less for it.
      expect(await kept()).toEqual(before);
      await db.denials.record({ at: new Date(), actor: 'U0MAL', ...denial });
      await quietSealer({ seals: db.seals, log }).seal();
      await expect(sender.send()).rejects.toThrow('answered 503');
      witness.status = 200;
      expect(await lookAtIt()).toMatchObject({ status: 'note', says: expect.stringContaining('answered 503') });
      const gone = await lookAtIt('http://127.0.0.1:9/seals?token=canary-witness');
      expect(gone).toMatchObject({ status: 'fix', says: expect.stringContaining('Check AUDIT_WITNESS_URL') });
      await witness.close();
      const away = await lookAtIt();
      expect(away).toMatchObject({ status: 'fix', says: expect.stringContaining('ECONNREFUSED') });
      expect(JSON.stringify([...said, gone, away])).not.toContain(CANARY);
    } finally {
      await sender.stop();
      await db.close();
      await witness.close();
    }
  });

  test('sends a test through each pager and webhook if asked, and says nothing of their keys', async () => {
    const OTHER = 'N0B0DY0KN0WS0THIS0KEY00000000002';
    const secret = `whsec_${Buffer.alloc(24, 's').toString('base64')}`;
    const pager = await startPagerDutyStandIn();
    const receiver = await startWebhookReceiver(secret);
    const paging = {
      ...environment,
      PAGERDUTY_URL: pager.url,
      PAGERDUTY_ROUTING_KEY: ROUTING_KEY,
      ALERT_ROUTES: `lab=C0LAB,page=none; shop=${slack.channels.alerts},page=${OTHER}`,
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: secret,
    };
    try {
      const reached = await runDoctor(paging, () => new Date());
      expect(about(reached, 'pager')).toMatchObject({ status: 'ok' });
      expect(about(reached, 'webhook')).toMatchObject({ status: 'ok' });
      expect([pager.received.length, receiver.received.length]).toEqual([0, 0]);
      const tested = await runDoctor(paging, () => new Date(), { page: true });
      expect(about(tested, 'page')).toMatchObject({ status: 'ok' });
      expect(about(tested, 'page of ALERT_ROUTES, rule 2')).toMatchObject({
        status: 'fix',
        says: expect.stringContaining('Page not delivered: 400'),
      });
      expect(about(tested, 'webhook')).toMatchObject({ status: 'ok' });
      expect(pager.incidents).toMatchObject([{ status: 'resolved', summary: expect.stringMatching(/^TEST/u) }]);
      expect(receiver.events()).toMatchObject([{ type: 'test' }]);
      const said = JSON.stringify([reached, tested]);
      for (const key of [ROUTING_KEY, OTHER, secret]) expect(said).not.toContain(key);
    } finally {
      await pager.close();
      await receiver.close();
    }
    expect(about(await runDoctor(environment, () => new Date(), { page: true }), 'page')).toMatchObject({
      status: 'fix',
      says: expect.stringContaining('Nobody can be paged'),
    });
  });

  test('the database: away, another password, no such one, read-only, and no word of its address', async () => {
    const url = new URL(database.url);
    const said: string[] = [];
    for (const [change, words] of [
      [() => ({ port: '9' }), 'Nothing listens at the address in DATABASE_URL'],
      [() => ({ password: `${CANARY}-password` }), 'The server refuses the password'],
      [() => ({ pathname: '/no_such_database' }), 'no database of this name'],
    ] as const) {
      const changed = Object.assign(new URL(url), change());
      const checks = await look({ DATABASE_URL: changed.href });
      expect(toFix(checks)).toMatchObject([{ subject: 'database', says: expect.stringContaining(words) }]);
      said.push(JSON.stringify(checks));
    }
    expect(said.join()).not.toContain(CANARY);
    expect(said.join()).not.toContain(url.port);
    await rows.query(`alter database "${url.pathname.slice(1)}" set default_transaction_read_only = on`);
    expect(toFix(await look())).toMatchObject([{ subject: 'database', says: expect.stringContaining('read-only') }]);
  });

  test('rights, migrations, the guard of the audit log, and secrets of another key', async () => {
    const url = new URL(database.url);
    const role = `poor_${randomBytes(4).toString('hex')}`;
    await rows.query(`create role ${role} login password 'poor'`);
    await rows.query(`grant usage on schema flag_promotions to ${role}`);
    await rows.query(`grant select on all tables in schema public, flag_promotions to ${role}`);
    await rows.query(`delete from flag_promotions.migrations where name = '0007-enrolments'`);
    const poor = Object.assign(new URL(url), { username: role, password: 'poor' });
    const checks = toFix(await look({ DATABASE_URL: poor.href }));
    expect(checks.map(({ subject, says }) => [subject, says])).toEqual([
      ['database rights', expect.stringContaining('Run flag-promotions migrate as the owner of the schema')],
      ['promotions', expect.stringContaining(`grant insert, update on public.console_flag_promotions to ${role};`)],
      ['database rights', expect.stringContaining('flag-promotions migrate --sql')],
    ]);
    // Every table except one that is only read: whoever adds one states what the app does to it.
    const tables = await rows.query<{ name: string }>(
      `select tablename as name from pg_tables where schemaname = 'flag_promotions' and tablename !~ '^migrations|^audit_head$'`,
    );
    expect(tables.length).toBeGreaterThan(5);
    for (const { name } of tables) expect(checks[2]?.says).toMatch(new RegExp(` on ${name}[;.]`, 'u'));
    await rows.query(`drop owned by ${role}`);
    await rows.query(`drop role ${role}`);
    expect(about(await look(), 'database schema')).toMatchObject({ status: 'note' });

    await rows.query('alter table flag_promotions.audit_log disable trigger audit_log_append_only');
    await rows.query(
      `update flag_promotions.operators set totp_secret_encrypted = 'v1.damaged' where slack_user_id = 'U0MINA'`,
    );
    const damaged = toFix(await look());
    expect(damaged.map(({ subject }) => subject)).toEqual(['audit log', 'TOTP key']);
    expect(damaged[1]?.says).toMatch(/^Opens 1 of 2 stored secrets, not those of U0MINA\./u);
    await rows.query(`update flag_promotions.operators set disabled_at = now()`);
    expect(about(await look(), 'superadmins')).toMatchObject({ status: 'fix' });
  });

  test('the app’s own database is not made by looking for it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-doctor-'));
    const checks = await look({ DATABASE_URL: 'embedded', DATA_DIR: folder });
    expect(about(checks, 'database')).toMatchObject({ status: 'note', says: expect.stringContaining(folder) });
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('an empty database is no fault: the next start makes its tables', async () => {
    const empty = await createEmptyDatabase();
    const checks = await look({ DATABASE_URL: empty.url });
    await empty.drop();
    expect(about(checks, 'database schema')).toMatchObject({
      status: 'note',
      says: expect.stringContaining('migrate'),
    });
    expect(toFix(checks).map(({ subject }) => subject)).toEqual(['superadmins']);
  });

  test('its own address: answered by this app, by something else, by nothing', async () => {
    let type = 'text/css; charset=utf-8';
    // As behind a proxy that lets only the public paths through.
    const server = createServer(({ url }, response) => {
      const isPublic = url?.startsWith('/enrol/') === true;
      response.writeHead(isPublic ? 200 : 404, { 'content-type': type }).end('* {}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : null;
    const own = async () => about(await look({ PUBLIC_URL: `http://127.0.0.1:${port}` }), 'own address');
    expect(await own()).toMatchObject({ status: 'ok' });
    type = 'text/html';
    expect(await own()).toMatchObject({ status: 'note', says: expect.stringContaining('Something other') });
    await new Promise((resolve) => server.close(resolve));
    expect(await own()).toMatchObject({ status: 'note', says: expect.stringContaining('Nothing answers') });
  });

  test('a clock that is off is told against all three', async () => {
    const checks = await runDoctor(environment, () => new Date(Date.now() + 120_000));
    expect(toFix(checks)).toMatchObject([
      {
        subject: 'clock against the database',
        says: expect.stringContaining('ahead of the database’s. Waits, alerts'),
      },
      { subject: 'clock against Slack', says: expect.stringContaining('ahead of Slack') },
      { subject: 'clock against Heroku', says: expect.stringContaining('ahead of Heroku') },
    ]);
  });
});

describe('the report', () => {
  const unexplained = () => null;
  test.each([
    [null, 'note', 'gave no time'],
    [{ aheadMs: 400, uncertainMs: 600 }, 'ok', 'the same'],
    [{ aheadMs: -5_000, uncertainMs: 600 }, 'ok', '5.0 s apart'],
    // A slow answer proves nothing about a clock.
    [{ aheadMs: 24_000, uncertainMs: 5_000 }, 'ok', '24.0 s apart'],
    [{ aheadMs: 20_601, uncertainMs: 600 }, 'fix', 'ahead of Slack'],
    [{ aheadMs: -400_000, uncertainMs: 600 }, 'fix', '400.0 s behind Slack'],
  ])('a clock of %j is %s', (reading, status, words) => {
    const check = checkClock('Slack', reading);
    expect(check.status).toBe(status);
    expect(check.says).toContain(words);
  });

  test.each([
    [['write-protected'], 'ok'],
    [['read-protected', 'write-protected'], 'ok'],
    [['global'], 'note'],
    [['read-protected'], 'fix'],
    [['identity'], 'fix'],
    [[], 'fix'],
  ])('a key of the scopes %j is %s', (scopes, status) => {
    const [first] = herokuChecks({ key: { kind: 'known', scopes }, apps: [], clock: null }, unexplained);
    expect(first).toMatchObject({ subject: 'Heroku key', status });
  });

  test('words from outside bring no control characters to a terminal', () => {
    const evil = '\u001b[2Jgone\u202e';
    const said = JSON.stringify([
      ...slackChecks(
        {
          auth: { kind: 'ok', team: evil, teamId: evil, scopes: [evil] },
          channels: [{ id: evil, verdict: { kind: 'refused', error: evil } }],
          socketMode: { kind: 'refused', error: evil },
          clock: null,
        },
        'T0ELSEWHERE',
        unexplained,
        () => unexplained,
      ),
      ...herokuChecks(
        { key: { kind: 'known', scopes: [evil] }, apps: [{ app: evil, outcome: 'ok' }], clock: null },
        unexplained,
      ),
    ]);
    expect(said).not.toMatch(/\\u001b|\u202e/u);
    expect(said).toContain('gone');
  });
});
