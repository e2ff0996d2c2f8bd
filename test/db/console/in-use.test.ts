import pg from 'pg';
import { openDatabase } from '../../../src/db/database.js';
import { askOf } from '../../../src/db/console/ask.js';
import { alterBriefly } from '../../../src/db/console/brief-lock.js';
import { baseOf } from '../../../src/db/console/indexes.js';
import { parseStateMap, USUAL_CONSOLE } from '../../../src/db/console/settings.js';
import { inspectDatabase } from '../../../src/db/inspection.js';
import { migrate, migrateToLatest } from '../../../src/db/migrate.js';
import { judgeFor } from '../../../src/db/usable.js';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';

/* A table that its console uses while it is adopted. */

let database: TestDatabase;
const clients: pg.Client[] = [];
beforeEach(async () => {
  database = await createEmptyDatabase();
  await run(`
    create table console_flag_promotions (
      id serial primary key, flag_key text not null, heroku_app text not null, state text not null, started_at timestamptz);
    insert into console_flag_promotions (flag_key, heroku_app, state, started_at) values
      ('stuck', 'app', 'deploying', now() - interval '4 days'), ('ended', 'app', 'deployed', now() - interval '5 days')`);
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await database.drop();
});

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

async function run(sql: string): Promise<Record<string, unknown>[]> {
  const client = await connected();
  return (await client.query<Record<string, unknown>>(sql)).rows;
}

const indexes = async () =>
  (
    await run(
      `select i.relname as name, x.indisvalid as valid from pg_index x join pg_class i on i.oid = x.indexrelid
        where x.indrelid = 'console_flag_promotions'::regclass order by 1`,
    )
  ).map(({ name, valid }) => ({ name: String(name), valid }));
const ourIndexes = async () => (await indexes()).filter(({ name }) => baseOf(name) !== null);
const ALL = ['deployed', 'ended', 'flag_key', 'odd_states', 'one_active', 'promoted', 'promoter_due', 'stuck_clock'];

/** What the console does all the time, with the patience of somebody waiting for a page. */
async function useTable(): Promise<void> {
  await run(`set statement_timeout = '2s'; select count(*) from console_flag_promotions;
    insert into console_flag_promotions (flag_key, heroku_app, state) values ('new_' || random(), 'app', 'marked');
    update console_flag_promotions set state = 'deployed' where flag_key = 'ended'`);
}

