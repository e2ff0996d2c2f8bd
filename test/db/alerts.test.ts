import { setTimeout as sleep } from 'node:timers/promises';
import { type MessageRef, rootOf } from '../../src/promotions/alert.js';
import { nextAlertStep } from '../../src/promotions/delivery.js';
import { eventually } from '../support/eventually.js';
import { waiting, whileHolding } from '../support/locks.js';
import {
  breakAuditLog,
  CHANNEL,
  deliverAlert,
  enrol,
  everything,
  insertPromotion,
  insertPromotions,
  NOW,
  openAlert,
  postAlert,
  type Stored,
  startStored,
  submission,
  typed,
  writersOf,
} from '../support/rows.js';

let stored: Stored;
let id: string;
beforeEach(async () => {
  stored = await startStored();
  id = await insertPromotion(stored.rows);
});
afterEach(() => stored.close());

const MINE = { owner: 'mine', durationMs: 60_000 };
const THEIRS = { owner: 'theirs', durationMs: 60_000 };
const SHORT = { owner: 'mine', durationMs: 30 };
const ROOT = { channel: CHANNEL, ts: '100.1' };
const posted = (message: MessageRef, threadTs: string | null) => ({ message, threadTs, at: NOW, evidenceDueAt: null });
const DAY_MS = 86_400_000;
const later = (ms: number) => new Date(NOW.getTime() + ms);

const alertsNow = () =>
  stored.rows.query<{ severity: string; state: string; wanted: number; done: number }>(
    `select severity, state, repaint_wanted as wanted, repaint_done as done from flag_promotions.alerts order by id`,
  );
const repliesNow = () => stored.rows.query(`select kind, state from flag_promotions.replies order by id`);
const end = (state = 'deployed') =>
  stored.rows.query(`update console_flag_promotions set state = '${state}' where id = $1`, [id]);
const beginAgain = () =>
  stored.rows.query(`update console_flag_promotions set state = 'deploying' where id = $1`, [id]);

/** Sees to it that a lease is over on the database's clock, whichever clock this process has. */
async function leaseIsOver(alertId: string): Promise<void> {
  await eventually(async () => {
    const over = await stored.rows.query(
      `select 1 from flag_promotions.alerts where id = $1 and lease_until <= clock_timestamp()`,
      [alertId],
    );
    expect(over).toHaveLength(1);
  });
}

async function secondsLeft(alertId: string): Promise<number> {
  const [row] = await stored.rows.query<{ left: number }>(
    `select extract(epoch from lease_until - clock_timestamp())::float as left from flag_promotions.alerts where id = $1`,
    [alertId],
  );
  return row?.left ?? Number.NaN;
}

