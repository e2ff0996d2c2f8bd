import type { Severity } from '../../src/promotions/stuck.js';
import {
  breakAuditLog,
  CHANNEL,
  deliverMessage,
  enrol,
  everything,
  insertPromotion,
  insertPromotions,
  later,
  MINE,
  mendAuditLog,
  NOW,
  openAlert,
  REPLY,
  ROOT,
  SHOWN,
  type Stored,
  startStored,
  stopClock,
  submission,
  typed,
} from '../support/rows.js';

let stored: Stored;
let ids: readonly string[];
beforeEach(async () => {
  stored = await startStored();
  ids = await insertPromotions(stored.rows, 5);
});
afterEach(() => stored.close());

const HOUR = 3_600_000;

const groups = () => stored.db.groups;
const messages = () => stored.db.messages;
const open = (
  severity: Severity,
  of = ids,
  {
    db = stored.db,
    channel = CHANNEL,
    notBefore = null,
  }: { db?: Stored['db']; channel?: string; notBefore?: Date | null } = {},
) => db.groups.open({ channel, notBefore, alerts: of.map((promotionId) => ({ promotionId, severity })) }, NOW);
const groupRows = (kind = 'group') =>
  stored.rows.query<{ id: string; subject: string; state: string; behind: number }>(
    `select id, subject, state, wanted - shown as behind from flag_promotions.messages where kind = $1 order by id`,
    [kind],
  );
const alertRows = () =>
  stored.rows.query<{ promotion_id: string; severity: string; group_id: string | null; closed: boolean }>(
    `select promotion_id, severity, group_id, closed_at is not null as closed from flag_promotions.alerts order by id`,
  );
const groupIds = async () => (await groupRows()).map(({ id }) => id);
async function oneGroup(): Promise<string> {
  const [id, ...others] = await groupIds();
  if (id === undefined || others.length > 0) throw new Error('There is not one group.');
  return id;
}
/** Posts the one group as the outbox records it; resolves with its id. */
async function post(): Promise<string> {
  const id = await oneGroup();
  await deliverMessage(stored.db, 'group', CHANNEL, ROOT);
  return id;
}
const facts = async (id: string) => {
  const { open: members, ...counts } = await groups().facts(id);
  return { open: members.map(({ promotion }) => promotion.id), ...counts };
};
const criticalsOf = async () => (await groups().withCriticals()).flatMap(({ criticals }) => criticals);
const name = (groupId: string, ordinal: number, promotionIds = ids, db = stored.db) =>
  db.groups.nameCriticals({ kind: 'name_criticals', groupId, ordinal, promotionIds });
async function namingId(groupId: string): Promise<string> {
  const naming = await messages().newest('group_criticals', groupId);
  if (naming === null) throw new Error('Nothing is named.');
  return naming.id;
}

