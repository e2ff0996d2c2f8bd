import type { Severity } from '../../src/promotions/stuck.js';
import {
  breakAuditLog,
  CHANNEL,
  enrol,
  everything,
  insertPromotion,
  insertPromotions,
  mendAuditLog,
  NOW,
  openAlert,
  type Stored,
  startStored,
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

const MINE = { owner: 'mine', durationMs: 60_000 };
const THEIRS = { owner: 'theirs', durationMs: 60_000 };
const ROOT = { channel: CHANNEL, ts: '100.1' };
const summaries = () => stored.db.summaries;
const open = (severity: Severity, of = ids, db = stored.db, channel = CHANNEL, heldUntil: Date | null = null) =>
  db.summaries.openAlerts({ channel, heldUntil, alerts: of.map((promotionId) => ({ promotionId, severity })) }, NOW);
const rows = (kind = 'summary') =>
  stored.rows.query<{ id: string; state: string; called_through: string; calls: number; behind: number }>(
    `select id, state, called_through, calls, repaint_wanted - repaint_done as behind from flag_promotions.summaries where kind = $1 order by id`,
    [kind],
  );
const alertRows = () =>
  stored.rows.query<{ promotion_id: string; severity: string; state: string; thread_ts: string | null }>(
    `select promotion_id, severity, state, thread_ts from flag_promotions.alerts order by id`,
  );

/** Posts the one summary as the app does, and answers its id. */
async function post(at = NOW): Promise<string> {
  const [id = ''] = await summaries().due(at, 10);
  const work = await summaries().claim(id, MINE, at);
  const shown = { upTo: work?.summary.repaintWanted ?? 0, through: work?.facts.through ?? '0' };
  if (Number(work?.facts.openCriticals) > 0)
    await summaries().recordCall(id, MINE, work?.facts.criticalsThrough ?? '0', at);
  expect(await summaries().recordPosted(id, MINE, ROOT, shown, at)).toBe(true);
  await summaries().release(id, MINE, null);
  return id;
}

describe('opening alerts that are told in a summary', () => {
  test('is one transaction with their audit events: all or none', async () => {
    const before = await everything(stored.rows);
    await breakAuditLog(stored.rows);
    await expect(open('warning')).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
    expect(await rows()).toEqual([]);
    await mendAuditLog(stored.rows);
    await open('warning');
    for (const id of ids) {
      expect(await stored.db.audit.ofPromotion(id, 10)).toMatchObject([
        { action: 'console.flag.promotion.stuck_warning' },
      ]);
    }
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true, events: ids.length });
    expect(await rows()).toMatchObject([{ state: 'pending', behind: 1 }]);
  });

  test('by several replicas at once yields one alert each, in one summary', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    await Promise.all(Array.from({ length: 9 }, (_, n) => open('warning', ids, replicas[n % 3])));
    expect(await alertRows()).toHaveLength(ids.length);
    expect(await rows()).toHaveLength(1);
    expect(await stored.db.audit.verify()).toMatchObject({ events: ids.length });
  });

  test('leaves out what ended, or has been opened with a message of its own', async () => {
    const [ended = '', own = '', ...others] = ids;
    await stored.rows.query(`update console_flag_promotions set state = 'deployed' where id = $1`, [ended]);
    await openAlert(stored, own, 'warning');
    await open('warning');
    const { rows: members } = await summaries().members('1', { offset: 0, limit: 10 });
    expect(members.map(({ promotion }) => promotion.id)).toEqual(others);
  });

  test('says nothing about what an operator is resolving at that moment', async () => {
    const operator = await enrol(stored.db, 'U0SUPER001');
    const [first = ''] = ids;
    let during: unknown;
    await stored.db.promotions.resolve(submission(first, operator), NOW, {
      isRecoveryCode: false,
      check(authenticator) {
        during = open('warning', [first], stored.replica());
        return typed(operator.code()).check(authenticator);
      },
    });
    await during;
    expect(await alertRows()).toEqual([]);
  });

  test('beside each of them being opened by itself yields one alert each, and fails for nobody', async () => {
    const another = stored.replica();
    for (const round of [1, 2, 3, 4]) {
      const together = [open('warning'), ...ids.map((id) => another.alerts.open(id, 'warning', NOW))];
      await Promise.all(together);
      // What another was at stays for the next tick.
      await open('warning');
      expect([round, (await alertRows()).map(({ promotion_id: id }) => id).sort()]).toEqual([round, [...ids].sort()]);
      await stored.rows.query('delete from flag_promotions.alerts');
    }
  });

  test('joins the summary of the last hour; a later burst begins another', async () => {
    await open('warning', ids.slice(0, 2));
    await open('warning', ids.slice(2, 4));
    expect(await rows()).toHaveLength(1);
    await stored.rows.query(`update flag_promotions.summaries set created_at = now() - interval '61 minutes'`);
    await open('warning', ids.slice(4));
    expect(await rows()).toHaveLength(2);
    // What turns critical is told where its warning is, however long ago that was.
    await open('critical', ids);
    expect((await summaries().members('1', { offset: 0, limit: 10 })).total).toBe(4);
    expect((await summaries().members('2', { offset: 0, limit: 10 })).total).toBe(1);
    expect(await rows()).toHaveLength(2);
  });

  test('puts a critical in the place of a warning that nobody has seen', async () => {
    await open('warning');
    await open('critical', ids.slice(0, 1));
    expect((await alertRows()).slice(0, 1)).toMatchObject([{ severity: 'warning', state: 'closed' }]);
    expect((await summaries().claim('1', MINE, NOW))?.facts).toMatchObject({ open: 5, openCriticals: 1 });
  });

  test('counts towards no message of its own', async () => {
    await openAlert(stored, ids[0] ?? '', 'warning');
    await open('warning', ids.slice(1));
    const { ownMessages } = await stored.db.alerts.gather(NOW);
    expect(ownMessages).toEqual([{ herokuApp: 'raxx-console-prod', held: false, count: 1 }]);
  });
});