/** A migration that waits for a report, while the console works on. */
async function migrateBehindReport() {
  const report = await connected();
  await report.query('begin; select count(*) from console_flag_promotions');
  const said: string[] = [];
  const migrating = migrate(database.url, { say: (line) => said.push(line) });
  await eventually(async () => expect(said.join('\n')).toMatch(/Waiting for whoever uses the table \(process \d+/u));
  for (let times = 0; times < 5; times += 1) await useTable();
  return { report, migrating };
}

test('a long report delays adding the columns, and nobody else', async () => {
  const { report, migrating } = await migrateBehindReport();
  await report.query('commit');
  expect(await migrating).toMatchObject({ promotions: { kind: 'adopted', deploying: 1 } });
  expect((await ourIndexes()).map(({ name }) => baseOf(name))).toEqual(ALL);
});

test('a long report delays trying the columns, and nobody else, with triggers of every kind', async () => {
  await run(`create function seen() returns event_trigger language plpgsql as $$ begin perform 1; end $$;
    create event trigger seen on ddl_command_end execute function seen();
    create function same() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger same before update on console_flag_promotions for each row execute function same()`);
  const { report, migrating } = await migrateBehindReport();
  expect(await run(`select 1 from pg_namespace where nspname = 'flag_promotions'`)).toEqual([]);
  await report.query('commit');
  expect(await migrating).toMatchObject({ promotions: { kind: 'adopted', deploying: 1 } });
});

test('a trigger that waits for an advisory lock is named, and once the lock is free the migration goes on', async () => {
  await run(`create function guard() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(7); return new; end $$;
    create trigger guard before update on console_flag_promotions for each row execute function guard()`);
  const holder = await connected();
  await holder.query('select pg_advisory_lock(7)');
  const said: string[] = [];
  const migrating = migrate(database.url, { say: (line) => said.push(line) });
  const waits =
    'The function guard, which the console’s table calls, waits for a lock that somebody holds: trying again.';
  await eventually(async () => expect(said).toContain(waits));
  expect(said).toContain('reading the rows of public.console_flag_promotions');
  expect(await run(`select 1 from pg_namespace where nspname = 'flag_promotions'`)).toEqual([]);
  await holder.query('select pg_advisory_unlock(7)');
  expect(await migrating).toMatchObject({ promotions: { kind: 'adopted', deploying: 1 } });
});

test('a report under way costs neither doctor nor `migrate --sql` what they find, and they lock nobody out', async () => {
  await run(`select setval('console_flag_promotions_id_seq', 1, false)`);
  const behind = { weight: 'limits', says: expect.stringContaining('The default of id gives numbers that are taken') };
  const report = await connected();
  await report.query('begin; select count(*) from console_flag_promotions');
  const { findings } = await judgeFor(database.url, USUAL_CONSOLE, null);
  expect(findings).toEqual([expect.objectContaining(behind)]);
  const inspection = await inspectDatabase(database.url);
  expect(inspection.findings).toEqual([expect.objectContaining({ says: behind.says })]);
});

test('if somebody locks the table just before the ALTER, it gives up after two seconds and is tried again', async () => {
  const [table] = await run(`select 'console_flag_promotions'::regclass::oid::text as oid`);
  const vacuum = await connected();
  await vacuum.query('begin; lock table console_flag_promotions in share update exclusive mode');
  const migrating = await connected();
  await migrating.query(`set statement_timeout = '20s'`);
  const sql = ['alter table console_flag_promotions add column rca_url text'];
  const stopAt = (line: string) => {
    throw new Error(line);
  };
  await expect(alterBriefly(askOf(migrating), String(table?.['oid']), sql, stopAt)).rejects.toThrow(
    'The table is in use: trying again.',
  );
  await vacuum.query('commit');
  await useTable();
});

test('a migration that is killed while it builds an index leaves a table that works, and the next one goes on', async () => {
  // It holds no lock of the table: only the index's last phase waits for its snapshot.
  const report = await connected();
  await report.query('begin isolation level repeatable read; select 1');
  const migrating = migrate(database.url).then(
    () => 'done',
    () => 'killed',
  );
  await eventually(async () => expect(await ourIndexes()).toEqual([{ name: expect.anything(), valid: false }]));
  await useTable();
  await run(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'flag-promotions-migrate' and datname = current_database()`,
  );
  expect(await migrating).toBe('killed');
  await useTable();
  expect(await ourIndexes()).toEqual([{ name: expect.stringContaining('one_active'), valid: false }]);
  await report.query('commit');

  await migrateToLatest(database.url);
  expect(await ourIndexes()).toEqual(ALL.map((base) => ({ name: expect.stringContaining(base), valid: true })));
  expect(await migrate(database.url)).toEqual({ migrations: [], promotions: null, notes: [] });
});

test('whoever migrates at the same time waits, without a snapshot that the other would wait for', async () => {
  const report = await connected();
  await report.query('begin isolation level repeatable read; select 1');
  const said: string[] = [];
  const migrating = [migrate(database.url), migrate(database.url, { say: (line) => said.push(line) })];
  await eventually(async () => expect(await ourIndexes()).toHaveLength(1));
  await report.query('commit');
  const results = await Promise.all(migrating);
  expect(results.map(({ migrations }) => migrations.length > 0).sort()).toEqual([false, true]);
  expect((await ourIndexes()).every(({ valid }) => valid === true)).toBe(true);
});

test('an index that PostgreSQL goes on building, because its client was killed, is waited for', async () => {
  const report = await connected();
  await report.query('begin isolation level repeatable read; select 1');
  const orphan = await connected();
  const built = orphan.query('create index concurrently orphan on console_flag_promotions (started_at)');
  await eventually(async () => expect(await indexes()).toContainEqual({ name: 'orphan', valid: false }));
  const said: string[] = [];
  const migrating = migrate(database.url, { say: (line) => said.push(line) });
  await eventually(async () =>
    expect(said.join('\n')).toMatch(/^Process \d+ of PostgreSQL is building an index of the table/mu),
  );
  await report.query('commit');
  await Promise.all([built, migrating]);
  expect((await indexes()).every(({ valid }) => valid === true)).toBe(true);
});

test('rows that a second promotion came to stand beside meanwhile are named, and nothing half stays', async () => {
  const writer = await connected();
  // Nobody sees it yet.
  await writer.query(
    `begin; insert into console_flag_promotions (flag_key, heroku_app, state) values ('stuck', 'app', 'marked')`,
  );
  const said: string[] = [];
  const migrating = migrate(database.url, { say: (line) => said.push(line) });
  // Checked below: it rejects before.
  migrating.catch(() => undefined);
  await eventually(async () => expect(said.join('\n')).toContain('Waiting for whoever uses the table'));
  await writer.query('commit');
  await expect(migrating).rejects.toThrow('FLAG_STUCK on app (rows 1, 3)');
  expect(await ourIndexes()).toEqual([]);
  await run(`update console_flag_promotions set state = 'cancelled' where id = 3`);
  await migrateToLatest(database.url);
  expect((await ourIndexes()).map(({ name }) => baseOf(name))).toEqual(ALL);
});

test('another STATE_MAP is seen at once, and gets indexes of its own by the next migration', async () => {
  await run(`update console_flag_promotions set state = 'in_progress' where id = 1`);
  expect((await migrate(database.url, { survey: true })).promotions).toMatchObject({
    deploying: 0,
    oddStates: [{ word: 'in_progress', count: 1 }],
  });
  const before = await ourIndexes();
  const console = { table: null, stateMap: parseStateMap('in_progress=deploying').stateMap };
  const db = openDatabase(database.url, { console });
  try {
    expect((await db.alerts.gather(new Date())).stuck).toHaveLength(1);
    expect(await db.oddStates()).toMatchObject({ states: [], total: 0 });
  } finally {
    await db.close();
  }
  expect((await migrate(database.url, { console })).promotions).toMatchObject({ deploying: 1, oddStates: [] });
  const after = await ourIndexes();
  expect(after.map(({ name }) => baseOf(name))).toEqual(ALL);
  // The flag key's index has no state in it.
  const kept = after.filter(({ name }) => before.some((index) => index.name === name));
  expect(kept.map(({ name }) => baseOf(name))).toEqual(['flag_key']);
});

test('times without a zone are read in a zone that the database was given since, and indexed anew by the next migration', async () => {
  await run('alter table console_flag_promotions add column promoted_at timestamp');
  await run(`update console_flag_promotions set promoted_at = '2026-05-09 04:28'`);
  await migrateToLatest(database.url);
  const before = await ourIndexes();
  await run(`alter database "${new URL(database.url).pathname.slice(1)}" set TimeZone = 'Asia/Kolkata'`);
  const db = openDatabase(database.url);
  try {
    expect(await db.promotions.find('1')).toMatchObject({ promotedAt: new Date('2026-05-08T22:58:00Z') });
    expect((await db.alerts.gather(new Date('2026-05-08T22:58:00Z'))).stuck).toHaveLength(1);
    expect((await db.alerts.gather(new Date('2026-05-08T22:57:59Z'))).stuck).toHaveLength(0);
  } finally {
    await db.close();
  }
  await migrateToLatest(database.url);
  const after = await ourIndexes();
  expect(after.map(({ name }) => baseOf(name))).toEqual(ALL);
  const anew = after.filter(({ name }) => !before.some((index) => index.name === name));
  expect(anew.map(({ name }) => baseOf(name))).toEqual(['promoted', 'stuck_clock']);
});

test('columns and indexes of earlier versions become those of today', async () => {
  await run(`
    alter table console_flag_promotions add column created_at timestamptz not null default now();
    comment on column console_flag_promotions.created_at is 'added by flag-promotions';
    create index flag_promotions_stuck_clock_0123abcd on console_flag_promotions (started_at) where state = 'deploying';
    create unique index flag_promotions_one_active_0123abcd on console_flag_promotions (heroku_app) where state = 'marked'`);
  await migrateToLatest(database.url);
  expect((await ourIndexes()).map(({ name }) => baseOf(name))).toEqual(ALL);
  expect((await ourIndexes()).every(({ name }) => !name.endsWith('_0123abcd'))).toBe(true);
  const nullable = await run(
    `select attnotnull as never from pg_attribute where attrelid = 'console_flag_promotions'::regclass and attname = 'created_at'`,
  );
  expect(nullable).toEqual([{ never: false }]);
});

test('without its table, a statement on it says so, and what needs none goes on', async () => {
  await migrateToLatest(database.url);
  await run('alter table console_flag_promotions rename to elsewhere');
  const db = openDatabase(database.url, { maxConnections: 1 });
  try {
    await expect(db.promotions.find('1')).rejects.toThrow('no table of promotions: flag-promotions doctor says why');
    expect(await db.audit.verify()).toMatchObject({ intact: true });
    await expect(migrate(database.url)).rejects.toThrow(
      'The table public.console_flag_promotions, which migrate adopted, is gone. If it was renamed or moved, set CONSOLE_TABLE',
    );
    await run('alter table elsewhere rename to console_flag_promotions');
    // The connection made without it meets the fault, and is closed.
    await expect(db.promotions.find('1')).rejects.toThrow('no table of promotions');
    expect(await db.promotions.find('1')).toMatchObject({ state: 'deploying' });
  } finally {
    await db.close();
  }
});

test('rows that are there keep no time of their making, so what is stuck stays so; later ones get one', async () => {
  const { promotions } = await migrate(database.url);
  await run(`insert into console_flag_promotions (flag_key, heroku_app, state) values ('later', 'app', 'deploying')`);
  expect(
    await run('select created_at is null as none, updated_at is null as same from console_flag_promotions order by id'),
  ).toEqual([
    { none: true, same: true },
    { none: true, same: true },
    { none: false, same: false },
  ]);
  const db = openDatabase(database.url);
  try {
    const { stuck } = await db.alerts.gather(new Date(Date.now() - 12 * 3_600_000));
    expect(stuck.map(({ promotion }) => promotion.id)).toEqual(['1']);
  } finally {
    await db.close();
  }
  const sql =
    'update public.console_flag_promotions set promoted_at = started_at where promoted_at is null and started_at is not null;';
  expect(promotions).toMatchObject({
    timeHints: [{ column: 'started_at', ours: 'promoted_at', sql }],
    oddStarts: [{ id: '1', recorded: null }],
  });
  await run(sql);
  expect((await migrate(database.url, { survey: true })).promotions).toMatchObject({ timeHints: [], oddStarts: [] });
});

test.each(['startedat', '"startedAt"', 'started_at_utc'])('a start under the name %s is pointed to', async (name) => {
  await run(`alter table console_flag_promotions rename started_at to ${name}`);
  const { promotions } = await migrate(database.url);
  expect(promotions).toMatchObject({ timeHints: [{ column: name, ours: 'promoted_at' }] });
});