describe('opening alerts that go into a group', () => {
  test('is one transaction with their audit events: all or none', async () => {
    const before = await everything(stored.rows);
    await breakAuditLog(stored.rows);
    await expect(open('warning')).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
    await mendAuditLog(stored.rows);
    await open('warning');
    for (const id of ids) {
      expect(await stored.db.audit.ofPromotion(id, 10)).toMatchObject([
        { action: 'console.flag.promotion.stuck_warning', actor: 'watchdog', detail: {} },
      ]);
    }
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true, events: ids.length });
    expect(await groupRows()).toMatchObject([{ subject: CHANNEL, state: 'pending', behind: 1 }]);
  });

  test('by several replicas at once yields one alert each, in one group', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    await Promise.all(Array.from({ length: 9 }, (_, n) => open('warning', ids, { db: replicas[n % 3] ?? stored.db })));
    expect(await alertRows()).toHaveLength(ids.length);
    expect(await groupRows()).toMatchObject([{ behind: 1 }]);
    expect(await stored.db.audit.verify()).toMatchObject({ events: ids.length });
  });

  test('leaves out what ended, or has been opened with an individual alert', async () => {
    const [ended = '', own = '', ...others] = ids;
    await stored.rows.query(`update console_flag_promotions set state = 'deployed' where id = $1`, [ended]);
    await openAlert(stored, own, 'warning');
    await open('warning');
    expect(await facts(await oneGroup())).toMatchObject({ open: others });
  });

  test('says nothing about what an operator is resolving at that moment', async () => {
    const operator = await enrol(stored.db, 'U0SUPER001');
    const [first = ''] = ids;
    let during: unknown;
    await stored.db.promotions.resolve(submission(first, operator), NOW, {
      isRecoveryCode: false,
      check(authenticator) {
        during = open('warning', [first], { db: stored.replica() });
        return typed(operator.code()).check(authenticator);
      },
    });
    await during;
    expect(await alertRows()).toEqual([]);
    expect(await groupRows()).toEqual([]);
  });

  test('beside each of them being opened by itself yields one alert each, and fails for nobody', async () => {
    const another = stored.replica();
    for (const round of [1, 2, 3, 4]) {
      const individually = ids.map((id) => another.alerts.open({ promotionId: id, severity: 'warning' }, NOW, null));
      await Promise.all([open('warning'), ...individually]);
      // What another transaction has locked stays for the next tick.
      await open('warning');
      const opened = (await alertRows()).map(({ promotion_id: id }) => id);
      expect([round, opened.toSorted()]).toEqual([round, [...ids].toSorted()]);
      await stored.rows.query('delete from flag_promotions.alerts');
      await stored.rows.query('delete from flag_promotions.messages');
    }
  });

  test('joins the group of the last hour; a later burst begins another', async () => {
    await stopClock(stored, NOW);
    await open('warning', ids.slice(0, 2));
    await post();
    await stopClock(stored, later(HOUR - 1));
    await open('warning', ids.slice(2, 4));
    expect(await groupIds()).toHaveLength(1);
    await stopClock(stored, later(HOUR));
    await open('warning', ids.slice(4));
    const [first = '', second = ''] = await groupIds();
    expect(await groupIds()).toHaveLength(2);
    // A critical is posted where its warning is, however long ago that was.
    await open('critical', ids);
    expect(await facts(first)).toMatchObject({ open: ids.slice(0, 4) });
    expect(await facts(second)).toMatchObject({ open: ids.slice(4) });
    expect(await groupIds()).toHaveLength(2);
  });

  test('joins one that Slack has not taken yet, however old, and none of which all has ended', async () => {
    await open('warning', ids.slice(0, 1));
    await stopClock(stored, later(5 * HOUR));
    await open('warning', ids.slice(1, 2));
    const first = await post();
    await stored.rows.query(`update console_flag_promotions set state = 'deployed' where id <= $1`, [ids[1]]);
    await stored.db.alerts.close(...ids.slice(0, 2));
    await open('warning', ids.slice(2));
    expect(await groupIds()).toEqual([first, expect.any(String)]);
  });

  test('joins none that was given up', async () => {
    await open('warning', ids.slice(0, 2));
    const first = await oneGroup();
    await messages().claim(first, MINE);
    await messages().close(first, MINE, 9);
    await messages().release(first, MINE, null);
    // Its criticals are posted elsewhere, and their warnings with them.
    await open('critical', ids.slice(0, 1));
    const [, second = ''] = await groupIds();
    expect(await facts(second)).toMatchObject({ open: ids.slice(0, 1) });
    expect(await facts(first)).toMatchObject({ open: ids.slice(1, 2) });
  });

  test('counts towards no individual alert', async () => {
    await openAlert(stored, ids[0] ?? '', 'warning');
    await open('warning', ids.slice(1));
    const { individualAlerts } = await stored.db.alerts.gather(NOW);
    expect(individualAlerts).toEqual([{ herokuApp: 'raxx-console-prod', waits: false, count: 1 }]);
  });

  test('gives a promotion that was set back to deploying rows of its own', async () => {
    await open('critical');
    const group = await post();
    await name(group, 1);
    await stored.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [ids[0]]);
    await stored.db.alerts.close(ids[0] ?? '');
    await stored.rows.query(`update console_flag_promotions set state = 'deploying' where id = $1`, [ids[0]]);
    expect(await facts(group)).toMatchObject({ open: ids.slice(1) });
    await open('warning', ids.slice(0, 1));
    expect((await alertRows()).filter(({ promotion_id: id }) => id === ids[0])).toMatchObject([
      { severity: 'warning', group_id: group, closed: false },
    ]);
    expect(await facts(group)).toMatchObject({ open: ids, endedOtherwise: 0, failed: 0 });
  });
});