describe('where and when a summary is told', () => {
  const HELD_UNTIL = new Date(NOW.getTime() + 9 * 3_600_000);
  const held = (of = ids) => open('warning', of, stored.db, CHANNEL, HELD_UNTIL);

  test('each channel has its own', async () => {
    await open('warning', ids.slice(0, 2));
    await open('warning', ids.slice(2, 4), stored.db, 'C0PAY');
    await open('warning', ids.slice(4), stored.db, 'C0PAY');
    expect((await summaries().claim('1', MINE, NOW))?.summary).toMatchObject({ route: CHANNEL, channel: null });
    expect(await summaries().claim('2', MINE, NOW)).toMatchObject({ summary: { route: 'C0PAY' }, facts: { open: 3 } });
    // What turns critical is told where its warning is, though the routes were changed meanwhile.
    await open('critical', ids, stored.db, 'C0ELSEWHERE');
    expect(await rows()).toHaveLength(2);
  });

  test('is written down before it is sent, by whoever holds the lease, and forgotten with the message', async () => {
    await open('warning');
    await summaries().claim('1', MINE, NOW);
    const to = { channel: 'C0FALLBACK', refused: { channel: CHANNEL, because: 'is_archived' } };
    expect(await summaries().recordDestination('1', THEIRS, to)).toBe(false);
    expect(await summaries().recordDestination('1', MINE, to)).toBe(true);
    expect((await summaries().reread('1', MINE))?.summary).toMatchObject({
      channel: 'C0FALLBACK',
      refusedRoute: to.refused,
      message: null,
    });
    await summaries().forgetMessage('1', MINE);
    expect((await summaries().reread('1', MINE))?.summary).toMatchObject({ channel: null, refusedRoute: null });
  });

  test('in quiet hours waits for their end, and takes in what comes all night', async () => {
    await held(ids.slice(0, 3));
    await stored.rows.query(`update flag_promotions.summaries set created_at = now() - interval '3 hours'`);
    await held(ids.slice(3));
    expect(await rows()).toHaveLength(1);
    expect(await summaries().due(NOW, 10)).toEqual([]);
    expect(await summaries().claim('1', MINE, NOW)).toBeNull();
    expect(await summaries().due(HELD_UNTIL, 10)).toEqual(['1']);
    expect((await summaries().claim('1', MINE, HELD_UNTIL))?.facts).toMatchObject({ open: 5 });
  });

  test('a critical does not wait with its warning, and is no end of it', async () => {
    await held();
    await open('critical', ids.slice(0, 1));
    expect(await summaries().due(NOW, 10)).toEqual(['2']);
    expect((await summaries().claim('2', MINE, NOW))?.facts).toMatchObject({ open: 1, openCriticals: 1 });
    expect((await summaries().claim('1', MINE, HELD_UNTIL))?.facts).toMatchObject({ open: 4, endedOtherwise: 0 });
    expect(await stored.db.audit.ofPromotion(ids[1] ?? '', 1)).toMatchObject([
      { detail: { held_until: HELD_UNTIL.toISOString() } },
    ]);
  });

  test('what waits for a message of its own is counted apart, and until it is posted', async () => {
    const [waiting = '', gone = '', own = ''] = ids;
    await stored.db.alerts.open(waiting, 'warning', NOW, HELD_UNTIL);
    await stored.db.alerts.open(gone, 'warning', NOW, HELD_UNTIL);
    await stored.rows.query(`update flag_promotions.alerts set created_at = now() - interval '3 hours'`);
    await openAlert(stored, own, 'warning');
    // Nobody saw its warning.
    await stored.db.alerts.open(gone, 'critical', NOW);
    const { ownMessages } = await stored.db.alerts.gather(NOW);
    const sorted = [...ownMessages].sort((a, b) => a.count - b.count);
    expect(sorted).toEqual([
      { herokuApp: 'raxx-console-prod', held: true, count: 1 },
      { herokuApp: 'raxx-console-prod', held: false, count: 2 },
    ]);
  });
});

