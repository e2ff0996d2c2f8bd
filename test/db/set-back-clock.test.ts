import pg from 'pg';
import { waiting } from '../support/locks.js';
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

test('a clock that is set back once more while waits are shortened is noticed again', async () => {
  const { chores, maintenance, setBackClock } = stored.db;
  const isNoticed = async () => (await chores.due(NOW, NOW, LEASE_MS)).shortenWaits;
  await stopClock(stored, NOW);
  await maintenance.record({ deploying: 0, stuck: 0 });
  await stored.rows.query(`insert into flag_promotions.audit_witnesses (witness) values ('one')`);
  await stopClock(stored, later(-HOUR));
  const other = new pg.Client({ connectionString: stored.url });
  await other.connect();
  try {
    await other.query('begin');
    await other.query('select 1 from flag_promotions.audit_witnesses for update');
    const shortening = setBackClock.shortenWaits(LEASE_MS);
    await waiting(stored, 1);
    await stopClock(stored, later(-2 * HOUR));
    await other.query('commit');
    await shortening;
  } finally {
    await other.end();
  }
  expect(await isNoticed()).toBe(true);
  await setBackClock.shortenWaits(LEASE_MS);
  expect(await isNoticed()).toBe(false);
});
