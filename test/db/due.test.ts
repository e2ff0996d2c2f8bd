import pg from 'pg';
import { type Database, openDatabase } from '../../src/db/database.js';
import type { DueListener } from '../../src/db/due.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';

describe('being told that a promotion is due', () => {
  let database: TestDatabase;
  let db: Database;
  let sql: pg.Client;
  let listener: DueListener | undefined;
  let told: number;
  const troubles: unknown[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    db = openDatabase(database.url);
    sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
    told = 0;
    troubles.length = 0;
    listener = db.listenForDue(
      () => {
        told += 1;
      },
      (error) => troubles.push(error),
    );
    // Once for what was announced before anybody listened.
    await eventually(async () => expect(told).toBe(1));
  });
  afterEach(async () => {
    await listener?.close();
    await sql.end();
    await db.close();
    await database.drop();
  });

  const listening = async () =>
    (
      await sql.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = 'flag-promotions-listener' and datname = current_database()`,
      )
    ).rows.map(({ pid }) => pid);

  test('happens when the announcing transaction commits, and not before', async () => {
    await sql.query('begin');
    await sql.query(`select pg_notify('flag_promotions_due', '')`);
    await sql.query('rollback');
    await sql.query(`notify something_else`);
    expect(told).toBe(1);
    await sql.query(`notify flag_promotions_due`);
    await eventually(async () => expect(told).toBe(2));
  });

  test('is what promoting does, and marking does not', async () => {
    await db.operators.enrol({ slackUserId: 'U0KRIS', role: 'superadmin', sealedSecret: 'sealed' });
    const now = new Date('2026-05-09T04:28:00Z');
    const asked = { flagKey: 'dark_mode', herokuApp: 'app', configVar: 'FLAG_DARK_MODE', targetValue: 'true' };
    const marked = await db.transitions.mark(asked, 'U0KRIS', now);
    const promotionId = marked.kind === 'marked' ? marked.promotion.id : '';
    await sql.query('select 1');
    expect(told).toBe(1);
    const request = { promotionId, transition: 'promote', operatorId: 'U0KRIS', shown: null, reread: null } as const;
    const outcome = await db.transitions.carryOut(request, now, () => ({ kind: 'accepted', step: 1 }));
    expect(outcome.kind).toBe('done');
    await eventually(async () => expect(told).toBe(2));
  });

  test('goes on after the connection was cut, with one look at what was missed', async () => {
    const [pid] = await listening();
    await sql.query('select pg_terminate_backend($1)', [pid]);
    await eventually(async () => expect(told).toBe(2));
    expect(troubles).toHaveLength(1);
    await sql.query(`notify flag_promotions_due`);
    await eventually(async () => expect(told).toBe(3));
  });

  test('ends with its connection', async () => {
    await listener?.close();
    listener = undefined;
    await eventually(async () => expect(await listening()).toEqual([]));
    await sql.query(`notify flag_promotions_due`);
    expect(told).toBe(1);
    expect(troubles).toEqual([]);
  });
});
