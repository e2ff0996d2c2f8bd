import pg from 'pg';
import { createOwnDatabase, createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startSessionPool } from '../support/session-pool.js';

/* A test must not notice that its database, or a session, has served another one. */

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'a test' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function within<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const run = (url: string, sql: string) => within(url, (client) => client.query(sql));

const nameOf = (database: TestDatabase): string => new URL(database.url).pathname;

/** Each table's rows, and what the sequences count next. */
const contentsOf = (url: string) =>
  within(url, async (client) => {
    const { rows: tables } = await client.query(
      `select oid::regclass::text as name, case relkind when 'S' then 'last_value, is_called' else '*' end as columns from pg_class where oid >= 16384 and relkind in ('r', 'S') order by 1`,
    );
    const contents: unknown[] = [];
    for (const { name, columns } of tables) {
      contents.push([name, (await client.query(`select ${columns} from ${name}`)).rows]);
    }
    return contents;
  });

const clockOf = async (url: string): Promise<string> =>
  (await run(url, `select prosrc from pg_proc where oid = 'flag_promotions.clock'::regproc`)).rows[0].prosrc;

const INSERT = `insert into console_flag_promotions (flag_key, heroku_app, config_var, state)
  values ('flag', 'app', 'VAR', 'marked')`;

test('the next test has the database with the rows, the sequences and the clock of a new one', async () => {
  const one = await createTestDatabase();
  const [before, clock] = [await contentsOf(one.url), await clockOf(one.url)];
  await run(one.url, INSERT);
  await run(one.url, INSERT.replaceAll('marked', 'failed'));
  await run(one.url, `delete from console_flag_promotions where state = 'marked'`);
  await run(one.url, `update flag_promotions.installation set slack_team_id = 'T1'`);
  await run(one.url, `insert into flag_promotions.audit_log (at, action, actor) values (now(), 'a', 'b')`);
  await run(
    one.url,
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile as 'select now()'`,
  );
  await one.drop();

  const next = await createTestDatabase();
  expect(nameOf(next)).toBe(nameOf(one));
  expect(await contentsOf(next.url)).toEqual(before);
  expect(await clockOf(next.url)).toBe(clock);
  // No room of former rows.
  await run(next.url, INSERT);
  expect((await run(next.url, 'select ctid::text as at from console_flag_promotions')).rows).toEqual([{ at: '(0,1)' }]);
  await next.drop();
});

test.each([
  'create table public.own ()',
  'alter table console_flag_promotions add column own text',
  'alter table console_flag_promotions alter column flag_key drop not null',
  'create index on console_flag_promotions (flag_key)',
  'drop index flag_promotions.denials_since',
  'alter table console_flag_promotions enable row level security',
  'grant select on console_flag_promotions to public',
  'create schema own',
  'create type own as enum ()',
  `create function own() returns int language sql as 'select 1'`,
  'analyze console_flag_promotions',
  `do $$ begin execute format('alter database %I set work_mem = 128', current_database()); end $$`,
])('a database in which more than rows has changed is not used again: %s', async (sql) => {
  const one = await createTestDatabase();
  await run(one.url, INSERT);
  await run(one.url, sql);
  await one.drop();

  const next = await createTestDatabase();
  expect(nameOf(next)).not.toBe(nameOf(one));
  await next.drop();
});

test('nor is one to which somebody is still connected', async () => {
  const one = await createTestDatabase();
  const client = await connect(one.url);
  await one.drop();
  await expect(client.query('select 1')).rejects.toThrow(/terminat|connection error/u);
});

describe('a session that somebody else had', () => {
  let database: TestDatabase;
  let url: string;
  beforeEach(async () => {
    database = await createOwnDatabase();
    url = (await startSessionPool(database.url)).urlOf(database.url);
  });
  afterEach(() => database.drop());

  const pidOf = (client: pg.Client): Promise<number> =>
    client.query('select pg_backend_pid() as pid').then(({ rows }) => rows[0].pid);
  /** Which process served this, once it is the next one's. */
  const unused = (pid: number) =>
    eventually(async () => {
      const { rows } = await run(
        database.url,
        `select from pg_stat_activity where pid = ${pid} and application_name = 'unused'`,
      );
      expect(rows).toHaveLength(1);
    });
  const gone = (pid: number) =>
    eventually(async () => {
      expect((await run(database.url, `select from pg_stat_activity where pid = ${pid}`)).rows).toEqual([]);
    });

  test('has nothing of theirs', async () => {
    const pid = await within(url, async (client) => {
      await client.query(`set work_mem = '128kB'`);
      await client.query(`set application_name = 'another'`);
      await client.query('create temporary table own ()');
      await client.query('listen own');
      await client.query('select pg_advisory_lock(1)');
      await client.query({ name: 'own', text: 'select 1' });
      return pidOf(client);
    });
    await unused(pid);
    await within(url, async (client) => {
      expect(await pidOf(client)).toBe(pid);
      const { rows } = await client.query(
        `select current_setting('application_name') as name, current_setting('work_mem') as memory,
                to_regclass('own') as own, array(select pg_listening_channels()) as channels,
                (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
                (select count(*)::int from pg_prepared_statements) as prepared`,
      );
      const memory = (await run(database.url, 'show work_mem')).rows[0].work_mem;
      expect(rows).toEqual([{ name: 'a test', memory, own: null, channels: [], locks: 0, prepared: 0 }]);
    });
  });

  test('is theirs alone until they leave', async () => {
    const [one, other] = [await connect(url), await connect(url)];
    expect(await pidOf(one)).not.toBe(await pidOf(other));
    await one.end();
    await other.end();
  });

  test('serves only who gives the same account, database and settings', async () => {
    const pid = await within(url, pidOf);
    await unused(pid);
    const client = new pg.Client({ connectionString: url, application_name: 'a test', options: '-c work_mem=128' });
    await client.connect();
    expect(await pidOf(client)).not.toBe(pid);
    await client.end();
  });

  test('ends if they leave it amid a transaction', async () => {
    const pid = await within(url, async (client) => {
      await client.query('begin');
      return pidOf(client);
    });
    await gone(pid);
  });

  test('ends if they leave it amid a statement', async () => {
    const client = await connect(url);
    const pid = await pidOf(client);
    const lost = client.query('select pg_sleep(0.2)').catch((error: unknown) => error);
    client.connection.stream.destroy();
    expect(await lost).toBeInstanceOf(Error);
    await gone(pid);
  });

  test.each([
    'alter role current_user connection limit -1',
    'ALTER  DATABASE {database} CONNECTION LIMIT -1',
    `do $$ begin execute 'alter role current_user connection limit -1'; end $$`,
  ])('ends once it may differ from a new one: %s', async (sql) => {
    const pid = await within(url, pidOf);
    await unused(pid);
    const client = await connect(url);
    expect(await pidOf(client)).toBe(pid);
    const other = await within(url, pidOf);
    await unused(other);
    await client.query(sql.replace('{database}', client.escapeIdentifier(nameOf(database).slice(1))));
    await gone(other);
    await client.end();
    await gone(pid);
  });

  test('can be ended by the server, and a query in it can be cancelled', async () => {
    const client = await connect(url);
    const pid = await pidOf(client);
    const slow = client.query('select pg_sleep(60)').catch((error: unknown) => error);
    await run(database.url, `select pg_cancel_backend(${pid})`);
    expect(await slow).toMatchObject({ code: '57014' });
    const lost = client.query('select pg_sleep(60)').catch((error: unknown) => error);
    await run(database.url, `select pg_terminate_backend(${pid})`);
    expect(await lost).toBeInstanceOf(Error);
  });
});
