import { type Database, openDatabase } from '../../../src/db/database.js';
import { createTestDatabase, onTestServer, type TestDatabase } from '../../support/database.js';
import { createRowStore, type RowStore } from '../../support/row-store.js';
import { enrol, NOW } from '../../support/rows.js';

/* A write that is refused later: whose affair is it, the console's team's or the app's administrator's? */

const role = `later_${process.pid}`;
let database: TestDatabase;
let rows: RowStore;
let db: Database;
beforeEach(async () => {
  database = await createTestDatabase();
  rows = createRowStore(database.url);
  await rows.query(`create role ${role} login password 'later'`);
  await rows.query(`grant usage on schema public, flag_promotions to ${role}`);
  await rows.query(`grant select, insert, update, delete on all tables in schema public, flag_promotions to ${role}`);
  const address = new URL(database.url);
  address.username = role;
  address.password = 'later';
  db = openDatabase(address.href);
});
afterEach(async () => {
  await db.close();
  await rows.close();
  await database.drop();
  await onTestServer(`drop role ${role}`);
});

/** How the refusal of a mark is explained, after `sql` of the database's owner; `words`: PostgreSQL's. */
async function explained(sql: string, words = 'permission denied for table operators') {
  const kris = await enrol(db, 'U0KRIS');
  await rows.query(sql);
  const names = { flagKey: 'flag', herokuApp: 'app', configVar: 'FLAG', targetValue: 'true' };
  const error: unknown = await db.transitions.mark(names, kris.id, NOW).then(
    () => 'It was marked.',
    (refused: unknown) => refused,
  );
  expect(String(error)).toContain(words);
  return db.explainRefusal(error);
}

test('a right on a table of the app’s is no matter of the console’s team, though PostgreSQL tells no schema', async () => {
  expect(await explained(`revoke select on flag_promotions.operators from ${role}`)).toBeNull();
});

test('nor is one on the app’s schema', async () => {
  const sql = `revoke usage on schema flag_promotions from ${role}`;
  expect(await explained(sql, 'permission denied for schema flag_promotions')).toBeNull();
});

const TRIGGER = `create schema console; create table console.operators (id bigint);
  create function public.guard() returns trigger language plpgsql as
    $$ begin insert into console.operators values (new.id); return new; end $$;
  create trigger guard before insert on console_flag_promotions for each row execute function public.guard();`;

test('one on a table of that name which a trigger of the console’s writes to is theirs', async () => {
  const found = await explained(`${TRIGGER} grant usage on schema console to ${role}`);
  expect(found).toEqual({
    words: 'permission denied for table operators',
    cure: [`grant insert on console.operators to ${role};`],
  });
});

test('so it is if the app’s own table of that name is closed, too', async () => {
  const found = await explained(
    `${TRIGGER} grant usage on schema console to ${role}; revoke insert on flag_promotions.operators from ${role}`,
  );
  expect(found?.cure).toEqual([`grant insert on console.operators to ${role};`]);
});
