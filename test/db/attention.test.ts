import type { Database } from '../../src/db/database.js';
import { webhookOf } from '../../src/promotions/webhook.js';
import { enrol, type Stored } from '../support/rows.js';
import {
  breakAuditLog,
  CHANNEL,
  everything,
  insertPromotion,
  later,
  mendAuditLog,
  NOW,
  postAlert,
  startStored,
  stopClock,
  submission,
  typed,
  writersOf,
} from '../support/rows.js';

const KRIS = 'U0KRIS';
const MINA = 'U0MINA';
const SAM = 'U0SAM';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let stored: Stored;
let db: Database;
let id: string;
beforeEach(async () => {
  stored = await startStored();
  db = stored.db;
  await enrol(db, KRIS);
  await enrol(db, MINA);
  await enrol(db, SAM, 'engineer');
  id = await insertPromotion(stored.rows);
  await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '1.1' });
});
afterEach(() => stored.close());

const take = (by: string, over: string | null = null, at = NOW, on = db) =>
  on.attention.take({ promotionId: id, operatorId: by, at, over });
const answer = (by: string, said: 'confirm' | 'hand_over', at = NOW) =>
  db.attention.answer({ promotionId: id, operatorId: by, at, answer: said });
const snooze = (by: string, until: Date | null, at = NOW) =>
  db.attention.snooze({ promotionId: id, operatorId: by, at, until });
const audited = async () =>
  (await db.audit.ofPromotion(id, 100)).map(({ action, actor }) => [action.replace(/.*\./u, ''), actor]).slice(1);
const replies = () =>
  stored.rows.query<{ kind: string; ordinal: string }>(
    `select kind, ordinal from flag_promotions.messages where promotion_id = $1 and kind not in ('alert', 'escalation') order by id`,
    [id],
  );
const updatesWanted = async () => (await db.messages.newest('alert', id))?.wanted;
const question = async () => {
  const [row] = await stored.rows.query<{ wanted: number }>(
    `select wanted from flag_promotions.messages where kind = 'owner_asked' order by id desc limit 1`,
  );
  return row;
};

describe('acknowledging', () => {
  test('is one transaction with its audit event and what the message shows', async () => {
    expect(await take(SAM)).toMatchObject({ kind: 'taken_now', promotion: { id }, from: null });
    expect(await db.attention.of(id)).toEqual({
      ownership: { owner: SAM, since: NOW, confirmedAt: NOW, question: null, isOperator: true },
      snooze: null,
      resumedAt: null,
    });
    expect(await audited()).toEqual([['taken', SAM]]);
    expect(await updatesWanted()).toBe(1);
    expect(await replies()).toEqual([]);
    const tables = ['flag_promotions.attention', 'flag_promotions.messages'] as const;
    expect((await writersOf(stored.rows, tables)).size).toBe(1);
  });

  test('of two at once, one wins, and the other learns of whom', async () => {
    const people = [KRIS, MINA, SAM];
    const replicas = people.map(() => stored.replica());
    const outcomes = await Promise.all(people.map((by, index) => take(by, null, NOW, replicas[index])));
    const winners = people.filter((_, index) => outcomes[index]?.kind === 'taken_now');
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes.filter(({ kind }) => kind !== 'taken_now')) {
      expect(outcome).toMatchObject({ kind: 'taken', ownership: { owner: winners[0] } });
    }
    expect(await audited()).toEqual([['taken', winners[0]]]);
  });

  test('of two who take it at once from the same person, one wins', async () => {
    await take(KRIS);
    const replicas = [stored.replica(), stored.replica()];
    const outcomes = await Promise.all([MINA, SAM].map((by, index) => take(by, KRIS, later(MINUTE), replicas[index])));
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['taken', 'taken_now']);
    expect((await replies()).map(({ kind }) => kind)).toEqual(['taken_over']);
  });

  test('twice by the same person changes nothing', async () => {
    await take(KRIS);
    const before = await everything(stored.rows);
    expect(await take(KRIS, null, later(MINUTE))).toMatchObject({ kind: 'yours_already', ownership: { since: NOW } });
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('by nobody known leaves its denial behind, and nothing else', async () => {
    const before = await everything(stored.rows, ['flag_promotions.audit_log']);
    expect(await take('U0NOBODY')).toEqual({ kind: 'not_operator' });
    expect(await everything(stored.rows, ['flag_promotions.audit_log'])).toEqual(before);
    expect(await audited()).toEqual([['denied', 'U0NOBODY']]);
  });

  test('of what ended tells who ended it', async () => {
    const kris = await enrol(db, KRIS);
    await db.promotions.resolve(submission(id, kris), NOW, typed(kris.code()));
    expect(await take(MINA)).toMatchObject({ kind: 'ended', promotion: { state: 'deployed', resolvedBy: KRIS } });
  });

  test('that can’t be audited did not happen', async () => {
    await breakAuditLog(stored.rows);
    const before = await everything(stored.rows);
    await expect(take(KRIS)).rejects.toThrow('the audit log is broken');
    await expect(snooze(KRIS, later(HOUR))).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
    await mendAuditLog(stored.rows);
    expect((await take(KRIS)).kind).toBe('taken_now');
  });
});

