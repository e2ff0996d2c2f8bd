import pg from 'pg';
import { openDatabase } from '../../src/db/database.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** Enough rows that a sequential scan of them would be a choice of the planner's, not a shortcut for a small table. */
const ROWS = 200_000;

describe('with a large table', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at, deployed_at)
        select 'flag_' || n, 'app-' || n % 50, 'FLAG_' || n, 'deployed', now() - n * interval '1 minute', now()
          from generate_series(1, ${ROWS}) n`,
    );
    await client.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at)
        select 'stuck_' || n, 'app', 'FLAG_STUCK_' || n, 'deploying', now() - interval '2 days' from generate_series(1, 20) n`,
    );
    await client.query('vacuum analyze');
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  async function sequentialScans(): Promise<number> {
    await client.query('select pg_stat_force_next_flush()');
    const { rows } = await client.query<{ scans: string }>(
      `select seq_scan as scans from pg_stat_user_tables where relname = 'console_flag_promotions'`,
    );
    return Number(rows[0]?.scans);
  }

  test('no query of the watchdog, of stuck, list or show reads all of it', async () => {
    const before = await sequentialScans();
    const db = openDatabase(database.url, { maxConnections: 1 });
    const cutoff = new Date(Date.now() - 12 * 3_600_000);
    const detected = await db.alerts.gather(cutoff);
    expect(detected.stuck).toHaveLength(20);
    const stuck = await db.promotions.stuck(cutoff, { offset: 5, limit: 5 });
    expect(stuck).toMatchObject({ total: 20, rows: { length: 5 } });
    expect(await db.promotions.list({ beforeId: null, limit: 10 })).toHaveLength(10);
    expect(await db.promotions.list({ beforeId: '1000', limit: 10 })).toHaveLength(10);
    expect(await db.promotions.newestOf('flag_77')).toMatchObject({ flagKey: 'flag_77' });
    expect(await db.promotions.newestOf('no_such_flag')).toBeNull();
    expect(await db.promotions.find('77')).toMatchObject({ id: '77' });
    expect((await db.promotions.deploying()).total).toBe(20);
    expect(await db.promotions.lastEnded()).not.toBeNull();
    expect(await db.promotions.withoutRca(100)).toHaveLength(0);
    await db.alerts.open(detected.stuck[0]?.promotion.id ?? '', 'critical', new Date());
    expect(await db.promotions.withoutRca(100)).toHaveLength(1);
    expect(await db.alerts.due(new Date(), 10)).toHaveLength(1);
    // A session's counts are flushed at the latest when it ends.
    await db.close();
    expect(await sequentialScans()).toBe(before);
  });

  test('a scan of all of it would be counted', async () => {
    const before = await sequentialScans();
    await client.query(`select count(*) from console_flag_promotions where failure_reason = 'x'`);
    expect(await sequentialScans()).toBeGreaterThan(before);
  });
});
