import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { COMMAND_LINE } from '../../src/db/audit.js';
import { OtherWorkspaceError } from '../../src/db/errors.js';
import { runDoctor } from '../../src/doctor/doctor.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { eventually } from '../support/eventually.js';
import { waiting, whileHolding } from '../support/locks.js';

const OTHER = 'T0OTHER001';

describe('a database belongs to one Slack workspace', () => {
  let bed: TestBed;
  let other: SlackStandIn;
  beforeEach(async () => {
    // What is deployed here was never set on Heroku.
    const environment = { DRIFT_EVERY: 'off' };
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', rateLimit: false, environment });
    other = await startSlackStandIn({ teamId: OTHER, rateLimit: false });
  });
  afterEach(async () => {
    await bed.close();
    await other.close();
  });

  const recorded = async () =>
    (await bed.rows.query<{ team: string | null }>('select slack_team_id as team from flag_promotions.installation'))[0]
      ?.team;
  const forget = () => bed.rows.query('update flag_promotions.installation set slack_team_id = null');
  const settingsOf = (slack: SlackStandIn) => ({
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: slack.channels.alerts,
  });
  const ofOther = () => ({ environment: settingsOf(other) });
  /** Its calls to Slack, except for who it is. */
  const said = (slack: SlackStandIn) => slack.calls.map(({ method }) => method).filter((one) => one !== 'auth.test');

  async function cli(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [await builtApp(), ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], ...bed.environment, ...environment },
    });
    let out = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, out, errors };
  }

  test('the first start records it, as Slack itself names it, and the next one finds it', async () => {
    expect(await recorded()).toBe(bed.slack.teamId);
    await bed.replica();
    expect(await recorded()).toBe(bed.slack.teamId);
    expect(await bed.rows.query('select 1 from flag_promotions.audit_log')).toEqual([]);
  });

  test.each([
    ['a workspace of an organization', { team_id: 'T0RAXX0001', enterprise_id: 'E0RAXX0001' }, 'T0RAXX0001'],
    [
      'an organization, whatever workspace it names',
      { team_id: 'T0RAXX0001', enterprise_id: 'E0RAXX0001', is_enterprise_install: true },
      'E0RAXX0001',
    ],
  ])('a token of %s', async (_what, installed, expected) => {
    await forget();
    const body = JSON.stringify({ ok: true, user_id: 'U0BOT00001', bot_id: 'B0BOT00001', ...installed });
    other.faults.add({ method: 'auth.test', kind: 'body', body });
    await bed.replica(ofOther());
    expect(await recorded()).toBe(expected);
  });

  test('of an app that a whole organization installed, the organization', async () => {
    const organization = await startSlackStandIn({ installedForOrganization: 'E0RAXX0001', rateLimit: false });
    await forget();
    await bed.replica({ environment: settingsOf(organization) });
    expect(await recorded()).toBe('E0RAXX0001');
    await organization.close();
  });

  test('a second one is refused: it says nothing, and changes nothing', async () => {
    await bed.rows.insertDeploying();
    await expect(bed.replica(ofOther())).rejects.toThrow(OtherWorkspaceError);
    expect(said(other)).toEqual([]);
    expect(await recorded()).toBe(bed.slack.teamId);
    expect(await bed.rows.query('select 1 from flag_promotions.alerts')).toEqual([]);
    await bed.app.tick();
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(1);
  });

  test.each([[['start']], [['maintenance']], [['maintenance', '--dry-run']]])(
    '%j of a second one: exit code 78 and a sentence',
    async (args) => {
      await bed.rows.insertDeploying();
      const { code, errors } = await cli(args, settingsOf(other));
      expect(code).toBe(78);
      const sentence =
        `This database belongs to the Slack workspace ${bed.slack.teamId}, but SLACK_BOT_TOKEN is of ${OTHER}. ` +
        `Use a token of ${bed.slack.teamId} or another database. To move it: flag-promotions workspace set ${OTHER}\n`;
      expect(errors).toBe(args[0] === 'start' ? sentence : `${errors.split('\n')[0]}\n${sentence}`);
      expect(await bed.rows.query('select 1 from flag_promotions.alerts')).toEqual([]);
      expect(said(other)).toEqual([]);
    },
  );

  test('a dry run records nothing', async () => {
    await forget();
    expect((await cli(['maintenance', '--dry-run'])).code).toBe(0);
    expect(await recorded()).toBeNull();
  });

  test('doctor says whose it is', async () => {
    const check = async () =>
      (await runDoctor(bed.environment, bed.clock.now)).find(({ subject }) => subject === 'Slack workspace');
    await forget();
    expect(await check()).toMatchObject({
      status: 'ok',
      says: expect.stringMatching(/^T\w+; the database has no workspace yet/u),
    });
    expect(await recorded()).toBeNull();
    await bed.replica();
    expect(await check()).toMatchObject({
      status: 'ok',
      says: expect.stringMatching(/^T\w+, to which the database belongs$/u),
    });
    const { code, out } = await cli(['doctor'], settingsOf(other));
    expect(code).toBe(1);
    expect(out).toMatch(/^fix +Slack workspace +This database belongs to .*workspace set T0OTHER001$/mu);
  });

  test('two that start at once on a new database: one has it', async () => {
    for (let round = 0; round < 5; round += 1) {
      await forget();
      const started = await Promise.allSettled([bed.replica(), bed.replica(ofOther())]);
      const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(running).toHaveLength(1);
      expect(started.map(({ status }) => status === 'fulfilled')).toEqual([
        (await recorded()) === bed.slack.teamId,
        (await recorded()) === OTHER,
      ]);
    }
  });

  test('two that look before either has it: one has it', async () => {
    await forget();
    const claims: Promise<string>[] = [];
    await whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      'select from flag_promotions.installation for update',
      async () => {
        claims.push(...[bed.slack.teamId, OTHER].map((team) => bed.db.installation.claimWorkspace(team)));
        await waiting(bed, 2);
      },
    );
    const told = await Promise.all(claims);
    const owner = await recorded();
    expect([bed.slack.teamId, OTHER]).toContain(owner);
    expect(told).toEqual([owner, owner]);
  });

  describe('if Slack does not say at the start which one it is', () => {
    test.each(['hang', 'reset_before'] as const)('(%s) the watchdog looks, and tells once Slack does', async (kind) => {
      bed.slack.faults.add({ method: 'auth.test', kind });
      const app = await bed.replica();
      await bed.rows.insertDeploying();
      const tick = app.tick();
      await eventually(async () =>
        expect(await bed.rows.query('select 1 from flag_promotions.alerts')).not.toHaveLength(0),
      );
      expect(said(bed.slack)).toEqual([]);
      bed.slack.faults.clear();
      await tick;
      await bed.clock.advance(60_000);
      await app.tick();
      expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(1);
    });

    test('a second one says nothing before that, nor afterwards, when it has to end', async () => {
      other.faults.add({ method: 'auth.test', kind: 'status', status: 503 });
      const app = await bed.replica(ofOther());
      await bed.rows.insertDeploying();
      await app.tick();
      expect(await bed.rows.query('select state from flag_promotions.messages')).toEqual([{ state: 'pending' }]);
      other.faults.clear();
      await bed.clock.advance(60_000);
      await app.tick();
      expect((await app.refused).message).toContain(OTHER);
      expect(said(other)).toEqual([]);
      await bed.clock.advance(3_600_000);
      await bed.app.tick();
      expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(1);
    });
  });

  describe('workspace set', () => {
    const set = (id: string) => cli(['workspace', 'set', id]);
    /** What the command does, in this process. */
    const move = () => bed.db.installation.moveWorkspace(OTHER, { actor: COMMAND_LINE, at: new Date() });

    test('moves it, with its audit event in the same transaction', async () => {
      const { code, out } = await set(OTHER);
      expect(code).toBe(0);
      expect(out).toContain(`${bed.slack.teamId} → ${OTHER}`);
      expect(await recorded()).toBe(OTHER);
      expect(
        await bed.rows.query(
          `select a.action, a.actor, a.detail, a.xmin = i.xmin as "together"
             from flag_promotions.audit_log a, flag_promotions.installation i`,
        ),
      ).toEqual([
        {
          action: 'console.flag.workspace.moved',
          actor: 'command line',
          detail: { from: bed.slack.teamId, to: OTHER },
          together: true,
        },
      ]);
      expect((await bed.db.audit.verify()).intact).toBe(true);
    });

    test('to where it is already, it changes nothing; and a name is no id', async () => {
      expect((await set(bed.slack.teamId)).out).toContain('already');
      for (const id of ['raxx', 'U0123456789', 't0123456789', "T0';--"]) {
        const { code, errors } = await set(id);
        expect([id, code]).toEqual([id, 1]);
        expect(errors).toContain('begins with T or E');
      }
      expect(await recorded()).toBe(bed.slack.teamId);
      expect(await bed.rows.query('select 1 from flag_promotions.audit_log')).toEqual([]);
    });

    test('an app of the former one ends with the next check, and tells nothing more there', async () => {
      await bed.rows.insertDeploying();
      await move();
      await bed.app.tick();
      expect((await bed.app.refused).message).toContain(`belongs to the Slack workspace ${OTHER}`);
      expect(await bed.rows.query('select 1 from flag_promotions.alerts')).toEqual([]);
      const { superadmin } = bed.slack.people;
      await superadmin.command('stuck');
      expect((await superadmin.waitForEphemeral()).text).toContain('The app failed');
      expect(await bed.slack.messages(bed.slack.channels.alerts)).toEqual([]);
    });

    test('the binary then ends by itself, with exit code 78', async () => {
      const child = spawn(process.execPath, [await builtApp(), 'start'], {
        cwd: tmpdir(),
        env: { PATH: process.env['PATH'], ...bed.environment, MAINTENANCE_CRON: '* * * * * *' },
      });
      let out = '';
      let errors = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
      await eventually(async () => expect(out).toContain('is up'));
      await bed.rows.query('update flag_promotions.installation set slack_team_id = $1', [OTHER]);
      expect(await ended).toBe(78);
      expect(errors).toContain(`flag-promotions workspace set ${bed.slack.teamId}`);
    });

    test('open alerts are posted in the new workspace and can be resolved there; the former one is owed nothing', async () => {
      const { superadmin, engineer } = bed.slack.people;
      await bed.enrol(engineer.id, 'engineer');
      const ended = await bed.rows.insertDeploying({ flagKey: 'ended' });
      const open = await bed.rows.insertDeploying();
      await bed.app.tick();
      await superadmin.openHome();
      await engineer.click(await bed.alert(), 'acknowledge');
      await bed.rows.query(`update console_flag_promotions set state = 'deployed' where id = $1`, [ended]);
      await bed.app.tick();
      expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(2);

      await move();
      const app = await bed.replica(ofOther());
      other.connectHttp(`http://127.0.0.1:${app.port}/slack/events`);
      await app.tick();
      const [alert, ...more] = await other.messages(other.channels.alerts);
      expect(more).toEqual([]);
      expect(JSON.stringify(alert)).toContain('console_heroku_log_drain_alerting');
      await bed.clock.advance(24 * 3_600_000);
      await app.tick();
      const left = await bed.rows.query(
        `select kind, state, last_error from flag_promotions.messages
          where state = 'pending' or (state = 'posted' and wanted > shown)`,
      );
      expect(left).toEqual([]);

      await bed.enrol(other.people.superadmin.id);
      if (alert === undefined) throw new Error('Nothing was posted.');
      await other.people.superadmin.click(alert, 'mark_completed');
      await other.people.superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
      await other.people.superadmin.submit({ code: bed.code(other.people.superadmin.id) });
      await eventually(async () =>
        expect(await bed.rows.query('select state from console_flag_promotions where id = $1', [open])).toEqual([
          { state: 'deployed' },
        ]),
      );
      expect(said(other).filter((method) => method === 'chat.update')).not.toEqual([]);
    });
  });
});