describe('the question whether the owner is still on it', () => {
  beforeEach(async () => {
    await take(KRIS);
  });
  const ask = (on = db) => on.attention.askOwner(id, KRIS, later(45 * MINUTE));

  test('is asked once, however many replicas tick', async () => {
    await Promise.all([stored.replica(), stored.replica(), db].map(ask));
    await ask();
    const [reply] = await replies();
    expect(await replies()).toEqual([{ kind: 'owner_asked', ordinal: reply?.ordinal }]);
    expect(await audited()).toEqual([
      ['taken', KRIS],
      ['owner_asked', 'watchdog'],
    ]);
    expect((await db.attention.of(id))?.ownership?.question).toEqual({
      id: reply?.ordinal,
      askedAt: later(45 * MINUTE),
      postedAt: null,
    });
  });

  test('is asked of nobody else than was decided, and not of what ended', async () => {
    await db.attention.askOwner(id, MINA, later(45 * MINUTE));
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await ask();
    expect(await replies()).toEqual([]);
  });

  test('is answered by a confirmation, and loses its buttons', async () => {
    await ask();
    expect(await answer(KRIS, 'confirm', later(47 * MINUTE))).toMatchObject({ kind: 'done' });
    expect((await db.attention.of(id))?.ownership).toMatchObject({ confirmedAt: later(47 * MINUTE), question: null });
    expect(await question()).toEqual({ wanted: 1 });
    expect(await answer(KRIS, 'confirm', later(48 * MINUTE))).toMatchObject({ kind: 'not_asked' });
    expect((await audited()).at(-1)).toEqual(['owner_confirmed', KRIS]);
  });

  test('can be asked again after it was confirmed', async () => {
    await ask();
    await answer(KRIS, 'confirm', later(47 * MINUTE));
    await db.attention.askOwner(id, KRIS, later(92 * MINUTE));
    expect((await replies()).map(({ kind }) => kind)).toEqual(['owner_asked', 'owner_asked']);
    expect(await question()).toEqual({ wanted: 0 });
  });

  test.each([
    ['released', () => answer(KRIS, 'hand_over'), 'released'],
    ['taken over', () => take(MINA, KRIS), 'taken_over'],
    ['lost', () => db.attention.loseOwner(id, KRIS, 'silent', later(56 * MINUTE)), 'owner_lost'],
  ])('is closed if the ownership is %s', async (_, act, kind) => {
    await ask();
    await act();
    expect(await question()).toEqual({ wanted: 1 });
    expect((await replies()).map((reply) => reply.kind)).toEqual(['owner_asked', kind]);
    expect((await db.attention.of(id))?.ownership?.owner ?? null).toBe(kind === 'taken_over' ? MINA : null);
  });

  test('is closed by a snooze, and by the end of the promotion', async () => {
    await ask();
    await snooze(KRIS, later(HOUR));
    expect((await db.attention.of(id))?.ownership?.question).toBeNull();
    expect(await question()).toEqual({ wanted: 1 });
    await db.attention.unsnooze({ promotionId: id, operatorId: MINA, at: later(MINUTE) });
    await db.attention.askOwner(id, KRIS, later(2 * HOUR));
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await db.alerts.close(id);
    expect(await question()).toEqual({ wanted: 1 });
    expect(await db.attention.of(id)).toBeNull();
  });

  test('that is answered at the moment at which it is given up is answered, or given up', async () => {
    await ask();
    const replica = stored.replica();
    const [said] = await Promise.all([
      answer(KRIS, 'confirm', later(56 * MINUTE)),
      replica.attention.loseOwner(id, KRIS, 'silent', later(56 * MINUTE)),
    ]);
    const lost = (await replies()).some(({ kind }) => kind === 'owner_lost');
    expect(said.kind).toBe(lost ? 'not_owner' : 'done');
    expect((await db.attention.of(id))?.ownership?.owner ?? null).toBe(lost ? null : KRIS);
  });
});

