import pg from 'pg';
import { createAuditKeys } from '../../src/audit/keys.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { migrateToLatest, rollBackTo } from '../../src/db/migrate.js';
import { sealOnce } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';

/** A log that a trigger chained, as versions before the seals kept it. */
describe('the audit log of an earlier version', () => {
  const BEFORE = '0027-pages';
  let database: TestDatabase;
  let client: pg.Client;
  let db: Database;

  beforeEach(async () => {
    database = await createEmptyDatabase();
    await migrateToLatest(database.url);
    await rollBackTo(database.url, BEFORE);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await appendAsBefore(5);
    await migrateToLatest(database.url);
    db = openDatabase(database.url, { auditKeys: createAuditKeys([new Uint8Array(32)]) });
  });
  afterEach(async () => {
    await client.end();
    await db.close();
    await database.drop();
  });

  async function appendAsBefore(count: number): Promise<void> {
    await client.query(
      `insert into flag_promotions.audit_log (at, action, actor, detail)
        select now(), 'console.flag.promotion.denied', 'U' || n, jsonb_build_object('n', n, 'text', 'ünï ☃') from generate_series(1, ${count}) n`,
    );
  }
  const append = () =>
    db.audit.append({
      at: new Date(),
      action: 'console.flag.promotion.denied',
      actor: 'U0KRIS',
      promotionId: null,
      detail: {},
    });
  const timers = realTimers(() => performance.now());
  const seal = () => sealOnce({ seals: db.seals, timers, log: createLogger('silent'), takesAnyKey: false });
  const setClock = (ahead: string) =>
    client.query(
      `create or replace function flag_promotions.clock() returns timestamptz language sql volatile as 'select now() + interval ''${ahead}'''`,
    );
  async function tamper(...statements: readonly string[]): Promise<void> {
    for (const table of ['audit_log', 'audit_head']) {
      await client.query(`alter table flag_promotions.${table} disable trigger user`);
    }
    for (const sql of statements) await client.query(sql);
  }
  const rehash = (id: number) =>
    `update flag_promotions.audit_log e set hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') where id = ${id};`;

  test('goes on after its head, which the first seal covers at once', async () => {
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 5, unsealed: 0, seal: null });
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 5, unsealed: 0, seal: { number: '1' } });
    await append();
    await seal();
    const { rows } = await client.query('select id from flag_promotions.audit_log order by id desc limit 1');
    expect(rows).toEqual([{ id: '6' }]);
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 6, unsealed: 0, seal: { number: '2' } });
  });

  test('takes what a process of that version still writes, for a while', async () => {
    await appendAsBefore(1);
    await seal();
    await appendAsBefore(1);
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 7, unsealed: 0 });
    await setClock('11 minutes');
    await appendAsBefore(1);
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '8' });
    // Nor later, by a first seal that looks newer.
    await tamper(
      'alter table flag_promotions.audit_seals disable trigger user',
      'create table kept as select at from flag_promotions.audit_seals where number = 1',
      'update flag_promotions.audit_seals set at = flag_promotions.clock() where number = 1',
    );
    await seal();
    await tamper('update flag_promotions.audit_seals set at = (select at from kept) where number = 1');
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '8' });
  });

  test('a clock that is set back does not open that while again', async () => {
    await seal();
    await setClock('11 minutes');
    await append();
    await seal();
    await setClock('1 minute');
    await appendAsBefore(1);
    await seal();
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '7' });
  });

  test.each([
    ['a changed detail', `update flag_promotions.audit_log set detail = '{}' where id = 3`, '3'],
    ['a removed event', 'delete from flag_promotions.audit_log where id = 2', '2'],
    ['a cut tail', 'delete from flag_promotions.audit_log where id >= 4', '4'],
    [
      'an event with its hash computed anew',
      `update flag_promotions.audit_log e set actor = 'x' where id = 3; ${rehash(3)}`,
      '4',
    ],
    [
      'the last one changed with the head',
      `update flag_promotions.audit_log e set actor = 'x' where id = 5; ${rehash(5)}
       update flag_promotions.audit_head set last_hash = (select hash from flag_promotions.audit_log where id = 5)`,
      '6',
    ],
  ])('tells %s, and where', async (_what, tampering, firstBrokenId) => {
    await append();
    await seal();
    await tamper(tampering);
    expect(await db.audit.verify()).toMatchObject({ intact: false, firstBrokenId });
  });

  test('is a chain again if the schema goes back', async () => {
    for (let count = 0; count < 3; count += 1) await append();
    // An unused number.
    await client.query(`select nextval(pg_get_serial_sequence('flag_promotions.audit_log', 'id'))`);
    await append();
    await seal();
    await rollBackTo(database.url, BEFORE);
    await appendAsBefore(1);
    const { rows } = await client.query(
      `select id, hash = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex') as fits,
              prev_hash = lag(hash, 1, repeat('0', 64)) over (order by id) as follows
         from flag_promotions.audit_log e order by id`,
    );
    expect(rows).toEqual(Array.from({ length: 10 }, (_, n) => ({ id: `${n + 1}`, fits: true, follows: true })));
    await migrateToLatest(database.url);
    expect(await db.audit.verify()).toMatchObject({ intact: true, events: 10 });
  });
});
