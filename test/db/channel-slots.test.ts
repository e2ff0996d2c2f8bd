import { CHANNEL, type Stored, startStored } from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

test('a channel’s slot is one replica’s at a time, and the next begins after the pause', async () => {
  const replicas = [stored.db, stored.replica(), stored.replica()];
  const waits = await Promise.all(replicas.map((db, n) => db.channelSlots.take(CHANNEL, `replica-${n}`, 60_000)));
  const holder = waits.indexOf(0);
  expect(waits.filter((wait) => wait === 0)).toHaveLength(1);
  expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
  const slots = stored.db.channelSlots;
  expect(await slots.take('C0OTHER', 'anybody', 60_000)).toBe(0);
  await slots.giveBack(CHANNEL, 'somebody else', 0);
  expect(await slots.take(CHANNEL, 'next', 60_000)).toBeGreaterThan(1_000);
  await slots.giveBack(CHANNEL, `replica-${holder}`, 0);
  expect(await slots.take(CHANNEL, 'next', 60_000)).toBe(0);
});

test('a channel is not closed for hours after the database’s clock was set back', async () => {
  await stored.rows.query(`insert into flag_promotions.channel_slots values ($1, 'gone', now() + interval '2 hours')`, [
    CHANNEL,
  ]);
  const chores = () => stored.db.chores.due(new Date(), new Date(0), 0);
  // Nothing else was stored while the clock was ahead.
  expect((await chores()).shortenWaits).toBe(true);
  await stored.db.setBackClock.shortenWaits(0);
  expect((await chores()).shortenWaits).toBe(false);
  expect(await stored.db.channelSlots.take(CHANNEL, 'next', 1_000)).toBe(0);
});
