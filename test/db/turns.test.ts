import { CHANNEL, type Stored, startStored } from '../support/rows.js';

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

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