describe('an owner is lost', () => {
  test('once, however many replicas tick', async () => {
    await take(KRIS);
    await db.attention.askOwner(id, KRIS, later(45 * MINUTE));
    await Promise.all(
      [stored.replica(), stored.replica()].map((on) => on.attention.loseOwner(id, KRIS, 'silent', later(56 * MINUTE))),
    );
    expect((await replies()).map(({ kind }) => kind)).toEqual(['owner_asked', 'owner_lost']);
    expect(await db.attention.of(id)).toEqual({ ownership: null, snooze: null, resumedAt: later(56 * MINUTE) });
  });

  test('not as silent without a question, and not as disabled while enabled', async () => {
    await take(KRIS);
    await db.attention.loseOwner(id, KRIS, 'silent', NOW);
    await db.attention.loseOwner(id, KRIS, 'disabled', NOW);
    expect((await db.attention.of(id))?.ownership?.owner).toBe(KRIS);
    await db.operators.disable(KRIS, NOW);
    expect((await db.attention.of(id))?.ownership?.isOperator).toBe(false);
    await db.attention.loseOwner(id, KRIS, 'disabled', NOW);
    expect((await db.attention.of(id))?.ownership).toBeNull();
    expect((await audited()).at(-1)).toEqual(['owner_lost', 'watchdog']);
  });

  test('and a disabled one loses it without being asked', async () => {
    await take(KRIS);
    await db.operators.disable(KRIS, NOW);
    expect(await take(MINA)).toMatchObject({ kind: 'taken_now', from: KRIS });
  });
});