describe('who is on what a summary tells', () => {
  const asked = (promotionId: string, operatorId = 'U0SUPER001') => ({ promotionId, operatorId, at: NOW });
  const planned = async () => (await summaries().gather()).open[0];
  const facts = async () => (await summaries().claim('1', MINE, NOW))?.facts;
  const take = (id: string) => stored.db.attention.take({ ...asked(id), over: null });
  const until = new Date(NOW.getTime() + 3_600_000);
  const snooze = (id: string) => stored.db.attention.snooze({ ...asked(id), until });
  const ask = (id: string) => stored.db.attention.askOwner(id, 'U0SUPER001', NOW);
  beforeEach(async () => {
    await enrol(stored.db, 'U0SUPER001');
    await open('critical');
    await post();
  });

  test('is shown, and nobody is called about what somebody is on or has snoozed', async () => {
    const [first = '', second = ''] = ids;
    expect(await take(first)).toMatchObject({ kind: 'taken_now' });
    expect(await snooze(second)).toMatchObject({ kind: 'snoozed' });
    expect(await planned()).toMatchObject({ open: 5, openCriticals: 3, newCriticals: 0 });
    expect(await rows()).toMatchObject([{ behind: 2 }]);
    const shown = await facts();
    expect(shown).toMatchObject({ openCriticals: 5, unattended: 3, criticalApps: ['raxx-console-prod'] });
    expect(shown?.oldest.slice(0, 3).map(({ attention }) => attention)).toMatchObject([
      { ownership: { owner: 'U0SUPER001' }, snooze: null },
      { ownership: null, snooze: { until } },
      null,
    ]);
  });

  test.each([
    ['handed over', take, (id: string) => stored.db.attention.answer({ ...asked(id), answer: 'hand_over' })],
    [
      'lost',
      async (id: string) => {
        await take(id);
        await ask(id);
      },
      (id: string) => stored.db.attention.loseOwner(id, 'U0SUPER001', 'silent', NOW),
    ],
    ['no longer snoozed', snooze, (id: string) => stored.db.attention.endSnooze(id, until)],
  ])('a critical that is %s makes it call once more, and only once', async (_, keep, letGo) => {
    const [first = ''] = ids;
    await keep(first);
    expect(await planned()).toMatchObject({ openCriticals: 4, newCriticals: 0 });
    await letGo(first);
    expect(await planned()).toMatchObject({ openCriticals: 5, newCriticals: 5 });
    await summaries().call('1', 0, NOW);
    expect(await planned()).toMatchObject({ newCriticals: 0, callPending: true });
  });

  test('a snooze of a warning ends with the critical, and is noted', async () => {
    const later = [await insertPromotion(stored.rows, { flag_key: 'later' })];
    await open('warning', later);
    await snooze(later[0] ?? '');
    await open('critical', later);
    expect(await stored.db.attention.of(later[0] ?? '')).toMatchObject({ snooze: null, resumedAt: NOW });
    const events = await stored.db.audit.ofPromotion(later[0] ?? '', 10);
    expect(events.map(({ action }) => action.replace('console.flag.promotion.', '')).sort()).toEqual([
      'snooze_ended',
      'snoozed',
      'stuck_critical',
      'stuck_warning',
    ]);
    expect(await stored.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('goes with the end of each, of many at once too', async () => {
    for (const id of ids.slice(0, 3)) await take(id);
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await stored.db.alerts.close(...ids);
    expect((await stored.db.attention.all()).size).toBe(0);
  });
});

describe('pruning what a summary told', () => {
  /** So many that the list of debts no longer looks at the others. */
  async function insertAlertsBeyondTheList(): Promise<void> {
    await stored.rows.query(
      `with newer as (
         insert into console_flag_promotions (flag_key, heroku_app, config_var, state)
         select 'newer_' || n, 'raxx-web', 'FLAG_NEWER_' || n, 'deploying' from generate_series(1, 500) n returning id)
       insert into flag_promotions.alerts (promotion_id, severity) select id, 'warning' from newer`,
    );
  }
  /** Long after all that happens here, on the database's clock. */
  const LATER = new Date(Date.now() + 24 * 3_600_000);
  const pruning = () => stored.db.pruning;
  async function settle(): Promise<void> {
    await stored.rows.query(
      `update console_flag_promotions set state = 'deployed', rca_url = 'https://docs.example.com/rca' where state = 'deploying'`,
    );
    await stored.db.alerts.close(...ids);
    await summaries().end('1', NOW);
    await summaries().remind('1');
    await stored.rows.query(
      `update flag_promotions.summaries set repaint_done = repaint_wanted, state = case when kind = 'summary' then 'posted' else 'closed' end`,
    );
  }
  beforeEach(async () => {
    await open('critical');
    await post();
  });

  test('takes each when it rests, which the summary goes on counting, and the summary after the last', async () => {
    await stored.rows.query(
      `update console_flag_promotions set rca_url = 'https://docs.example.com/rca',
              state = case when id = $1 then 'failed' else 'deployed' end where id < $2`,
      [ids[0], ids[4]],
    );
    await stored.db.alerts.close(...ids);
    expect((await pruning().prunable(LATER, 10)).toSorted()).toEqual(ids.slice(0, 4).toSorted());
    for (const id of ids.slice(0, 3)) expect(await pruning().prune(id, LATER)).toBe(true);
    expect((await summaries().claim('1', MINE, NOW))?.facts).toMatchObject({ open: 1, completed: 3, failed: 1 });
    await settle();
    expect(await pruning().prunableSummaries(LATER, 10)).toEqual([]);
    for (const id of ids.slice(3)) expect(await pruning().prune(id, LATER)).toBe(true);
    expect((await stored.rows.query('select 1 from flag_promotions.alerts')).length).toBe(0);
    expect(await pruning().prunableSummaries(LATER, 10)).toEqual(['1']);
    await pruning().pruneSummary('1', LATER);
    expect(await stored.rows.query('select 1 from flag_promotions.summaries')).toEqual([]);
  });

  test('leaves what owes an RCA until the summary has reminded of it', async () => {
    await stored.rows.query(`update console_flag_promotions set state = 'failed'`);
    await stored.db.alerts.close(...ids);
    await insertAlertsBeyondTheList();
    expect(await pruning().prunable(LATER, 10)).toEqual([]);
    await summaries().end('1', NOW);
    await summaries().remind('1');
    expect(await pruning().prunable(LATER, 10)).toHaveLength(5);
  });

  test.each([
    ['a reply in its thread is to be said', `state = 'pending' where kind = 'ended'`],
    ['it is to be painted', `repaint_wanted = repaint_wanted + 1 where kind = 'summary'`],
    ['its RCAs are not reminded of', `rca_settled = false where kind = 'summary'`],
    ['it changed a moment ago', `updated_at = now() + interval '30 hours' where kind = 'summary'`],
  ])('leaves the summary where %s', async (_, change) => {
    await settle();
    for (const id of ids) await pruning().prune(id, LATER);
    expect(await pruning().prunableSummaries(LATER, 10)).toEqual(['1']);
    await stored.rows.query(`update flag_promotions.summaries set ${change}`);
    expect(await pruning().prunableSummaries(LATER, 10)).toEqual([]);
    await pruning().pruneSummary('1', LATER);
    expect(await rows()).toHaveLength(1);
  });

  test('a summary all of whose warnings gave way before it was told goes too', async () => {
    const until = new Date(NOW.getTime() + 3_600_000);
    const later = [await insertPromotion(stored.rows, { flag_key: 'later' })];
    await open('warning', later, stored.db, CHANNEL, until);
    await open('critical', later);
    const [, waiting] = await rows();
    const id = waiting?.id ?? '';
    await summaries().end(id, NOW);
    const work = await summaries().claim(id, MINE, until);
    expect(work?.facts).toMatchObject({ open: 0 });
    await summaries().withdraw(id, MINE);
    await summaries().remind(id);
    expect(await pruning().prunableSummaries(LATER, 10)).toEqual([id]);
  });
});

describe('delivering a summary', () => {
  test('nobody posts its alerts one by one: neither this version nor an earlier one, by its own rules', async () => {
    await open('warning');
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([]);
    expect(await stored.db.alerts.pendingOf(ids[0] ?? '')).toEqual([]);
    const earlier = await stored.rows.query(
      `select 1 from flag_promotions.alerts a where (a.state = 'pending' or a.repaint_wanted > a.repaint_done)
          and (a.lease_until is null or a.lease_until <= clock_timestamp())`,
    );
    expect(earlier).toEqual([]);
  });

  test('is one holder’s at a time, and a write without the lease writes nothing', async () => {
    await open('warning');
    expect(await summaries().claim('1', MINE, NOW)).toMatchObject({ attemptsBefore: 0, root: null });
    expect(await summaries().claim('1', THEIRS, NOW)).toBeNull();
    expect(await summaries().recordPosted('1', THEIRS, ROOT, null, NOW)).toBe(false);
    expect(await summaries().recordPainted('1', THEIRS, { upTo: 1, through: '5' }, NOW)).toBe(false);
    expect((await alertRows()).every(({ state }) => state === 'pending')).toBe(true);
  });

  test('posts the alerts that it shows, and those alone', async () => {
    await open('warning', ids.slice(0, 3));
    const work = await summaries().claim('1', MINE, NOW);
    await open('warning', ids.slice(3));
    await summaries().recordPosted('1', MINE, ROOT, { upTo: 1, through: work?.facts.through ?? '' }, NOW);
    await summaries().release('1', MINE, null);
    expect((await alertRows()).map(({ state, thread_ts }) => [state, thread_ts])).toEqual([
      ...Array.from({ length: 3 }, () => ['posted', ROOT.ts]),
      ...Array.from({ length: 2 }, () => ['pending', null]),
    ]);
    expect(await summaries().due(NOW, 10)).toEqual(['1']);
    const again = await summaries().claim('1', MINE, NOW);
    await summaries().recordPainted('1', MINE, { upTo: again?.summary.repaintWanted ?? 0, through: '5' }, NOW);
    expect((await alertRows()).every(({ state }) => state === 'posted')).toBe(true);
  });

  test('what was found shows nobody knows what: it is painted before its alerts count as told', async () => {
    await open('warning');
    await summaries().claim('1', MINE, NOW);
    await summaries().recordPosted('1', MINE, ROOT, null, NOW);
    expect((await alertRows()).every(({ state }) => state === 'pending')).toBe(true);
    expect(await summaries().reread('1', MINE)).toMatchObject({ summary: { state: 'posted', message: ROOT } });
  });

  test('a message that somebody deleted is posted anew, and its alerts move with it', async () => {
    await open('warning');
    await post();
    await stored.rows.query('update flag_promotions.summaries set repaint_wanted = repaint_wanted + 1');
    await summaries().claim('1', MINE, NOW);
    await summaries().forgetMessage('1', MINE);
    await summaries().release('1', MINE, null);
    const work = await summaries().claim('1', MINE, NOW);
    expect(work).toMatchObject({ attemptsBefore: 0, summary: { state: 'pending', message: null } });
    const elsewhere = { channel: CHANNEL, ts: '200.1' };
    await summaries().recordPosted('1', MINE, elsewhere, { upTo: 9, through: work?.facts.through ?? '' }, NOW);
    expect((await alertRows()).every(({ thread_ts }) => thread_ts === elsewhere.ts)).toBe(true);
  });
});

describe('what follows a summary', () => {
  test('the end of each is shown, of all once: by a painting and one reply', async () => {
    await open('warning');
    const id = await post();
    await stored.rows.query(
      `update console_flag_promotions set state = case when id % 2 = 0 then 'failed' else 'deployed' end`,
    );
    await stored.db.alerts.close(...ids.slice(0, 4));
    expect(await rows()).toMatchObject([{ behind: 1 }]);
    await summaries().end(id, NOW);
    expect(await rows('ended')).toEqual([]);
    await stored.db.alerts.close(...ids.slice(4));
    await Promise.all([stored.db, stored.replica(), stored.replica()].map((db) => db.summaries.end(id, NOW)));
    expect(await rows('ended')).toHaveLength(1);
    const { facts } = (await summaries().claim(id, MINE, NOW)) ?? {};
    expect(facts).toMatchObject({ open: 0, completed: 3, failed: 2, endedOtherwise: 0, oldest: [] });
    expect(await stored.db.replies.due(NOW, 10)).toEqual([]);
    expect(await stored.db.rcaDebts.unsettled(10)).toEqual([]);
    // What ends later has another summary to be told in.
    const other = await insertPromotion(stored.rows, { flag_key: 'later' });
    await open('warning', [other]);
    expect(await rows()).toHaveLength(2);
  });

  test('what a person resolves is said in its thread', async () => {
    const operator = await enrol(stored.db, 'U0SUPER001');
    const [first = ''] = ids;
    await open('warning');
    await post();
    await stored.db.promotions.resolve(submission(first, operator), NOW, typed(operator.code()));
    const [reply = ''] = await stored.db.replies.due(NOW, 10);
    expect(await stored.db.replies.claim(reply, MINE, NOW)).toMatchObject({
      reply: { kind: 'resolved', promotionId: first },
      alerts: [{ summaryId: '1', channel: CHANNEL, threadTs: ROOT.ts, messageTs: null }],
    });
    expect(await summaries().pendingOf(first)).toEqual(['1']);
  });

  test('criticals are called about once, however many replicas decide it', async () => {
    await open('warning');
    const id = await post();
    await open('critical', ids.slice(0, 3));
    expect((await summaries().gather()).open).toMatchObject([
      { open: 5, openCriticals: 3, newCriticals: 3, calledAt: null, calls: 0, callPending: false },
    ]);
    await Promise.all([stored.db, stored.replica(), stored.replica()].map((db) => db.summaries.call(id, 0, NOW)));
    expect(await rows('call')).toHaveLength(1);
    expect((await summaries().gather()).open).toMatchObject([
      { newCriticals: 0, calls: 1, callPending: true, calledAt: NOW },
    ]);
    await open('critical');
    expect((await summaries().gather()).open).toMatchObject([{ openCriticals: 5, newCriticals: 2 }]);
  });

  test('a summary that calls from the start needs no call for those it called about', async () => {
    await open('critical');
    await post();
    expect((await summaries().gather()).open).toMatchObject([{ openCriticals: 5, newCriticals: 0, calledAt: NOW }]);
  });

  test('a reply waits until the summary is there', async () => {
    await open('critical');
    const id = await post();
    await summaries().call(id, 0, NOW);
    const [call] = await rows('call');
    expect(await summaries().due(NOW, 10)).toEqual([call?.id]);
    await stored.rows.query(`update flag_promotions.summaries set state = 'pending' where id = $1`, [id]);
    expect(await summaries().due(NOW, 10)).toEqual([id]);
    expect(await summaries().claim(call?.id ?? '', MINE, NOW)).toBeNull();
  });

  test('missing RCAs are reminded of once for all, and owed by each', async () => {
    await open('critical');
    const id = await post();
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await stored.db.alerts.close(...ids);
    await summaries().remind(id);
    expect(await rows('rca_reminder')).toEqual([]);
    await summaries().end(id, NOW);
    await Promise.all([stored.db, stored.replica()].map((db) => db.summaries.remind(id)));
    const [reminder] = await rows('rca_reminder');
    expect((await summaries().claim(reminder?.id ?? '', MINE, NOW))?.facts).toMatchObject({ owingRca: 5 });
    expect(await stored.db.rcaDebts.owed(10)).toMatchObject({ total: 5 });
    expect(await summaries().gather()).toEqual({ open: [], ended: [] });
  });
});

test('the thread of a summary is no single promotion’s', async () => {
  await open('warning');
  await post();
  expect(await stored.db.alerts.promotionOfThread(ROOT)).toBeNull();
});

describe('turns at a channel', () => {
  test('are one replica’s at a time, and the next begins after the pause', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const waits = await Promise.all(replicas.map((db, n) => db.turns.take(CHANNEL, `replica-${n}`, 60_000)));
    const holder = waits.indexOf(0);
    expect(waits.filter((wait) => wait === 0)).toHaveLength(1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
    expect(await stored.db.turns.take('C0OTHER', 'anybody', 60_000)).toBe(0);
    await stored.db.turns.giveBack(CHANNEL, 'somebody else', 0);
    expect(await stored.db.turns.take(CHANNEL, 'next', 60_000)).toBeGreaterThan(1_000);
    await stored.db.turns.giveBack(CHANNEL, `replica-${holder}`, 0);
    expect(await stored.db.turns.take(CHANNEL, 'next', 60_000)).toBe(0);
  });

  test('are not lost for hours where the database’s clock was set back', async () => {
    await stored.rows.query(
      `insert into flag_promotions.channel_slots values ($1, 'gone', now() + interval '2 hours')`,
      [CHANNEL],
    );
    expect(await stored.db.turns.take(CHANNEL, 'next', 1_000)).toBe(0);
  });
});