describe('where and when a group is told', () => {
  const END = later(9 * HOUR);
  const quiet = (of = ids) => open('warning', of, { notBefore: END });

  test('each channel has its own', async () => {
    await open('warning', ids.slice(0, 2));
    await open('warning', ids.slice(2, 4), { channel: 'C0PAY' });
    await open('warning', ids.slice(4), { channel: 'C0PAY' });
    expect(await groupRows()).toMatchObject([{ subject: CHANNEL }, { subject: 'C0PAY' }]);
    const [, pay = ''] = await groupIds();
    expect(await facts(pay)).toMatchObject({ open: ids.slice(2) });
    // A critical is posted where its warning is, though the routes have changed since.
    await open('critical', ids, { channel: 'C0ELSEWHERE' });
    expect(await groupIds()).toHaveLength(2);
  });

  test('in quiet hours waits for their end, and takes in what comes all night', async () => {
    await stopClock(stored, NOW);
    await quiet(ids.slice(0, 3));
    await stopClock(stored, later(3 * HOUR));
    await quiet(ids.slice(3));
    const group = await oneGroup();
    expect(await messages().due(10)).toEqual([]);
    expect(await messages().claim(group, MINE)).toBeNull();
    await stopClock(stored, END);
    expect(await messages().due(10)).toEqual([group]);
    expect(await facts(group)).toMatchObject({ open: ids });
  });

  test('does not wait with another’s quiet hours', async () => {
    await stopClock(stored, NOW);
    await quiet(ids.slice(0, 1));
    await open('warning', ids.slice(1, 2), { notBefore: later(4 * HOUR) });
    await open('warning', ids.slice(2, 3));
    expect(await groupIds()).toHaveLength(3);
    // New alerts join a group whose quiet hours are over, until Slack has accepted it.
    await stopClock(stored, END);
    await deliverMessage(stored.db, 'group', CHANNEL, ROOT);
    await stopClock(stored, later(9 * HOUR + HOUR));
    await open('warning', ids.slice(3));
    expect(await groupIds()).toHaveLength(3);
  });

  test('a critical does not wait with its warning, which follows it: one group tells of a promotion', async () => {
    const [first = ''] = ids;
    const kris = await enrol(stored.db, 'U0KRIS');
    await stopClock(stored, NOW);
    await quiet();
    await open('critical', [first]);
    const [waiting = '', told = ''] = await groupIds();
    expect(await messages().due(10)).toEqual([told]);
    expect(await facts(told)).toMatchObject({ open: [first] });
    expect(await facts(waiting)).toMatchObject({ open: ids.slice(1), completed: 0, failed: 0, endedOtherwise: 0 });
    expect(await stored.db.audit.ofPromotion(ids[1] ?? '', 1)).toMatchObject([
      { detail: { not_before: END.toISOString() } },
    ]);
    // The promotion keeps one thread, also once both groups are in Slack.
    await stored.rows.query(
      `update flag_promotions.messages set state = 'posted', channel = $1, message_ts = id || '.1'`,
      [CHANNEL],
    );
    const resolved = await stored.db.promotions.resolve(submission(first, kris), NOW, typed(kris.code()));
    expect(resolved.kind).toBe('resolved');
    expect(await messages().newest('resolved', first)).toMatchObject({ root: { id: told } });
  });
});

