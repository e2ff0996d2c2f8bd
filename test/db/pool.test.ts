import pg from 'pg';
import { readConfig } from '../../src/config.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { insertPromotions, type Stored, startStored } from '../support/rows.js';

/* Few connections, and one for people at any time. */

const POOL_MAX = 5;
let stored: Stored;
let db: Database;
beforeEach(async () => {
  stored = await startStored();
  db = openDatabase(stored.url, { maxConnections: POOL_MAX });
});
afterEach(async () => {
  await db.close();
  await stored.close();
});

test('people find a connection while every promotion under way waits for a lock', async () => {
  const ids = await insertPromotions(stored.rows, POOL_MAX);
  await stored.rows.query(`update console_flag_promotions set checkpoint = 'INTENT'`);
  const lease = { owner: 'promoter', durationMs: 60_000 };
  for (const _ of ids) await db.promoting.claimNext(lease);
  const locker = new pg.Client({ connectionString: stored.url });
  await locker.connect();
  await locker.query('begin');
  await locker.query('select 1 from console_flag_promotions for update');
  let waiting = ids.length;
  const renewals = ids.map((id) => db.promoting.renew(id, lease).finally(() => (waiting -= 1)));
  try {
    await expect(Promise.all([db.now(), db.now(), db.maintenance.last()])).resolves.toHaveLength(3);
    expect(waiting).toBe(ids.length);
  } finally {
    await locker.query('rollback');
    await locker.end();
  }
  // In their order, once the lock is gone.
  expect(await Promise.all(renewals)).toEqual(ids.map(() => true));
});

test('a replica takes no more than six, the one that listens included', async () => {
  const listening = new Promise<void>((resolve, reject) => {
    listener = db.listenForDue(resolve, reject);
  });
  await listening;
  await Promise.all(Array.from({ length: 50 }, () => db.now()));
  const [row] = await stored.rows.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
      where datname = current_database() and application_name in ('flag-promotions', 'flag-promotions-listener')`,
  );
  expect(row?.n).toBeLessThanOrEqual(6);
  await listener?.close();
});
let listener: { close(): Promise<void> } | undefined;

test.each(['1', '0', '2.5', 'many', '101'])('DATABASE_POOL_MAX=%s is refused', (value) => {
  expect(() => readConfig({ DATABASE_POOL_MAX: value })).toThrow(
    'DATABASE_POOL_MAX must be a whole number from 2 to 100',
  );
});
