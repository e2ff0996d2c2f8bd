import type { Evidence } from '../../src/promotions/evidence.js';
import { REFRESH_EVERY_MS } from '../../src/promotions/evidence-refresh.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import {
  CHANNEL,
  deliverMessage,
  insertPromotion,
  LIVE,
  NOT_LIVE,
  NOW,
  openAlert,
  type Stored,
  startStored,
  writersOf,
  stopClock,
} from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
  await stopClock(stored, NOW);
});
afterEach(() => stored.close());

const MINUTE = 60_000;
const at = (minutes: number) => stopClock(stored, new Date(NOW.getTime() + minutes * MINUTE));
const due = () => stored.db.evidence.due();
const claim = (ids: readonly string[], db = stored.db) => db.evidence.claim(ids, REFRESH_EVERY_MS);
const promotion = async (id: string): Promise<Promotion> => {
  const found = await stored.db.promotions.find(id);
  if (found === null) throw new Error('There is no such promotion.');
  return found;
};
const store = async (id: string, evidence: Evidence, againAfterMs: number | null = MINUTE) =>
  stored.db.evidence.store([{ promotion: await promotion(id), evidence, againAfterMs }], { announce: true });
const of = async (id: string) => (await stored.db.evidence.of([await promotion(id)])).get(id) ?? null;
const replies = () => stored.rows.query(`select ordinal from flag_promotions.messages where kind = 'verdict_changed'`);

/** A promotion with an open alert that Slack shows, and with evidence. */
async function alerted(flag: string, severity: 'warning' | 'critical' = 'critical', app = 'raxx-console-prod') {
  const id = await insertPromotion(stored.rows, { flag_key: flag, heroku_app: app });
  await openAlert(stored, id, severity);
  await deliverMessage(stored.db, 'alert', id, { channel: CHANNEL, ts: `${id}.1` });
  await store(id, LIVE);
  return id;
}

test('is due by app, those with criticals first, and not before an alert was posted with it', async () => {
  const ids = [await alerted('a'), await alerted('b')];
  const other = await alerted('c', 'warning', 'another-app');
  await openAlert(stored, await insertPromotion(stored.rows, { flag_key: 'unposted' }), 'warning');
  expect(await due()).toEqual([]);
  await at(1);
  expect(await due()).toEqual([
    { herokuApp: 'raxx-console-prod', promotionIds: ids },
    { herokuApp: 'another-app', promotionIds: [other] },
  ]);
  await stored.rows.query(`update console_flag_promotions set state = 'failed' where heroku_app = 'another-app'`);
  expect(await due()).toHaveLength(1);
});

test('is claimed by one of many at once, for all alerts of the app, each for its own time', async () => {
  const critical = await alerted('a');
  const warning = await alerted('b', 'warning');
  await store(warning, LIVE, 10 * MINUTE);
  await at(1);
  const replicas = [stored.db, stored.replica(), stored.replica()];
  const claims = await Promise.all(Array.from({ length: 9 }, (_, n) => claim([critical, warning], replicas[n % 3])));
  const won = claims.filter((claimed) => claimed.length > 0);
  expect(won).toHaveLength(1);
  expect(won[0]).toMatchObject([
    { promotion: { id: critical }, stored: { verdict: 'live' }, isGrouped: false },
    { promotion: { id: warning }, stored: { verdict: 'live' }, isGrouped: false },
  ]);
  await at(5);
  expect(await due()).toEqual([]);
  await at(6);
  expect(await claim([critical, warning])).toHaveLength(2);
  await at(20);
  await stored.rows.query(`update console_flag_promotions set state = 'failed' where id = ${critical}`);
  expect(await due()).toEqual([]);
  await at(21);
  expect(await due()).toEqual([{ herokuApp: 'raxx-console-prod', promotionIds: [warning] }]);
});

test('is stored with one update of the message, and another verdict with one reply', async () => {
  const id = await alerted('a');
  const wanted = async () => (await stored.db.messages.newest('alert', id))?.wanted ?? 0;
  const before = await wanted();
  await store(id, LIVE);
  expect(await wanted()).toBe(before + 1);
  expect(await replies()).toEqual([]);
  await store(id, { kind: 'unavailable', checkedAt: NOW, reason: 'no_answer' });
  await store(id, LIVE);
  expect(await replies()).toEqual([]);
  await store(id, { kind: 'unavailable', checkedAt: NOW, reason: 'no_answer' });
  await store(id, NOT_LIVE);
  await store(id, NOT_LIVE);
  expect(await of(id)).toEqual(NOT_LIVE);
  const [event, ...more] = await stored.rows.query<{ id: string; detail: unknown }>(
    `select id, detail from flag_promotions.audit_log where action like '%verdict_changed'`,
  );
  expect(more).toEqual([]);
  expect(event?.detail).toMatchObject({ from: 'live', to: 'not_live' });
  expect(await replies()).toEqual([{ ordinal: event?.id }]);
});

test('is that of the milder alert as it worsens, and due at once', async () => {
  const id = await alerted('a', 'warning');
  await openAlert(stored, id, 'critical');
  expect(await due()).toHaveLength(1);
  expect(await claim([id])).toMatchObject([{ stored: { verdict: 'live' } }]);
  await store(id, NOT_LIVE);
  expect(await replies()).toHaveLength(1);
});

test('is none of a row that the console changed, nor of an alert that closed', async () => {
  const id = await alerted('a');
  expect(await of(id)).toEqual(LIVE);
  await stored.rows.query(`update console_flag_promotions set heroku_app = 'renamed' where id = ${id}`);
  expect(await of(id)).toBeNull();
  await at(1);
  expect(await due()).toEqual([{ herokuApp: 'renamed', promotionIds: [id] }]);
  expect(await claim([id])).toMatchObject([{ stored: null }]);
  await store(id, LIVE);
  // If it vanishes, this last name is shown.
  expect(await stored.db.alerts.ofPromotion(id)).toMatchObject([{ herokuApp: 'renamed' }]);
  await stored.rows.query(`update console_flag_promotions set state = 'deployed' where id = ${id}`);
  await stored.db.alerts.close(id);
  await store(id, NOT_LIVE);
  expect(await of(id)).toBeNull();
  expect(await replies()).toEqual([]);
});

test('is asked for later if that is wanted, and never earlier', async () => {
  const id = await alerted('a');
  await stored.db.evidence.postpone(20 * MINUTE);
  await stored.db.evidence.postpone(MINUTE);
  await at(19);
  expect(await due()).toEqual([]);
  await at(20);
  expect(await due()).toEqual([{ herokuApp: 'raxx-console-prod', promotionIds: [id] }]);
});

test('of hundreds is stored in several transactions, so that whoever resolves one of them hardly waits', async () => {
  await stored.rows.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at)
      select 'many_' || n, 'many', 'FLAG_MANY_' || n, 'deploying', now() from generate_series(1, 450) n`,
  );
  await stored.rows.query(
    `insert into flag_promotions.alerts (promotion_id, severity) select id, 'warning' from console_flag_promotions`,
  );
  const promotions = await stored.db.promotions.list({ beforeId: null, limit: 450 });
  const found = promotions.map((promotion) => ({ promotion, evidence: LIVE, againAfterMs: null }));
  await stored.db.evidence.store(found, { announce: true });
  expect((await stored.db.evidence.of(promotions)).size).toBe(450);
  expect((await writersOf(stored.rows, ['flag_promotions.alerts'])).size).toBe(3);
});