describe('opening an alert', () => {
  test('writes the row and its audit event in one transaction, once', async () => {
    expect(await stored.db.alerts.open(id, 'warning', NOW)).toBe(true);
    expect(await stored.db.alerts.open(id, 'warning', NOW)).toBe(false);
    expect(await alertsNow()).toEqual([{ severity: 'warning', state: 'pending', wanted: 0, done: 0 }]);
    expect(await stored.db.audit.ofPromotion(id, 10)).toEqual([
      {
        id: '1',
        at: NOW,
        action: 'console.flag.promotion.stuck_warning',
        actor: 'watchdog',
        promotionId: id,
        detail: {},
      },
    ]);
    const writers = await writersOf(stored.rows, [
      'flag_promotions.alerts',
      'flag_promotions.audit_log',
      'flag_promotions.audit_head',
    ]);
    expect(writers.size).toBe(1);
  });

  test('leaves nothing behind where its audit event cannot be written', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await breakAuditLog(stored.rows);
    const before = await everything(stored.rows);
    await expect(stored.db.alerts.open(id, 'critical', NOW)).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
  });

  test.each(['marked', 'deployed', 'failed', 'cancelled'])('is refused on a promotion that is %s', async (state) => {
    await end(state);
    const before = await everything(stored.rows);
    expect(await stored.db.alerts.open(id, 'critical', NOW)).toBe(false);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('is refused on a promotion that is not there', async () => {
    expect(await stored.db.alerts.open('4711', 'critical', NOW)).toBe(false);
    expect(await stored.rows.query('select 1 from flag_promotions.audit_log')).toEqual([]);
  });

  test('by twelve ticks over three replicas at once yields one row and one event', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const opened = await Promise.all(
      Array.from({ length: 12 }, (_, n) => (replicas[n % 3] ?? stored.db).alerts.open(id, 'critical', NOW)),
    );
    expect(opened.filter(Boolean)).toHaveLength(1);
    expect(await alertsNow()).toHaveLength(1);
    expect(await stored.db.audit.ofPromotion(id, 10)).toHaveLength(1);
  });

  test('waits for a resolution under way, and is then refused', async () => {
    let opened: Promise<boolean> = Promise.resolve(true);
    await whileHolding(stored, `update console_flag_promotions set state = 'deployed' where id = ${id}`, async () => {
      opened = stored.db.alerts.open(id, 'warning', NOW);
      await waiting(stored, 1);
    });
    expect(await opened).toBe(false);
    expect(await alertsNow()).toEqual([]);
  });

  test('racing a resolution never leaves an alert open on what was resolved', async () => {
    const replica = stored.replica();
    const ids = await insertPromotions(stored.rows, 15);
    const people = await Promise.all(ids.map((_, n) => enrol(stored.db, `U0PERSON${n}`)));
    const opened = await Promise.all(
      ids.map(async (promotionId, n) => {
        const person = people[n] ?? (await enrol(stored.db, 'U0MORE'));
        const resolving = stored.db.promotions.resolve(submission(promotionId, person), NOW, typed(person.code()));
        const [outcome, wasOpened] = await Promise.all([resolving, replica.alerts.open(promotionId, 'warning', NOW)]);
        expect(outcome.kind).toBe('resolved');
        return wasOpened;
      }),
    );
    const states = (await alertsNow()).map(({ state }) => state);
    expect(states).toEqual(opened.filter(Boolean).map(() => 'closed'));
  });

  test('a critical closes a warning that nobody has seen, and no other', async () => {
    await openAlert(stored, id, 'warning');
    await openAlert(stored, id, 'critical');
    expect((await alertsNow()).map(({ state }) => state)).toEqual(['closed', 'pending']);

    const begun = await insertPromotion(stored.rows, { flag_key: 'begun' });
    await stored.db.alerts.claim(await openAlert(stored, begun, 'warning'), MINE, NOW);
    await openAlert(stored, begun, 'critical');
    const posted = await insertPromotion(stored.rows, { flag_key: 'posted' });
    await postAlert(stored, posted, 'warning', ROOT);
    await openAlert(stored, posted, 'critical');
    expect((await stored.db.alerts.ofPromotion(begun)).map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect((await stored.db.alerts.ofPromotion(posted)).map(({ state }) => state)).toEqual(['posted', 'pending']);
  });
});

describe('a promotion that was set back to deploying by hand', () => {
  async function firstLife(): Promise<void> {
    await postAlert(stored, id, 'critical', ROOT);
    await stored.db.replies.queueRepeat(id, 1);
    await end();
    await stored.db.alerts.close(id);
  }
  async function deliverReplies(): Promise<void> {
    for (const replyId of await stored.db.replies.pendingOf(id)) {
      await stored.db.replies.claim(replyId, MINE, NOW);
      await stored.db.replies.recordPosted(replyId, MINE, ROOT, NOW);
    }
  }

  test('alerts anew, with rows and replies of its own', async () => {
    await firstLife();
    await deliverReplies();
    await beginAgain();
    expect(await stored.db.alerts.open(id, 'critical', NOW)).toBe(true);
    expect(await alertsNow()).toEqual([{ severity: 'critical', state: 'pending', wanted: 0, done: 0 }]);
    expect(await repliesNow()).toEqual([]);
    const [stuck] = (await stored.db.alerts.gather(NOW)).stuck;
    expect(stuck).toMatchObject({ lastRepeat: 0, repeatPending: false, alerts: [{ state: 'pending' }] });

    const [alert] = await stored.db.alerts.ofPromotion(id);
    await deliverAlert(stored.db, alert?.id ?? '', { channel: CHANNEL, ts: '200.1' });
    await end();
    await stored.db.alerts.close(id);
    expect(await repliesNow()).toEqual([{ kind: 'resolved', state: 'pending' }]);
  });

  test('has the end of its second life told in the thread, also where Slack was down at the end of its first', async () => {
    await firstLife();
    await beginAgain();
    const alert = await openAlert(stored, id, 'critical');
    await deliverAlert(stored.db, alert, { channel: CHANNEL, ts: '200.1' });
    // Slack answers again: what was to be said of the first life is no longer true, and is withdrawn.
    for (const replyId of await stored.db.replies.pendingOf(id)) {
      await stored.db.replies.claim(replyId, MINE, NOW);
      await stored.db.replies.withdraw(replyId, MINE);
    }
    await end();
    await stored.db.alerts.close(id);
    expect(await repliesNow()).toContainEqual({ kind: 'resolved', state: 'pending' });
  });
});

describe('the lease on an alert', () => {
  let alert: string;
  beforeEach(async () => {
    alert = await openAlert(stored, id, 'warning');
  });

  test('is one process’s, however many ask at once', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const claims = await Promise.all(
      Array.from({ length: 15 }, (_, n) =>
        (replicas[n % 3] ?? stored.db).alerts.claim(alert, { ...MINE, owner: `owner-${n}` }, NOW),
      ),
    );
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
    expect(await stored.db.alerts.due(later(86_400_000), 10)).toEqual([]);
    const [row] = await stored.db.alerts.ofPromotion(id);
    expect(row?.attempts).toBe(1);
  });

  test('runs out on the database’s clock, not on the app’s', async () => {
    await stored.db.alerts.claim(alert, MINE, NOW);
    expect(await secondsLeft(alert)).toBeCloseTo(60, -1);
    for (const now of [later(-86_400_000), NOW, later(10 * 365 * 86_400_000)]) {
      expect(await stored.db.alerts.claim(alert, THEIRS, now)).toBeNull();
      expect(await stored.db.alerts.due(now, 10)).toEqual([]);
    }
    await stored.rows.query('update flag_promotions.alerts set lease_until = clock_timestamp()');
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([alert]);
    expect(await stored.db.alerts.claim(alert, THEIRS, NOW)).toMatchObject({ attemptsBefore: 1 });
  });

  test('is renewed by looking again', async () => {
    await stored.db.alerts.claim(alert, { ...MINE, durationMs: 2_000 }, NOW);
    expect(await secondsLeft(alert)).toBeLessThanOrEqual(2);
    expect(await stored.db.alerts.reread(alert, MINE)).not.toBeNull();
    expect(await secondsLeft(alert)).toBeCloseTo(60, -1);
  });

  const writes: readonly (readonly [string, (lease: typeof MINE) => Promise<unknown>, lost: unknown])[] = [
    ['recordPosted', (lease) => stored.db.alerts.recordPosted(alert, lease, posted(ROOT, '99.9')), false],
    ['recordPainted', (lease) => stored.db.alerts.recordPainted(alert, lease, { upTo: 7, evidenceDueAt: null }), false],
    ['withdraw', (lease) => stored.db.alerts.withdraw(alert, lease), false],
    ['forgetMessage', (lease) => stored.db.alerts.forgetMessage(alert, lease), false],
    ['reread', (lease) => stored.db.alerts.reread(alert, lease), null],
    [
      'release',
      (lease) => stored.db.alerts.release(alert, lease, { nextAttemptAt: later(9), lastError: 'late' }),
      undefined,
    ],
  ];

  test.each(writes)('%s by a holder who lost it to another writes nothing', async (_name, write, lost) => {
    await stored.db.alerts.claim(alert, SHORT, NOW);
    await leaseIsOver(alert);
    await stored.db.alerts.claim(alert, THEIRS, NOW);
    const before = await everything(stored.rows);
    expect(await write(SHORT)).toBe(lost);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test.each(writes)('%s by a holder whose successor is done writes nothing', async (_name, write, lost) => {
    await stored.db.alerts.claim(alert, SHORT, NOW);
    await leaseIsOver(alert);
    await deliverAlert(stored.db, alert, ROOT);
    const before = await everything(stored.rows);
    expect(await write(SHORT)).toBe(lost);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test.each(writes)('%s by somebody who never held it writes nothing', async (_name, write, lost) => {
    const before = await everything(stored.rows);
    expect(await write(MINE)).toBe(lost);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('a lost lease does not have the root repainted for a reply that was not recorded', async () => {
    await deliverAlert(stored.db, alert, ROOT);
    const critical = await openAlert(stored, id, 'critical');
    await stored.db.alerts.claim(critical, SHORT, NOW);
    await leaseIsOver(critical);
    await stored.db.alerts.claim(critical, THEIRS, NOW);
    expect(await stored.db.alerts.recordPosted(critical, SHORT, posted({ channel: CHANNEL, ts: '1' }, ROOT.ts))).toBe(
      false,
    );
    expect((await alertsNow())[0]).toMatchObject({ wanted: 0 });
    expect(await stored.db.alerts.recordPosted(critical, THEIRS, posted({ channel: CHANNEL, ts: '2' }, ROOT.ts))).toBe(
      true,
    );
    expect((await alertsNow())[0]).toMatchObject({ wanted: 1 });
  });

  test('cannot be taken where nothing is to be done, or on what is not there', async () => {
    await deliverAlert(stored.db, alert, ROOT);
    expect(await stored.db.alerts.claim(alert, MINE, NOW)).toBeNull();
    expect(await stored.db.alerts.claim('4711', MINE, NOW)).toBeNull();
    expect(await stored.db.alerts.reread('4711', MINE)).toBeNull();
  });
});

describe('deliveries', () => {
  test('count every attempt until one succeeds', async () => {
    const alert = await openAlert(stored, id, 'warning');
    for (const attemptsBefore of [0, 1, 2]) {
      expect(await stored.db.alerts.claim(alert, MINE, NOW)).toMatchObject({
        attemptsBefore,
        alert: { id: alert, attempts: attemptsBefore + 1 },
        promotion: { id },
        alerts: [{ id: alert }],
      });
      await stored.db.alerts.release(alert, MINE, { nextAttemptAt: NOW, lastError: 'Slack said no' });
    }
    const failed = await stored.rows.query('select attempts, last_error, lease_owner from flag_promotions.alerts');
    expect(failed).toEqual([{ attempts: 3, last_error: 'Slack said no', lease_owner: null }]);

    await deliverAlert(stored.db, alert, ROOT);
    expect(
      await stored.rows.query(
        'select state, attempts, last_error, next_attempt_at, channel, message_ts, posted_at from flag_promotions.alerts',
      ),
    ).toEqual([
      {
        state: 'posted',
        attempts: 0,
        last_error: null,
        next_attempt_at: null,
        channel: ROOT.channel,
        message_ts: ROOT.ts,
        posted_at: NOW,
      },
    ]);
  });

  test('are due the oldest first, so many at a time, and not before their time', async () => {
    const ids = await insertPromotions(stored.rows, 4);
    const alerts: string[] = [];
    for (const promotionId of ids) alerts.push(await openAlert(stored, promotionId, 'warning'));
    const [first, second, third, fourth] = alerts;
    expect(await stored.db.alerts.due(NOW, 3)).toEqual([first, second, third]);

    await stored.db.alerts.claim(first ?? '', MINE, NOW);
    await stored.db.alerts.release(first ?? '', MINE, { nextAttemptAt: later(5_000), lastError: 'x' });
    await deliverAlert(stored.db, second ?? '', ROOT);
    expect(await stored.db.alerts.due(later(4_999), 10)).toEqual([third, fourth]);
    expect(await stored.db.alerts.due(later(5_000), 10)).toEqual([first, third, fourth]);
    expect(await stored.db.alerts.claim(first ?? '', MINE, later(4_999))).toBeNull();
    expect(await stored.db.alerts.claim(first ?? '', MINE, later(5_000))).not.toBeNull();
  });

  test('a repaint can be taken up before its time, as a click does, but is not due to the tick', async () => {
    const alert = await postAlert(stored, id, 'warning', ROOT);
    await end();
    await stored.db.alerts.close(id);
    await stored.db.alerts.claim(alert, MINE, NOW);
    await stored.db.alerts.release(alert, MINE, { nextAttemptAt: later(60_000), lastError: 'x' });
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([]);
    expect(await stored.db.alerts.pendingOf(id)).toEqual([alert]);
    expect(await stored.db.alerts.claim(alert, MINE, NOW)).not.toBeNull();
  });
});

describe('repainting', () => {
  const link = async (n: number) => {
    const url = `https://wiki.example/${n}`;
    await stored.db.promotions.linkRca({ promotionId: id, url, operatorId: 'U0KRIS', at: NOW });
  };
  beforeEach(async () => {
    await enrol(stored.db, 'U0KRIS');
  });

  test('asked for while a painting is under way is not lost', async () => {
    const alert = await postAlert(stored, id, 'warning', ROOT);
    await link(1);
    const claimed = await stored.db.alerts.claim(alert, MINE, NOW);
    expect(claimed?.alert).toMatchObject({ repaintWanted: 1, repaintDone: 0 });
    await link(2);
    expect(
      await stored.db.alerts.recordPainted(alert, MINE, {
        upTo: claimed?.alert.repaintWanted ?? 0,
        evidenceDueAt: null,
      }),
    ).toBe(true);
    await stored.db.alerts.release(alert, MINE, null);
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([alert]);
    const again = await stored.db.alerts.claim(alert, MINE, NOW);
    expect(again?.alert).toMatchObject({ repaintWanted: 2, repaintDone: 1, attempts: 1 });
    expect(again?.promotion.rcaUrl).toBe('https://wiki.example/2');
    await stored.db.alerts.recordPainted(alert, MINE, { upTo: 2, evidenceDueAt: null });
    await stored.db.alerts.release(alert, MINE, null);
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([]);
    expect(await stored.db.alerts.pendingOf(id)).toEqual([]);
  });

  test('does not wait for what Heroku owes, and what Heroku owes waits for its time', async () => {
    const alert = await openAlert(stored, id, 'warning');
    await stored.db.alerts.claim(alert, MINE, NOW);
    await stored.db.alerts.recordPosted(alert, MINE, { ...posted(ROOT, null), evidenceDueAt: later(300_000) });
    await stored.db.alerts.release(alert, MINE, null);
    expect(await stored.db.alerts.due(later(299_999), 10)).toEqual([]);
    expect(await stored.db.alerts.claim(alert, MINE, later(299_999))).toBeNull();
    expect(await stored.db.alerts.due(later(300_000), 10)).toEqual([alert]);

    await link(1);
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([alert]);
    const claimed = await stored.db.alerts.claim(alert, MINE, NOW);
    expect(claimed?.alert).toMatchObject({ repaintWanted: 1, repaintDone: 0, evidenceDueAt: later(300_000) });
    await stored.db.alerts.recordPainted(alert, MINE, { upTo: 1, evidenceDueAt: null });
    await stored.db.alerts.release(alert, MINE, null);
    expect(await stored.db.alerts.due(later(DAY_MS), 10)).toEqual([]);
  });

  test('asked for by ten at once is counted ten times', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await Promise.all(Array.from({ length: 10 }, (_, n) => link(n)));
    expect(await alertsNow()).toMatchObject([{ wanted: 10, done: 0 }]);
  });

  test('is not asked for of what was never posted, nor of a reply', async () => {
    await openAlert(stored, id, 'warning');
    await link(1);
    expect(await alertsNow()).toMatchObject([{ wanted: 0 }]);
    const other = await insertPromotion(stored.rows, { flag_key: 'other' });
    await postAlert(stored, other, 'warning', { channel: CHANNEL, ts: '5.1' });
    await postAlert(stored, other, 'critical', { channel: CHANNEL, ts: '5.2' }, '5.1');
    await stored.rows.query('update flag_promotions.alerts set repaint_done = repaint_wanted');
    const url = 'https://wiki.example/other';
    await stored.db.promotions.linkRca({ promotionId: other, url, operatorId: 'U0KRIS', at: NOW });
    const behind = (await stored.db.alerts.ofPromotion(other)).map((a) => a.repaintWanted - a.repaintDone);
    expect(behind).toEqual([1, 0]);
  });
});

describe('closing the alerts of a promotion that ended', () => {
  test('closes what nobody has seen without a word', async () => {
    await openAlert(stored, id, 'warning');
    await end();
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toEqual([{ severity: 'warning', state: 'closed', wanted: 0, done: 0 }]);
    expect(await repliesNow()).toEqual([]);
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([]);
  });

  test('keeps one whose delivery was begun, because Slack may hold its message', async () => {
    const alert = await openAlert(stored, id, 'warning');
    await stored.db.alerts.claim(alert, MINE, NOW);
    await end();
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toMatchObject([{ state: 'pending' }]);
    expect(await repliesNow()).toEqual([]);
    expect((await stored.db.alerts.gather(NOW)).endedPromotionIds).toEqual([]);

    // It was posted after all: the next tick finds it, paints it and says in its thread how it ended.
    await stored.db.alerts.recordPosted(alert, MINE, posted(ROOT, null));
    await stored.db.alerts.release(alert, MINE, null);
    expect((await stored.db.alerts.gather(NOW)).endedPromotionIds).toEqual([id]);
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toEqual([{ severity: 'warning', state: 'closed', wanted: 1, done: 0 }]);
    expect(await repliesNow()).toEqual([{ kind: 'resolved', state: 'pending' }]);
    expect((await stored.db.alerts.gather(NOW)).endedPromotionIds).toEqual([]);
  });

  test('repaints the root, not the reply under it, and answers once, however often it is called', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' }, ROOT.ts);
    await stored.rows.query('update flag_promotions.alerts set repaint_done = repaint_wanted');
    await end('failed');
    const replica = stored.replica();
    await Promise.all(Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? stored.db : replica).alerts.close(id)));
    const rows = await alertsNow();
    expect(rows.map(({ severity, state }) => ({ severity, state }))).toEqual([
      { severity: 'warning', state: 'closed' },
      { severity: 'critical', state: 'closed' },
    ]);
    expect(rows.map(({ wanted, done }) => wanted - done)).toEqual([1, 0]);
    expect(await repliesNow()).toEqual([{ kind: 'resolved', state: 'pending' }]);
  });

  test('does nothing to a promotion that somebody set back to deploying in the meantime', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await end();
    expect((await stored.db.alerts.gather(NOW)).endedPromotionIds).toEqual([id]);
    await beginAgain();
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toEqual([{ severity: 'warning', state: 'posted', wanted: 0, done: 0 }]);
    expect(await repliesNow()).toEqual([]);
  });

  test('and linking its RCA at the same time do not lock each other out', async () => {
    await enrol(stored.db, 'U0KRIS');
    await postAlert(stored, id, 'warning', ROOT);
    await end();
    const url = 'https://wiki.example/rca';
    let both: Promise<readonly PromiseSettledResult<unknown>[]> = Promise.resolve([]);
    await whileHolding(stored, 'select * from flag_promotions.audit_head for update', async () => {
      const linking = stored.db.promotions.linkRca({ promotionId: id, url, operatorId: 'U0KRIS', at: NOW });
      await waiting(stored, 1);
      const closing = stored.replica().alerts.closeOf(id);
      both = Promise.allSettled([linking, closing]);
      // Whether the second gets to wait or gets through is its own affair.
      await sleep(200);
    });
    expect((await both).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await alertsNow()).toMatchObject([{ state: 'closed' }]);
  });

  test('leaves one that somebody has locked to a later call, and closes the others', async () => {
    const [first = '', second = '', third = ''] = await insertPromotions(stored.rows, 3);
    for (const promotionId of [first, second, third]) await openAlert(stored, promotionId, 'warning');
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    // As a session that somebody forgot does.
    const byHand = `update console_flag_promotions set resolution_note = 'by hand' where id = ${first}`;
    await whileHolding(stored, byHand, async () => {
      await stored.db.alerts.close(first, second, third);
      expect((await alertsNow()).map(({ state }) => state)).toEqual(['pending', 'closed', 'closed']);
      expect((await stored.db.alerts.gather(NOW)).endedPromotionIds).toEqual([first]);
    });
    await stored.db.alerts.close(first);
    expect((await alertsNow()).map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
  });

  test('waits for one that somebody looks at', async () => {
    await openAlert(stored, id, 'warning');
    await end();
    let closing: Promise<void> = Promise.resolve();
    await whileHolding(stored, `update console_flag_promotions set resolution_note = 'by hand'`, async () => {
      closing = stored.db.alerts.closeOf(id);
      await waiting(stored, 1);
    });
    await closing;
    expect(await alertsNow()).toMatchObject([{ state: 'closed' }]);
  });

  test('another system’s end of a promotion is noticed, whichever word it wrote', async () => {
    const [first, second, third] = await insertPromotions(stored.rows, 3);
    for (const promotionId of [first, second, third]) await openAlert(stored, promotionId ?? '', 'warning');
    await stored.rows.query(`update console_flag_promotions set state = 'cancelled' where id = $1`, [first]);
    await stored.rows.query('alter table console_flag_promotions drop constraint console_flag_promotions_state');
    await stored.rows.query(`update console_flag_promotions set state = 'rolled_back' where id = $1`, [third]);
    const { endedPromotionIds } = await stored.db.alerts.gather(NOW);
    expect([...endedPromotionIds].sort()).toEqual([first, third]);
  });
});

describe('a message that was deleted in Slack', () => {
  test('is forgotten: the alert is due again and is posted, not searched for', async () => {
    const alert = await postAlert(stored, id, 'warning', ROOT);
    await stored.rows.query('update flag_promotions.alerts set repaint_wanted = 3');
    await stored.db.alerts.claim(alert, MINE, NOW);
    expect(await stored.db.alerts.forgetMessage(alert, MINE)).toBe(true);
    await stored.db.alerts.release(alert, MINE, null);
    expect(await stored.db.alerts.promotionOfThread(ROOT)).toBeNull();
    expect(await stored.db.alerts.due(NOW, 10)).toEqual([alert]);
    const claimed = await stored.db.alerts.claim(alert, MINE, NOW);
    expect(claimed).toMatchObject({
      attemptsBefore: 0,
      alert: { state: 'pending', channel: null, messageTs: null, postedAt: null, repaintWanted: 3, repaintDone: 3 },
    });
    if (claimed !== null) expect(nextAlertStep(claimed, 0, NOW)).toEqual({ kind: 'post', thread: null });
  });

  test('does not leave a critical, which stood in its thread, without any message in the channel', async () => {
    const warning = await postAlert(stored, id, 'warning', ROOT);
    const critical = await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' }, ROOT.ts);
    await stored.db.alerts.claim(warning, MINE, NOW);
    await stored.db.alerts.forgetMessage(warning, MINE);

    const steps: string[] = [];
    for (const alert of [warning, critical]) {
      const claimed = await stored.db.alerts.claim(alert, MINE, NOW);
      if (claimed === null) continue;
      const step = nextAlertStep(claimed, claimed.attemptsBefore, NOW);
      steps.push(step.kind === 'post' && step.thread === null ? 'post a root' : step.kind);
      await stored.db.alerts.release(alert, MINE, null);
    }
    expect(steps).toContain('post a root');
  });

  test('leads nobody to the message that was deleted, once the critical in its thread has taken over', async () => {
    const warning = await postAlert(stored, id, 'warning', ROOT);
    await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' }, ROOT.ts);
    await stored.db.alerts.claim(warning, MINE, NOW);
    await stored.db.alerts.forgetMessage(warning, MINE);
    expect(rootOf(await stored.db.alerts.ofPromotion(id))).toBeNull();
    expect(await stored.db.alerts.promotionOfThread(ROOT)).toBeNull();
  });
});

test('a thread’s promotion is found by its root, and by nothing else', async () => {
  await postAlert(stored, id, 'warning', ROOT);
  await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' }, ROOT.ts);
  const { promotionOfThread } = stored.db.alerts;
  expect(await promotionOfThread(ROOT)).toBe(id);
  expect(await promotionOfThread({ channel: CHANNEL, ts: '100.2' })).toBeNull();
  expect(await promotionOfThread({ channel: 'C0OTHER', ts: ROOT.ts })).toBeNull();
  expect(await promotionOfThread({ channel: CHANNEL, ts: '1.1' })).toBeNull();
  await end();
  await stored.db.alerts.close(id);
  expect(await promotionOfThread(ROOT)).toBe(id);
});

test('what was gathered about a stuck promotion holds its alerts and the repeats that were queued', async () => {
  await postAlert(stored, id, 'critical', ROOT);
  const quiet = await insertPromotion(stored.rows, { flag_key: 'quiet', promoted_at: '2026-05-09T05:00:00Z' });
  await stored.db.replies.queueRepeat(id, 1);
  await stored.db.replies.queueRepeat(id, 2);
  const [reply] = await stored.db.replies.pendingOf(id);
  await stored.db.replies.claim(reply ?? '', MINE, NOW);
  await stored.db.replies.recordPosted(reply ?? '', MINE, ROOT, NOW);
  expect(await stored.db.alerts.gather(NOW)).toMatchObject({
    deploying: 2,
    stuck: [
      { promotion: { id }, alerts: [{ severity: 'critical', state: 'posted' }], lastRepeat: 2, repeatPending: true },
      { promotion: { id: quiet }, alerts: [], lastRepeat: 0, repeatPending: false },
    ],
  });
});