describe('what a group tells', () => {
  test('are its open promotions, the oldest first, and how the others ended', async () => {
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = ids;
    await open('warning');
    const group = await post();
    await stored.rows.query(
      `update console_flag_promotions set state = case id when $1 then 'deployed' when $2 then 'failed' else 'cancelled' end
        where id in ($1, $2, $3)`,
      [first, second, third],
    );
    await stored.db.alerts.close(first, second, third);
    await stored.rows.query(
      `update console_flag_promotions set promoted_at = promoted_at - interval '1 hour' where id = $1`,
      [fifth],
    );
    await open('critical', [fourth]);
    expect(await facts(group)).toEqual({ open: [fifth, fourth], completed: 1, failed: 1, endedOtherwise: 1 });
    expect((await groups().facts(group)).open.map(({ severity }) => severity)).toEqual(['warning', 'critical']);
    const page = await groups().members(group, { offset: 1, limit: 5 });
    expect(page).toMatchObject({ total: 2, rows: [{ promotion: { id: fourth }, severity: 'critical' }] });
  });

  test('is updated as each ends, and says nothing of hundreds that end by themselves', async () => {
    await open('warning');
    await post();
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await stored.db.alerts.close(...ids.slice(0, 4));
    expect(await groupRows()).toMatchObject([{ state: 'posted', behind: 1 }]);
    await stored.db.alerts.close(...ids.slice(4));
    expect(await groupRows()).toMatchObject([{ behind: 2 }]);
    expect(await groupRows('resolved')).toEqual([]);
    expect(await facts(await oneGroup())).toEqual({ open: [], completed: 5, failed: 0, endedOtherwise: 0 });
  });

  test('a person’s resolution is said in its thread', async () => {
    const operator = await enrol(stored.db, 'U0SUPER001');
    const [first = ''] = ids;
    await open('warning');
    const group = await post();
    await stored.db.promotions.resolve(submission(first, operator), NOW, typed(operator.code()));
    expect(await messages().newest('resolved', first)).toMatchObject({ promotionId: first, root: { id: group } });
    expect(await messages().owedAbout(first)).toEqual([group, expect.any(String)]);
  });

  test('shows who is on what, and what is snoozed', async () => {
    const [first = '', second = ''] = ids;
    await enrol(stored.db, 'U0SUPER001');
    await open('warning');
    const group = await post();
    const asked = (promotionId: string) => ({ promotionId, operatorId: 'U0SUPER001', at: NOW });
    expect(await stored.db.attention.take({ ...asked(first), over: null })).toMatchObject({ kind: 'taken_now' });
    expect(await stored.db.attention.snooze({ ...asked(second), until: later(HOUR) })).toMatchObject({
      kind: 'snoozed',
    });
    expect(await groupRows()).toMatchObject([{ behind: 2 }]);
    expect((await groups().facts(group)).open.slice(0, 3).map(({ attention }) => attention)).toMatchObject([
      { ownership: { owner: 'U0SUPER001' }, snooze: null },
      { ownership: null, snooze: { until: later(HOUR) } },
      null,
    ]);
  });

  test('missing RCAs are in the list of them, and nobody is reminded in its thread', async () => {
    await open('critical');
    await post();
    await stored.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = now()`);
    await stored.db.alerts.close(...ids);
    expect((await stored.db.rcaDebts.unsettled(10)).map(({ wasPosted }) => wasPosted)).toEqual(ids.map(() => false));
    expect(await stored.db.rcaDebts.owed(10)).toMatchObject({ total: 5 });
  });

  test('the thread is no single promotion’s', async () => {
    await open('warning');
    await post();
    expect(await messages().promotionOfThread(ROOT)).toBeNull();
  });

  test('a message that somebody deleted is posted again, and its criticals are named again', async () => {
    await open('critical');
    const group = await post();
    await name(group, 1);
    await deliverMessage(stored.db, 'group_criticals', group, REPLY);
    await stored.rows.query('update flag_promotions.messages set wanted = wanted + 1 where id = $1', [group]);
    await messages().claim(group, MINE);
    expect(await messages().recordGone(group, MINE, null)).toBe(true);
    await messages().release(group, MINE, null);
    expect(await messages().due(10)).toEqual([group]);
    expect(await groups().withCriticals()).toMatchObject([
      { groupId: group, namings: 0, criticals: ids.map((promotionId) => ({ promotionId, namedAt: null })) },
    ]);
  });
});

describe('criticals in a group', () => {
  test('are named once, however many replicas decide it, and in the order in which they came', async () => {
    await open('warning');
    const group = await post();
    expect(await groups().withCriticals()).toEqual([]);
    await open('critical', ids.slice(0, 3));
    const unnamed = { herokuApp: 'raxx-console-prod', namedAt: null, isNamingPending: false };
    expect(await groups().withCriticals()).toEqual([
      { groupId: group, namings: 0, criticals: ids.slice(0, 3).map((promotionId) => ({ promotionId, ...unnamed })) },
    ]);
    await Promise.all([stored.db, stored.replica(), stored.replica()].map((db) => name(group, 1, ids.slice(0, 3), db)));
    expect(await groupRows('group_criticals')).toHaveLength(1);
    const naming = await namingId(group);
    expect(await messages().find(naming)).toMatchObject({ isUrgent: true, root: { id: group }, ordinal: '1' });
    expect((await groups().namedIn(naming)).map(({ promotion }) => promotion.id)).toEqual(ids.slice(0, 3));
    expect((await criticalsOf()).map(({ isNamingPending }) => isNamingPending)).toEqual([true, true, true]);

    await stopClock(stored, later(HOUR));
    await deliverMessage(stored.db, 'group_criticals', group, REPLY);
    await open('critical', ids.slice(3));
    expect((await groups().withCriticals())[0]).toMatchObject({ namings: 1 });
    expect((await criticalsOf()).map(({ namedAt }) => namedAt)).toEqual([
      ...ids.slice(0, 3).map(() => later(HOUR)),
      null,
      null,
    ]);
    await name(group, 2, ids.slice(3));
    expect((await groups().namedIn(await namingId(group))).map(({ promotion }) => promotion.id)).toEqual(ids.slice(3));
    // A reply names what it was queued for, as far as that is open.
    await stored.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [ids[0]]);
    await stored.db.alerts.close(ids[0] ?? '');
    expect((await groups().namedIn(naming)).map(({ promotion }) => promotion.id)).toEqual(ids.slice(1, 3));
  });

  test('are named by a reply that waits for the group, before everything else', async () => {
    await open('critical');
    const group = await oneGroup();
    await name(group, 1);
    const naming = await namingId(group);
    expect(await messages().due(10)).toEqual([group, naming]);
    expect(await messages().claim(naming, MINE)).toBeNull();
    // Slack refuses the group: its reply is not due either.
    await messages().claim(group, MINE);
    await messages().release(group, MINE, { waitMs: HOUR, lastError: 'Slack said no' });
    expect(await messages().due(10)).toEqual([]);
    await stored.rows.query('update flag_promotions.messages set next_attempt_at = null');
    await post();
    await openAlert(stored, await insertPromotion(stored.rows, { flag_key: 'warned' }), 'warning');
    expect((await messages().due(10))[0]).toBe(naming);
  });

  test('count as told from then on, each to itself', async () => {
    await open('critical', ids.slice(0, 2));
    const group = await post();
    await name(group, 1, ids.slice(0, 1));
    await stopClock(stored, later(HOUR));
    await deliverMessage(stored.db, 'group_criticals', group, REPLY);
    const { stuck } = await stored.db.alerts.gather(NOW);
    expect(stuck.slice(0, 2).map(({ criticalToldAt }) => criticalToldAt)).toEqual([later(HOUR), null]);
  });

  describe('that nobody is on any more are named again:', () => {
    const asked = (promotionId: string) => ({ promotionId, operatorId: 'U0SUPER001', at: NOW });
    const take = (id: string) => stored.db.attention.take({ ...asked(id), over: null });
    const until = later(HOUR);
    beforeEach(async () => {
      await enrol(stored.db, 'U0SUPER001');
      await open('critical');
      const group = await post();
      await name(group, 1);
      await deliverMessage(stored.db, 'group_criticals', group, REPLY);
    });

    test.each([
      ['released', take, (id: string) => stored.db.attention.answer({ ...asked(id), answer: 'hand_over' })],
      [
        'lost',
        async (id: string) => {
          await take(id);
          await stored.db.attention.askOwner(id, 'U0SUPER001', NOW);
        },
        (id: string) => stored.db.attention.loseOwner(id, 'U0SUPER001', 'silent', NOW),
      ],
      [
        'no longer snoozed',
        (id: string) => stored.db.attention.snooze({ ...asked(id), until }),
        (id: string) => stored.db.attention.endSnooze(id, until),
      ],
    ])('one that is %s, and no other', async (_, keep, letGo) => {
      const [first = ''] = ids;
      const unnamed = async () =>
        (await criticalsOf()).filter(({ namedAt }) => namedAt === null).map(({ promotionId }) => promotionId);
      await keep(first);
      expect(await unnamed()).toEqual([]);
      await letGo(first);
      expect(await unnamed()).toEqual([first]);
    });

    test('none whose owner is still on it', async () => {
      const [first = ''] = ids;
      await take(first);
      await stored.db.attention.askOwner(first, 'U0SUPER001', NOW);
      await stored.db.attention.answer({ ...asked(first), answer: 'confirm' });
      expect((await criticalsOf()).every(({ namedAt }) => namedAt !== null)).toBe(true);
    });
  });

  test('end the snooze of their warnings, which is noted, and all attention goes with their end', async () => {
    await enrol(stored.db, 'U0SUPER001');
    const asked = (promotionId: string) => ({ promotionId, operatorId: 'U0SUPER001', at: NOW });
    const [first = '', ...others] = ids;
    await open('warning');
    await stored.db.attention.snooze({ ...asked(first), until: later(HOUR) });
    await open('critical', [first]);
    expect(await stored.db.attention.of(first)).toMatchObject({ snooze: null, resumedAt: NOW });
    const events = await stored.db.audit.ofPromotion(first, 10);
    expect(events.map(({ action }) => action.replace('console.flag.promotion.', '')).toSorted()).toEqual([
      'snooze_ended',
      'snoozed',
      'stuck_critical',
      'stuck_warning',
    ]);
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true });
    for (const id of others.slice(0, 2)) await stored.db.attention.take({ ...asked(id), over: null });
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await stored.db.alerts.close(...ids);
    expect((await stored.db.attention.all()).size).toBe(0);
  });

  test('of an app without a name, as a console’s row may have, are named too', async () => {
    await stored.rows.query('alter table console_flag_promotions alter column heroku_app drop not null');
    await open('critical', ids.slice(0, 1));
    await stored.rows.query('update console_flag_promotions set heroku_app = null');
    expect(await criticalsOf()).toMatchObject([{ promotionId: ids[0], herokuApp: '' }]);
  });
});

describe('pruning what a group told', () => {
  const REST = later(24 * HOUR);
  const pruning = () => stored.db.pruning;
  /** Everything in Slack shows what it should. */
  const deliverAll = () =>
    stored.rows.query(
      `update flag_promotions.messages set shown = wanted, state = case when kind = 'group' then 'posted' else 'closed' end`,
    );
  /** So many that the list of missing RCAs no longer reaches the others. */
  async function insertAlertsBeyondTheList(): Promise<void> {
    await stored.rows.query(
      `with newer as (
         insert into console_flag_promotions (flag_key, heroku_app, config_var, state)
         select 'newer_' || n, 'raxx-web', 'FLAG_NEWER_' || n, 'deploying' from generate_series(1, 500) n returning id)
       insert into flag_promotions.alerts (promotion_id, severity) select id, 'warning' from newer`,
    );
  }
  async function end(of: readonly string[], rcaUrl: string | null = 'https://docs.example.com/rca'): Promise<void> {
    await stored.rows.query(
      `update console_flag_promotions set state = 'deployed', rca_url = $2 where id = any($1::bigint[])`,
      [of, rcaUrl],
    );
    await stored.db.alerts.close(...of);
    for (const { alertId } of await stored.db.rcaDebts.unsettled(10)) await stored.db.rcaDebts.settle(alertId);
    await deliverAll();
  }
  beforeEach(async () => {
    await open('critical');
    const group = await post();
    await name(group, 1);
    await deliverMessage(stored.db, 'group_criticals', group, REPLY);
  });

  test('takes nothing while one of them is open, then each of them, and the group after the last', async () => {
    const group = await oneGroup();
    await end(ids.slice(0, 4));
    expect(await pruning().prunable(REST, 10)).toEqual([]);
    expect(await pruning().prune(ids[0] ?? '', REST)).toBe(false);
    await end(ids);
    expect((await pruning().prunable(REST, 10)).toSorted()).toEqual([...ids].toSorted());
    for (const id of ids.slice(1)) expect(await pruning().prune(id, REST)).toBe(true);
    expect(await pruning().prunableMessages(REST, 10)).toEqual([]);
    await pruning().pruneMessage(group, REST);
    expect(await groupIds()).toEqual([group]);
    expect(await pruning().prune(ids[0] ?? '', REST)).toBe(true);
    expect(await alertRows()).toEqual([]);
    expect(await pruning().prunableMessages(REST, 10)).toEqual([group]);
    await pruning().pruneMessage(group, REST);
    expect(await stored.rows.query('select 1 from flag_promotions.messages')).toEqual([]);
  });

  test('leaves what is in the list of missing RCAs', async () => {
    await end(ids, null);
    expect(await pruning().prunable(REST, 10)).toEqual([]);
    await insertAlertsBeyondTheList();
    expect(await pruning().prunable(REST, 10)).toHaveLength(5);
  });

  test.each([
    ['a reply in its thread is to be said', `state = 'pending' where kind = 'group_criticals'`],
    ['it is to be updated', `wanted = wanted + 1 where kind = 'group'`],
    ['it changed a moment ago', `updated_at = updated_at + interval '2 days' where kind = 'group'`],
    ['a reply changed a moment ago', `updated_at = updated_at + interval '2 days' where kind = 'group_criticals'`],
  ])('leaves the group if %s', async (_, change) => {
    const group = await oneGroup();
    await end(ids);
    for (const id of ids) await pruning().prune(id, REST);
    expect(await pruning().prunableMessages(REST, 10)).toEqual([group]);
    await stored.rows.query(`update flag_promotions.messages set ${change}`);
    expect(await pruning().prunableMessages(REST, 10)).toEqual([]);
    await pruning().pruneMessage(group, REST);
    expect(await groupIds()).toEqual([group]);
  });

  test('takes a group, too, all of which ended before it was told', async () => {
    await stopClock(stored, NOW);
    const fresh = await insertPromotion(stored.rows, { flag_key: 'later' });
    await open('warning', [fresh], { notBefore: later(HOUR) });
    const waiting = (await groupIds()).at(-1) ?? '';
    await end([...ids, fresh]);
    await stored.rows.query(
      `update flag_promotions.messages set state = 'pending', shown = 0, wanted = 2 where id = $1`,
      [waiting],
    );
    await stopClock(stored, later(HOUR));
    expect(await messages().claim(waiting, MINE)).toMatchObject({ wanted: 2, shown: 0 });
    expect(await messages().close(waiting, MINE, 2)).toBe(true);
    await messages().release(waiting, MINE, null);
    expect((await pruning().prunable(REST, 10)).toSorted()).toEqual([...ids, fresh].toSorted());
    expect(await pruning().prune(fresh, REST)).toBe(true);
    expect(await pruning().prunableMessages(REST, 10)).toEqual([waiting]);
  });
});

test('a group’s delivery is fenced like every message’s', async () => {
  await open('warning');
  const group = await oneGroup();
  expect(await messages().claim(group, MINE)).toMatchObject({ kind: 'group', promotionId: null, root: null });
  expect(await messages().recordPosted(group, { ...MINE, owner: 'theirs' }, ROOT, SHOWN)).toBe('lost');
  expect(await messages().recordPosted(group, MINE, ROOT, { ...SHOWN, version: 1 })).toBe('done');
});
