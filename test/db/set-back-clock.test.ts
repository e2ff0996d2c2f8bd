import { later, NOW, type Stored, startStored, stopClock } from '../support/rows.js';

const HOUR = 3_600_000;
const LEASE_MS = 40_000;
let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

test('a clock that was set back is noticed until its waits are shortened, whatever another tick records', async () => {
  const { chores, maintenance, setBackClock } = stored.db;
  const isNoticed = async () => (await chores.due(NOW, NOW, LEASE_MS)).shortenWaits;
  const counts = { deploying: 0, stuck: 0 };
  await stopClock(stored, NOW);
  await maintenance.record(counts);
  expect(await isNoticed()).toBe(false);
  await stopClock(stored, later(-HOUR));
  // A tick that began before, and noticed nothing.
  await maintenance.record(counts);
  expect(await isNoticed()).toBe(true);
  await setBackClock.shortenWaits(LEASE_MS);
  expect(await isNoticed()).toBe(false);
  expect(await maintenance.last()).toMatchObject({ completedAt: later(-HOUR) });
  await stopClock(stored, later(0));
  await maintenance.record(counts);
  expect(await maintenance.last()).toMatchObject({ completedAt: NOW });
});