describe('a snooze', () => {
  test('is audited with until when, and takes the place of an earlier one', async () => {
    await snooze(SAM, later(HOUR));
    expect(await snooze(KRIS, later(4 * HOUR), later(MINUTE))).toMatchObject({
      kind: 'snoozed',
      until: later(4 * HOUR),
    });
    expect(await db.attention.of(id)).toEqual({
      ownership: null,
      snooze: { by: KRIS, at: later(MINUTE), until: later(4 * HOUR) },
      resumedAt: null,
    });
    const events = await db.audit.ofPromotion(id, 10);
    expect(events.slice(1).map(({ action, actor, detail }) => [action, actor, detail])).toEqual([
      ['console.flag.promotion.snoozed', SAM, { until: later(HOUR).toISOString(), instead_of: null }],
      [
        'console.flag.promotion.snoozed',
        KRIS,
        { until: later(4 * HOUR).toISOString(), instead_of: later(HOUR).toISOString() },
      ],
    ]);
    expect(await updatesWanted()).toBe(2);
  });

  test('of a critical is limited from when it became one, though its message was posted anew', async () => {
    await stored.rows.query('update flag_promotions.messages set wanted = wanted + 1');
    const message = (await db.messages.newest('alert', id))?.id ?? '';
    const lease = { owner: 'me', durationMs: 60_000 };
    await db.messages.claim(message, lease);
    expect(await db.messages.recordGone(message, lease, null)).toBe(true);
    expect(await snooze(KRIS, later(24 * HOUR + 1), later(20 * HOUR))).toMatchObject({
      kind: 'too_long',
      latest: later(24 * HOUR),
    });
    expect(await snooze(KRIS, later(24 * HOUR), later(20 * HOUR))).toMatchObject({ kind: 'snoozed' });
  });

  test('ends once, when its time has come and not before', async () => {
    await snooze(KRIS, later(HOUR));
    await db.attention.endSnooze(id, later(HOUR - 1));
    expect(await replies()).toEqual([]);
    await Promise.all([stored.replica(), stored.replica()].map((on) => on.attention.endSnooze(id, later(HOUR))));
    expect((await replies()).map(({ kind }) => kind)).toEqual(['snooze_ended']);
    expect(await db.attention.of(id)).toEqual({ ownership: null, snooze: null, resumedAt: later(HOUR) });
    expect((await audited()).slice(1)).toEqual([['snooze_ended', 'watchdog']]);
  });

  test('is ended by a person, which is said nowhere but on the message', async () => {
    await snooze(KRIS, later(HOUR));
    const unsnooze = () => db.attention.unsnooze({ promotionId: id, operatorId: SAM, at: later(MINUTE) });
    expect(await unsnooze()).toMatchObject({ kind: 'done' });
    expect(await unsnooze()).toMatchObject({ kind: 'not_snoozed' });
    expect(await replies()).toEqual([]);
    expect((await audited()).at(-1)).toEqual(['snooze_ended', SAM]);
  });

  test('of a warning ends if it turns critical, and its owner stays', async () => {
    const warned = await insertPromotion(stored.rows, { flag_key: 'warned' });
    await postAlert(stored, warned, 'warning', { channel: CHANNEL, ts: '2.1' });
    const asked = { promotionId: warned, operatorId: KRIS, at: NOW };
    await db.attention.take({ ...asked, over: null });
    await db.attention.snooze({ ...asked, until: later(72 * HOUR) });
    await db.alerts.open({ promotionId: warned, severity: 'critical' }, later(HOUR), null);
    expect(await db.attention.of(warned)).toMatchObject({
      ownership: { owner: KRIS },
      snooze: null,
      resumedAt: later(HOUR),
    });
    const events = await db.audit.ofPromotion(warned, 10);
    expect(events.slice(-2).map(({ action, detail }) => [action.replace(/.*\./u, ''), detail])).toEqual([
      ['snooze_ended', { reason: 'critical' }],
      ['stuck_critical', {}],
    ]);
  });
});

test('all there is, by the promotion, and nothing of what ended', async () => {
  const other = await insertPromotion(stored.rows, { flag_key: 'other' });
  await postAlert(stored, other, 'critical', { channel: CHANNEL, ts: '3.1' });
  await take(KRIS);
  await db.attention.snooze({ promotionId: other, operatorId: MINA, at: NOW, until: later(HOUR) });
  expect([...(await db.attention.all()).keys()].toSorted()).toEqual([id, other].toSorted());
  await stored.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now() where id = $1`, [id]);
  await db.alerts.close(id);
  expect([...(await db.attention.all()).keys()]).toEqual([other]);
});

describe('a webhook of what happened while no app ran', () => {
  const unannounced = async () => (await db.webhooks.unannounced(null)).map((happened) => happened.what);
  const announceOpening = async () => {
    for (const happened of await db.webhooks.unannounced(null)) await db.webhooks.queue(webhookOf(happened));
  };

  test.each([2 * HOUR, 6 * 24 * HOUR])('is sent for the acknowledgement as for the end, %d ms later', async (ms) => {
    await stopClock(stored, NOW);
    await announceOpening();
    await take(KRIS, null, later(MINUTE));
    await stored.rows.query('update flag_promotions.alerts set closed_at = $1', [later(2 * MINUTE)]);
    await stopClock(stored, later(ms));
    expect(await unannounced()).toEqual(['acknowledged', 'ended']);
  });

  test('is sent for neither if webhooks were set up afterwards', async () => {
    await stopClock(stored, NOW);
    await take(KRIS, null, later(MINUTE));
    await stored.rows.query('update flag_promotions.alerts set closed_at = $1', [later(2 * MINUTE)]);
    await stopClock(stored, later(2 * HOUR));
    expect(await unannounced()).toEqual([]);
  });
});
