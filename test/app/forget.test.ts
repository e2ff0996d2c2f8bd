import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { FLAG, startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import {
  confirm,
  codeFor,
  invite,
  open,
  PUBLIC_URL,
  recoveryCodesOn,
  secretOn,
  typeCode,
  wordOn,
} from '../support/enrolment.js';
import { eventually } from '../support/eventually.js';
import { waiting, whileHolding } from '../support/locks.js';

/** Records of what was done: they name the person as long as they are kept. */
const RECORD = [
  'flag_promotions.audit_log.actor',
  'flag_promotions.audit_log.detail',
  'public.console_flag_promotions.marked_by',
  'public.console_flag_promotions.promoted_by',
  'public.console_flag_promotions.resolved_by',
];

describe('operators forget', () => {
  let bed: TestBed;
  let people: TestBed['slack']['people'];
  beforeEach(async () => {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      environment: { PUBLIC_URL },
      rateLimit: false,
      databaseClockStands: true,
    });
    people = bed.slack.people;
  });
  afterEach(() => bed.close());

  async function cli(args: readonly string[], environment: Readonly<Record<string, string>> = bed.environment) {
    const child = spawn(process.execPath, [await builtApp(), ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], ...environment },
    });
    let out = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, out, errors };
  }
  const forget = (id: string, ...more: readonly string[]) => cli(['operators', 'forget', id, ...more]);

  /** Every column of every table of the database that contains an id. */
  async function columnsWith(id: string): Promise<readonly string[]> {
    const columns = await bed.rows.query<{ place: string; sql: string }>(
      `select format('%s.%s.%s', table_schema, table_name, column_name) as place,
              format('select 1 from %I.%I where %I::text like $1 limit 1', table_schema, table_name, column_name) as sql
         from information_schema.columns
         join information_schema.tables using (table_schema, table_name)
        where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE' order by 1`,
    );
    const found: string[] = [];
    for (const { place, sql } of columns) {
      if ((await bed.rows.query(sql, [`%${id}%`])).length > 0) found.push(place);
    }
    return found;
  }

  /**
   * Mina: invited by Kris, active with recovery codes, on one alert, snoozes another, invited Sam, and opened the tab.
   */
  async function minaWorksHere() {
    const { superadmin: kris, secondSuperadmin: mina, engineer: sam } = people;
    const link = await invite(bed, kris, mina, 'superadmin');
    const secret = secretOn(await open(bed, link));
    const proved = await typeCode(bed, link, codeFor(bed, secret));
    const codes = recoveryCodesOn(proved);
    for (const [n, code] of codes.entries()) bed.keepSecret(`recovery code ${n}`, code);
    bed.adopt(mina.id, secret);
    await confirm(bed, kris, wordOn(proved), 1);
    await eventually(async () => expect(await bed.db.operators.find(mina.id)).not.toBeNull());

    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, marked_by, promoted_by, resolved_by)
       values ('earlier', 'raxx-console-prod', 'FLAG_EARLIER', 'failed', $1, $1, $1)`,
      [mina.id],
    );
    const taken = await bed.rows.insertDeploying();
    const snoozed = await bed.rows.insertDeploying({ flagKey: 'quiet' });
    await bed.app.tick();
    await mina.click(await bed.alert(), 'acknowledge');
    await mina.command(`snooze ${snoozed} 4h`);
    await mina.openHome();
    await eventually(async () => expect(mina.home()).toBeDefined());
    // As sent to a webhook.
    const happened = {
      type: 'alert.acknowledged',
      data: { promotion: { id: taken }, by: mina.id, instead_of: mina.id },
    };
    await bed.rows.query(
      `insert into flag_promotions.messages (kind, subject, state, detail)
       select kind, 'x', state, jsonb_build_object('event', $1::jsonb)
         from (values ('webhook', 'closed'), ('drill_webhook', 'closed')) as m (kind, state)`,
      [JSON.stringify(happened)],
    );
    await bed.rows.query(
      `insert into flag_promotions.drills (started_by, acknowledged_by, acknowledged_at, resolved_by, action, ended_at, end_reason)
       values ($1, $1, now(), $1, 'completed', now(), 'resolved')`,
      [mina.id],
    );
    await bed.rows.query(
      `insert into flag_promotions.drifts (promotion_id, heroku_app, state, value, release_id, accepted_by, is_told)
       select id, heroku_app, 'accepted', '{"kind":"unset"}', 'r', $1, true from console_flag_promotions where flag_key = 'earlier'`,
      [mina.id],
    );
    await bed.clock.advance(30_000);
    const theirs = await invite(bed, mina, sam, 'engineer');
    await eventually(async () =>
      expect(
        await bed.rows.query('select 1 from flag_promotions.attention where owner = $1 or snoozed_by = $1', [mina.id]),
      ).toHaveLength(2),
    );
    return { taken, snoozed, theirs };
  }
  const alertOf = async (flag: string) => {
    const found = (await bed.slack.messages(bed.slack.channels.alerts)).find((one) => one.text.includes(flag));
    if (found === undefined) throw new Error(`No alert names ${flag}.`);
    return found;
  };

  test('leaves a person’s id in the record of what was done, and nowhere else', async () => {
    const { secondSuperadmin: mina } = people;
    const { taken, snoozed, theirs } = await minaWorksHere();
    const before = await columnsWith(mina.id);
    // Otherwise the search afterwards would prove nothing.
    for (const place of [
      'attention.owner',
      'attention.snoozed_by',
      'drifts.accepted_by',
      'drills.acknowledged_by',
      'drills.resolved_by',
      'drills.started_by',
      'enrolments.slack_user_id',
      'enrolments.invited_by',
      'messages.detail',
      'messages.subject',
      'operators.slack_user_id',
      'recovery_codes.slack_user_id',
    ]) {
      expect(before).toContain(`flag_promotions.${place}`);
    }

    const { code, out } = await forget(mina.id);
    expect(code).toBe(0);
    expect(out).toBe(
      `Forgotten: ${mina.id}. The audit log keeps the id, and so do the promotions that they worked on.\n` +
        'Their home tab in Slack is empty.\n',
    );
    expect(await columnsWith(mina.id)).toEqual(RECORD);
    expect(
      await bed.rows.query(
        `select distinct detail #> '{event,data}' as data from flag_promotions.messages where kind in ('webhook', 'drill_webhook')`,
      ),
    ).toEqual([{ data: { promotion: { id: taken }, by: 'forgotten', instead_of: 'forgotten' } }]);
    expect((await bed.db.audit.verify()).intact).toBe(true);
    expect(
      await bed.rows.query(
        `select action, actor, promotion_id, detail from flag_promotions.audit_log order by id desc limit 3`,
      ),
    ).toEqual([
      {
        action: 'console.flag.operator.forgotten',
        actor: 'command line',
        promotion_id: null,
        detail: { operator: mina.id, role: 'superadmin', links: 2 },
      },
      {
        action: 'console.flag.promotion.snooze_ended',
        actor: 'command line',
        promotion_id: snoozed,
        detail: { reason: 'forgotten' },
      },
      {
        action: 'console.flag.promotion.owner_lost',
        actor: 'command line',
        promotion_id: taken,
        detail: { owner: mina.id, reason: 'disabled' },
      },
    ]);

    // Nobody is on it, Slack says so, and the link to Sam is dead.
    await bed.app.tick();
    expect(JSON.stringify((await alertOf(FLAG)).blocks)).toContain('nobody is on it');
    expect(JSON.stringify((await alertOf('quiet')).blocks)).not.toContain('snoozed until');
    expect((await open(bed, theirs)).status).toBe(404);
    expect(JSON.stringify(mina.home()?.blocks)).toContain('Open this tab again');
    expect(
      await bed.rows.query(
        `select kind, last_error from flag_promotions.messages where state = 'pending' or wanted > shown`,
      ),
    ).toEqual([]);
    expect(await columnsWith(mina.id)).toEqual(RECORD);
  });

  test('is one transaction: if its audit event can’t be written, nothing is gone', async () => {
    const { secondSuperadmin: mina } = people;
    await minaWorksHere();
    // Deliveries may progress meanwhile.
    const kept = () =>
      Promise.all([
        bed.rows.query('select id, kind, subject from flag_promotions.messages order by id'),
        ...['operators', 'recovery_codes', 'enrolments', 'attention', 'audit_log'].map((table) =>
          bed.rows.query(`select t::text from flag_promotions.${table} t order by 1`),
        ),
      ]);
    const before = await kept();
    await bed.rows.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
       create trigger refuse before insert on flag_promotions.audit_log
         for each row when (new.action = 'console.flag.operator.forgotten') execute function refuse()`,
    );
    expect((await forget(mina.id)).code).toBe(1);
    expect(await kept()).toEqual(before);
  });

  test('the person’s own open form is refused, and so is another’s that is about them', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    const { taken } = await minaWorksHere();
    await mina.click(await alertOf(FLAG), 'mark_completed');
    await mina.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
    await kris.command('operators reset');
    await kris.waitForModal();
    await bed.clock.advance(60_000);
    expect((await forget(mina.id)).code).toBe(0);

    expect(JSON.stringify(await mina.submit({ code: bed.code(mina.id) }))).toContain('Only a superadmin');
    expect((await bed.db.promotions.find(taken))?.state).toBe('deploying');
    expect(JSON.stringify(await kris.submit({ person: mina.id, code: bed.code(kris.id) }))).toContain(
      'They are not an operator',
    );
    // The refusal is in the audit log.
    expect(await columnsWith(mina.id)).toEqual(RECORD);
  });

  test('refuses the last superadmin, unless it is forced to', async () => {
    const { superadmin: kris } = people;
    const refused = await forget(kris.id);
    expect(refused.code).toBe(1);
    expect(refused.errors).toContain('is the last superadmin');
    expect(await bed.db.operators.find(kris.id)).not.toBeNull();
    expect((await forget(kris.id, '--force')).code).toBe(0);
    expect(await columnsWith(kris.id)).toEqual(['flag_promotions.audit_log.detail']);
  });

  test('a second time, and for somebody who is not known, there is nothing to do', async () => {
    const { secondSuperadmin: mina } = people;
    await bed.enrol(mina.id, 'engineer');
    await forget(mina.id);
    for (const id of [mina.id, 'U0NOBODY00']) {
      const { code, out } = await forget(id);
      expect(code).toBe(0);
      expect(out).toContain(`Nothing is kept about ${id}`);
    }
    expect(
      await bed.rows.query(`select 1 from flag_promotions.audit_log where action like '%.forgotten'`),
    ).toHaveLength(1);
  });

  test('without a token for Slack, or without Slack, it says that the home tab stands', async () => {
    const { secondSuperadmin: mina } = people;
    await bed.enrol(mina.id, 'engineer');
    const { SLACK_BOT_TOKEN: _token, ...without } = bed.environment as Record<string, string>;
    const first = await cli(['operators', 'forget', mina.id], without);
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('not emptied: SLACK_BOT_TOKEN is not set') });
    expect(await bed.db.operators.find(mina.id)).toBeNull();
    bed.slack.faults.add({ method: 'views.publish', kind: 'status', status: 503, times: 1 });
    expect((await forget(mina.id)).out).toContain('not emptied: Slack');
    expect((await forget(mina.id)).out).toContain('is empty');
  });

  test('somebody who keeps acknowledging alerts is not forgotten, and the command says what to do', async () => {
    const { secondSuperadmin: mina } = people;
    await bed.enrol(mina.id, 'engineer');
    // Each time the operator is locked, they have one alert more than before.
    await bed.rows.query(
      `alter table flag_promotions.attention rename to attention_kept;
       create view flag_promotions.attention as
         select promotion_id, owner, snoozed_by from flag_promotions.attention_kept
          union all select 1, '${mina.id}', null where exists (
            select from pg_locks where pid = pg_backend_pid() and mode = 'RowShareLock'
               and relation = 'flag_promotions.operators'::regclass)`,
    );
    const { code, out, errors } = await forget(mina.id);
    await bed.rows.query(
      `drop view flag_promotions.attention; alter table flag_promotions.attention_kept rename to attention`,
    );
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(errors.trim().split('\n').slice(1)).toEqual([
      `${mina.id} acknowledges or snoozes alerts all the time. Nothing was changed. First run: flag-promotions operators disable ${mina.id}`,
    ]);
    expect(await bed.db.operators.find(mina.id)).not.toBeNull();
  });

  test.each([
    ['just before', 'lock table flag_promotions.messages in share mode', 'started'],
    ['just after', 'select 1 from flag_promotions.operators for update', 'not_superadmin'],
  ] as const)('a drill that they start %s leaves no id behind', async (when, lock, outcome) => {
    const { secondSuperadmin: mina } = people;
    await bed.enrol(mina.id, 'superadmin');
    const server = { url: bed.config.database.kind === 'server' ? bed.config.database.url : '' };
    const start = () => bed.db.drills.start(mina.id, { pager: false, webhook: false });
    const forgetThem = () =>
      bed.db.forgetting.forget(mina.id, { actor: 'x', at: bed.clock.now() }, { keepLast: false });
    const both: Promise<unknown>[] = [];
    await whileHolding(server, lock, async () => {
      const inOrder = when === 'just before' ? [start, forgetThem] : [forgetThem, start];
      for (const [index, act] of inOrder.entries()) {
        both.push(act());
        await waiting(bed, index + 1);
      }
    });
    const [first, second] = await Promise.all(both);
    expect(when === 'just before' ? first : second).toMatchObject({ kind: outcome });
    const left = await bed.rows.query('select started_by from flag_promotions.drills');
    expect(left).toEqual(outcome === 'started' ? [{ started_by: 'forgotten' }] : []);
  });

  test('an alert that they acknowledge while it waits for a lock becomes free', async () => {
    const { secondSuperadmin: mina } = people;
    await bed.enrol(mina.id, 'engineer');
    const [first, second] = [await bed.rows.insertDeploying(), await bed.rows.insertDeploying({ flagKey: 'second' })];
    await bed.app.tick();
    const take = (promotionId: string) =>
      bed.db.attention.take({ promotionId, operatorId: mina.id, over: null, at: bed.clock.now() });
    expect((await take(first)).kind).toBe('taken_now');
    let forgotten: Promise<unknown> = Promise.resolve();
    await whileHolding(
      { url: bed.config.database.kind === 'server' ? bed.config.database.url : '' },
      `select 1 from console_flag_promotions where id = ${first} for update`,
      async () => {
        forgotten = bed.db.forgetting.forget(mina.id, { actor: 'x', at: bed.clock.now() }, { keepLast: true });
        await waiting(bed, 1);
        expect((await take(second)).kind).toBe('taken_now');
      },
    );
    expect(await forgotten).toBe('forgotten');
    expect(await bed.rows.query('select owner from flag_promotions.attention')).toEqual([
      { owner: null },
      { owner: null },
    ]);
    expect(
      await bed.rows.query(
        `select promotion_id from flag_promotions.audit_log where action like '%.owner_lost' order by promotion_id`,
      ),
    ).toEqual([{ promotion_id: first }, { promotion_id: second }]);
    expect(await columnsWith(mina.id)).toEqual(RECORD.slice(0, 2));
  });
});
