import type { LookedAt } from '../../src/db/looks.js';
import { insertPromotion, NOW, type Stored, startStored, stopClock } from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
  await stopClock(stored, NOW);
});
afterEach(() => stored.close());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOTICE_AFTER = 15 * MINUTE;
let minutes = 0;
async function at(to: number): Promise<void> {
  minutes = to;
  await stopClock(stored, new Date(NOW.getTime() + to * MINUTE));
}
const which = (): LookedAt => ({
  promotedBy: new Date(NOW.getTime() + minutes * MINUTE - NOTICE_AFTER),
  promotedAfter: new Date(NOW.getTime() + minutes * MINUTE - 12 * HOUR),
  noticeAfterMs: NOTICE_AFTER,
});
/** Promoted this many minutes before NOW. */
const promoted = (app: string, ago: number, columns: Readonly<Record<string, unknown>> = {}) =>
  insertPromotion(stored.rows, {
    flag_key: `flag_${app.replaceAll('-', '_')}_${ago}`,
    heroku_app: app,
    promoted_at: new Date(NOW.getTime() - ago * MINUTE),
    ...columns,
  });
const due = async () => (await stored.db.looks.due(which(), 100)).map(({ herokuApp }) => herokuApp);
async function claim(app: string, againAfterMs = 5 * MINUTE, db = stored.db) {
  const found = (await db.looks.due(which(), 100)).find(({ herokuApp }) => herokuApp === app);
  return found === undefined ? [] : db.looks.claim(found, which(), againAfterMs);
}

beforeEach(() => {
  minutes = 0;
});

test('looks at what has been deploying for so long, is not stuck yet, and was not told of', async () => {
  await promoted('young', 14);
  await promoted('old', 12 * 60);
  await promoted('ended', 60, { state: 'deployed' });
  await promoted('no-time', 60, { promoted_at: null });
  const told = await promoted('told', 60);
  await stored.db.alerts.open({ promotionId: told, severity: 'notice' }, NOW, null);
  await promoted('later', 20);
  await promoted('first', 30);
  expect(await due()).toEqual(['first', 'later']);
});

test('of several replicas one has an app’s turn, with all its promotions', async () => {
  const ids = [await promoted('app', 30), await promoted('app', 20)];
  const [found] = await stored.db.looks.due(which(), 100);
  if (found === undefined) throw new Error('Nothing was due.');
  const claims = await Promise.all(
    [stored.db, stored.replica(), stored.replica()].map((db) => db.looks.claim(found, which(), 5 * MINUTE)),
  );
  expect(claims.map((rows) => rows.length).toSorted()).toEqual([0, 0, 2]);
  expect(claims.flat().map(({ promotion }) => promotion.id)).toEqual(ids);
});

test('is put off by so long, but not for a promotion that has become old enough since', async () => {
  await promoted('app', 30);
  expect(await claim('app', 60 * MINUTE)).toHaveLength(1);
  await promoted('app', 9);
  await at(5);
  expect(await due()).toEqual([]);
  await at(6);
  expect(await claim('app', 10 * MINUTE)).toHaveLength(2);
  await at(7);
  expect(await due()).toEqual([]);
  await stored.db.looks.postpone(30 * MINUTE);
  await at(36);
  expect(await due()).toEqual([]);
  await at(37);
  expect(await due()).toEqual(['app']);
});

test('isn’t put off by a clock that was far ahead', async () => {
  await promoted('app', 30);
  await at(10 * 60);
  expect(await claim('app')).toHaveLength(1);
  await at(1);
  expect((await stored.db.chores.due(NOW, NOW, MINUTE)).shortenWaits).toBe(true);
  await stored.db.setBackClock.shortenWaits(MINUTE);
  expect(await due()).toEqual(['app']);
  expect(await claim('app')).toHaveLength(1);
  expect(await due()).toEqual([]);
});

test('tells who holds a promotion, and since when our promoter can’t go on', async () => {
  const id = await promoted('app', 30, { checkpoint: 'INTENT' });
  const lease = { owner: 'mine', durationMs: MINUTE };
  const { promoting } = stored.db;
  await promoting.claimNext(lease);
  expect(await claim('app', 0)).toMatchObject([{ leasedUntil: new Date(NOW.getTime() + MINUTE), heldUpSince: null }]);
  const fail = async (lastError: string | null) => {
    await promoting.claimNext(lease);
    await promoting.postpone(id, lease, lastError === null ? { waitMs: 0, lastError } : { waitMs: 0, lastError });
  };
  const since = async () => (await claim('app', 0))[0]?.heldUpSince?.getTime();
  await fail('Heroku did not accept the API key.');
  await at(2);
  await fail('Heroku gave no answer.');
  expect(await since()).toBe(NOW.getTime());
  await fail(null);
  await at(3);
  await fail('Heroku gave no answer.');
  expect(await since()).toBe(NOW.getTime() + 3 * MINUTE);
});
