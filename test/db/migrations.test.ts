import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import knexFactory from 'knex';
import pg from 'pg';
import { migrations } from '../../migrations/index.js';
import { baseOf } from '../../src/db/console/indexes.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { migrateToLatest, rollBackAll, rollBackTo } from '../../src/db/migrate.js';
import { createRecoveryHash } from '../../src/operators/recovery-codes.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { createEmptyDatabase, sessionPool, type TestDatabase } from '../support/database.js';
import { createRowStore, type RowStore } from '../support/row-store.js';
import { enrol, NOW, submission, typed } from '../support/rows.js';

const names = migrations.map(({ name }) => name);

let database: TestDatabase;
/** Through the session pool: each test connects ten times, one after the other. */
let url: string;
let sql: RowStore;
const opened: Database[] = [];
beforeEach(async () => {
  database = await createEmptyDatabase();
  url = (await sessionPool()).urlOf(database.url);
  sql = createRowStore(url);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.close()));
  await sql.close();
  await database.drop();
});

function open(): Database {
  const db = openDatabase(url, { maxConnections: 3 });
  opened.push(db);
  return db;
}

/** Several statements at once, which a pool with parameters would refuse. */
async function run(statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}

/** The catalog's entries for relations and functions in these schemas, apart from knex's own tables. */
async function catalogue(schemas = ['public', 'flag_promotions']): Promise<Record<string, unknown>> {
  const list = schemas.map((name) => `'${name}'`).join(', ');
  const ours = `n.nspname in (${list}) and c.relname not like 'migrations%'`;
  const of = (query: string) => sql.query<Record<string, unknown>>(query);
  return {
    relations: await of(
      `select c.relname, c.relkind, c.relfilenode, c.relacl::text, obj_description(c.oid) as comment
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${ours} order by 1`,
    ),
    columns: await of(
      `select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, a.attidentity,
              a.attgenerated, pg_get_expr(d.adbin, d.adrelid) as by_default, col_description(c.oid, a.attnum) as comment
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where ${ours} and a.attnum > 0 and not a.attisdropped order by 1, 2`,
    ),
    indexes: await of(
      `select indexname, indexdef from pg_indexes where schemaname in (${list}) and tablename not like 'migrations%' order by 1`,
    ),
    constraints: await of(
      `select c.relname, k.conname, k.contype, k.convalidated, pg_get_constraintdef(k.oid) as definition
         from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        where ${ours} order by 1, 2`,
    ),
    triggers: await of(
      `select c.relname, pg_get_triggerdef(t.oid) as definition
         from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
        where ${ours} and not t.tgisinternal order by 1, 2`,
    ),
    functions: await of(
      `select pg_get_functiondef(p.oid) as definition
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in (${list}) order by 1`,
    ),
    types: await of(
      `select typname from pg_type join pg_namespace n on n.oid = typnamespace
        where n.nspname in (${list}) and typname !~ '^_?migrations' order by 1`,
    ),
  };
}

const COLUMNS = `select column_name as name from information_schema.columns where table_name = 'console_flag_promotions'`;
const columnNames = async () =>
  (await sql.query<{ name: string }>(`${COLUMNS} order by ordinal_position`)).map(({ name }) => name);
const indexNames = async () =>
  (
    await sql.query<{ name: string }>(
      `select indexname as name from pg_indexes where tablename = 'console_flag_promotions'`,
    )
  ).map(({ name }) => name);

/** The given columns of every row as PostgreSQL writes them, and which transaction wrote the row. */
async function rowsOf(columns: readonly string[]): Promise<readonly unknown[]> {
  const list = columns.map((name) => `"${name}"::text`).join(', ');
  return sql.query(`select ctid::text, xmin::text, ${list} from console_flag_promotions order by ctid`);
}

const MINIMAL = `
  create table console_flag_promotions (
    id serial primary key,
    flag_key varchar(200) not null,
    heroku_app varchar(100) not null,
    state varchar(20) not null,
    promoted_at timestamp
  );
  insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values
    ('console_heroku_log_drain_alerting', 'raxx-console-prod', 'deploying', '2026-05-09 04:28:00.123456'),
    ('other_flag', 'raxx-console-prod', 'deployed', '2026-03-29 02:30'),
    ('third_flag', 'raxx-web', 'marked', null);`;

const LIKE_OURS = `
  create table console_flag_promotions (
    id bigint generated always as identity primary key,
    flag_key text not null, heroku_app text not null, config_var text not null,
    target_value text not null default 'true', previous_value text,
    state text not null default 'marked'
      constraint console_states check (state in ('marked', 'deploying', 'deployed', 'failed', 'cancelled')),
    checkpoint text, marked_by text, marked_at timestamptz, promoted_by text, promoted_at timestamptz,
    deployed_at timestamptz, failed_at timestamptz, failure_reason text, resolved_by text, resolution_note text,
    lease_owner text, lease_until timestamptz, attempts integer not null default 0, next_attempt_at timestamptz,
    last_error text, created_at timestamptz not null default now(), updated_at timestamptz not null default now()
  );
  create unique index on console_flag_promotions (heroku_app, config_var) where state in ('marked', 'deploying');
  insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at, resolution_note) values
    ('console_heroku_log_drain_alerting', 'raxx-console-prod', 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING', 'deploying',
     'PENDING_COMMIT:v42', '2026-05-09 04:28:00.123456Z', null),
    ('other_flag', 'raxx-console-prod', 'OTHER', 'failed', null, '2026-03-29 02:30Z', E'ünï\\n☃ <!channel>'),
    ('third_flag', 'raxx-web', 'FLAG_THIRD_FLAG', 'marked', null, null, null);`;

const OF_ITS_OWN = `
  create sequence console_tickets start 100;
  create table console_flag_promotions (
    ticket integer default nextval('console_tickets'),
    id integer not null default nextval('console_tickets'),
    flag_key varchar(200) collate "C" not null,
    heroku_app char(20) not null,
    state varchar(20) not null,
    promoted_at timestamp(0),
    marked_at timestamptz,
    "Odd Name" jsonb default '{"b": 1, "a": 2}',
    doubled integer generated always as (ticket * 2) stored,
    dropped text,
    primary key (ticket),
    constraint sane check (ticket > 0)
  );
  alter table console_flag_promotions drop column dropped;
  create unique index of_its_own on console_flag_promotions (id, state);
  create index console_by_state on console_flag_promotions (upper(state)) where ticket > 5;
  comment on table console_flag_promotions is 'the console''s';
  comment on column console_flag_promotions.state is 'a word';
  create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
  create trigger touched before update on console_flag_promotions for each row execute function touch();
  create view promotions_of_the_console as select id, state from console_flag_promotions;
  create table console_notes (ticket integer references console_flag_promotions);
  insert into console_flag_promotions (ticket, id, flag_key, heroku_app, state, promoted_at, marked_at) values
    (3, 1, 'console_heroku_log_drain_alerting', 'raxx-console-prod', 'deploying', '2026-05-09 04:28', null),
    (2, 2, 'other_flag', 'raxx-console-prod', 'rolled_back', '2026-03-29 02:30', '2026-03-29 02:30+05'),
    (1, 3, 'third_flag', 'raxx-web', 'Ünknown', null, null);
  delete from console_flag_promotions where ticket = 2;`;

/** A name, the table's SQL, and an insert of a second active promotion beside row 1. */
const TABLES = [
  [
    'a minimal table',
    MINIMAL,
    `insert into console_flag_promotions (flag_key, heroku_app, state)
      values ('console_heroku_log_drain_alerting', 'raxx-console-prod', 'marked')`,
  ],
  [
    'a table like ours, without rca_url',
    LIKE_OURS,
    `insert into console_flag_promotions (flag_key, heroku_app, config_var)
      values ('x', 'raxx-console-prod', 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING')`,
  ],
  [
    'a table with columns, indexes, a trigger, a view and states of its own',
    OF_ITS_OWN,
    `insert into console_flag_promotions (ticket, id, flag_key, heroku_app, state)
      values (9, 9, 'console_heroku_log_drain_alerting', 'raxx-console-prod', 'deploying')`,
  ],
] as const;

test('others’ objects on the app’s own tables keep them from being undone, and are named', async () => {
  await run(MINIMAL);
  await migrateToLatest(url);
  await run(`
    create view console_audit as select * from flag_promotions.audit_log;
    create table console_alerts (alert bigint references flag_promotions.alerts)`);
  const before = await catalogue();
  const rollback = () => rollBackAll(url);
  await expect(rollback()).rejects.toMatchObject({
    name: 'ConsoleTableError',
    message:
      'The app’s own tables can’t be dropped: the table console_alerts uses flag_promotions.alerts, the view console_audit uses flag_promotions.audit_log. Nothing was changed. Drop what uses them, then try again.',
  });
  expect(await catalogue()).toEqual(before);
  await run('drop view console_audit; drop table console_alerts');
  expect(await rollback()).toBe(true);
});

describe.each(TABLES)('adopting %s', (_what, made, second) => {
  test('changes no row, adds what is missing, and is taken back without a trace', async () => {
    await run(made);
    const original = await columnNames();
    const before = { catalogue: await catalogue(), rows: await rowsOf(original) };

    await migrateToLatest(url);
    expect(await rowsOf(original)).toEqual(before.rows);
    const names = await columnNames();
    expect(names.slice(0, original.length)).toEqual(original);
    expect(names).toEqual(
      expect.arrayContaining([
        ...['config_var', 'target_value', 'previous_value', 'checkpoint', 'marked_by', 'marked_at', 'promoted_by'],
        ...['promoted_at', 'deployed_at', 'failed_at', 'failure_reason', 'resolved_by', 'resolution_note', 'rca_url'],
        ...['lease_owner', 'lease_until', 'attempts', 'next_attempt_at', 'last_error', 'created_at', 'updated_at'],
      ]),
    );
    expect((await indexNames()).map(baseOf)).toEqual(expect.arrayContaining(['one_active', 'stuck_clock']));
    const after = await catalogue();
    for (const [what, of] of Object.entries(before.catalogue)) {
      expect(after[what]).toEqual(expect.arrayContaining(Array.isArray(of) ? of : []));
    }

    await rollBackAll(url);
    expect({ catalogue: await catalogue(), rows: await rowsOf(original) }).toEqual(before);
    // And once more: reverting leaves nothing in the way.
    await migrateToLatest(url);
    await rollBackAll(url);
    expect({ catalogue: await catalogue(), rows: await rowsOf(original) }).toEqual(before);
  });

  test('leaves rows that the app reads, resolves and links an RCA to, and a second active one is refused', async () => {
    await run(made);
    await migrateToLatest(url);
    const db = open();
    const found = await db.promotions.find('1');
    expect(found).toMatchObject({
      id: '1',
      flagKey: 'console_heroku_log_drain_alerting',
      configVar: 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING',
      targetValue: 'true',
      state: 'deploying',
      rcaUrl: null,
      resolvedBy: null,
    });
    expect(found?.promotedAt?.toISOString()).toMatch(/^2026-05-09T04:28:00/u);
    const page = await db.promotions.stuck(new Date('2026-05-09T16:28:01Z'), { offset: 0, limit: 9 });
    expect(page.rows.map(({ id }) => id)).toEqual(['1']);
    expect((await db.promotions.list({ beforeId: null, limit: 9 })).length).toBeGreaterThanOrEqual(2);
    expect(await db.promotions.newestOf('third_flag')).toMatchObject({ id: '3', configVar: 'FLAG_THIRD_FLAG' });
    expect((await db.alerts.gather(NOW)).stuck.map(({ promotion }) => promotion.id)).toEqual(['1']);
    await expect(sql.query(second)).rejects.toMatchObject({ code: '23505' });

    expect(await db.alerts.open({ promotionId: '1', severity: 'critical' }, NOW, null)).toBe(true);
    const kris = await enrol(db, 'U0KRIS');
    const rcaUrl = 'https://wiki.example/rca';
    const outcome = await db.promotions.resolve(submission('1', kris, { rcaUrl }), NOW, typed(kris.code()));
    expect(outcome).toMatchObject({ kind: 'resolved', promotion: { state: 'deployed', deployedAt: NOW, rcaUrl } });
    const again = await db.promotions.resolve(submission('1', kris), NOW, typed(kris.code(1)));
    expect(again).toMatchObject({ kind: 'already_resolved', at: NOW });
  });
});

describe('a table whose times carry no zone', () => {
  const TIMES = `
    create table console_flag_promotions (
      id serial primary key, flag_key text not null, heroku_app text not null, state text not null,
      promoted_at timestamp, deployed_at timestamp, failed_at timestamp
    );
    insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values
      ('a', 'app', 'deploying', '2026-05-09 04:28'), ('b', 'app', 'deploying', '2026-05-09 04:28');`;

  test.each(['America/New_York', 'Asia/Kolkata', 'UTC'])(
    'is read and written in the database’s zone by a process that runs in %s',
    async (zone) => {
      await run(TIMES);
      // Where it is two hours later.
      await run(`alter database "${new URL(url).pathname.slice(1)}" set TimeZone = 'Europe/Berlin'`);
      await migrateToLatest(url);
      await enrol(open(), 'U0KRIS');
      await sql.query(`update console_flag_promotions set checkpoint = 'INTENT' where id = 2`);
      const script = `
        const { openDatabase } = require('./src/db/database.ts');
        const test = async () => {
        const db = openDatabase(process.env.URL_OF_TEST);
        const at = new Date('${NOW.toISOString()}');
        const read = await db.promotions.find('1');
        const evidence = { kind: 'unavailable', checkedAt: at, reason: 'not_configured' };
        const resolved = await db.promotions.resolve(
          { promotionId: '1', action: 'completed', operatorId: 'U0KRIS', note: null, rcaUrl: null,
            shown: evidence, reread: evidence, confirmedContradiction: false,
            isAsShown: () => true, takesSecondPerson: () => false },
          at, { isRecoveryCode: false, check: () => ({ kind: 'accepted', step: 1 }) });
        const lease = { owner: 'x', durationMs: 9000 };
        await db.promoting.claimNext(lease, at);
        await db.promoting.commit('2', lease, { state: 'failed', reason: 'x' }, at, null);
        console.log(JSON.stringify({
          read: read.promotedAt, resolved: resolved.promotion.deployedAt,
          stuck: (await db.promotions.stuck(new Date('2026-05-09T02:27:59Z'), { offset: 0, limit: 5 })).total,
        }));
        await db.close();
        };
        void test();`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--require', 'tsx/cjs', '--eval', script], {
        env: { ...process.env, TZ: zone, URL_OF_TEST: url },
      });
      expect(JSON.parse(stdout)).toEqual({ read: '2026-05-09T02:28:00.000Z', resolved: NOW.toISOString(), stuck: 0 });
      const written = await sql.query(
        'select deployed_at::text, failed_at::text from console_flag_promotions order by id',
      );
      expect(written).toEqual([
        { deployed_at: '2026-05-10 08:00:10', failed_at: null },
        { deployed_at: null, failed_at: '2026-05-10 08:00:10' },
      ]);
    },
  );
});

describe('a table that the console made less strictly', () => {
  test('whose created_at and updated_at may be null does not stop the watch over the other rows', async () => {
    await run(`
      create table console_flag_promotions (
        id serial primary key, flag_key text, heroku_app text, state text, promoted_at timestamp,
        created_at timestamp default now(), updated_at timestamp
      );
      insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at, created_at) values
        ('a', 'app', 'deploying', '2026-05-09 04:28', null), ('b', 'app', 'deploying', '2026-05-09 04:29', now());`);
    await migrateToLatest(url);
    const db = open();
    expect((await db.alerts.gather(NOW)).stuck.map(({ promotion }) => promotion.flagKey)).toEqual(['a', 'b']);
    expect(await db.promotions.list({ beforeId: null, limit: 5 })).toHaveLength(2);
  });

  test.each([
    ['has no flag key', `update console_flag_promotions set flag_key = null where flag_key = 'a'`],
    ['has a time without end', `update console_flag_promotions set promoted_at = '-infinity' where flag_key = 'a'`],
  ])('one row of which %s does not hide the other rows from the watch', async (_what, spoil) => {
    await run(`
      create table console_flag_promotions (
        id serial primary key, flag_key text, heroku_app text, state text, promoted_at timestamptz
      );
      insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values
        ('a', 'app', 'deploying', '2026-05-09 04:28Z'), ('b', 'app', 'deploying', '2026-05-09 04:29Z');
      ${spoil}`);
    await migrateToLatest(url);
    const { stuck } = await open().alerts.gather(NOW);
    expect(stuck.map(({ promotion }) => promotion.flagKey)).toContain('b');
  });

  test('one row of which is deploying since nobody knows when is looked at, rather than overlooked for ever', async () => {
    await run(`
      create table console_flag_promotions (
        id serial primary key, flag_key text, heroku_app text, state text, created_at timestamptz
      );
      insert into console_flag_promotions (flag_key, heroku_app, state) values ('a', 'app', 'deploying')`);
    await migrateToLatest(url);
    expect((await open().alerts.gather(NOW)).stuck.map(({ promotion }) => promotion.flagKey)).toEqual(['a']);
  });

  test('whose id is a small integer answers null for an id that it cannot hold', async () => {
    await run(MINIMAL);
    await migrateToLatest(url);
    const db = open();
    expect(await db.promotions.find('3000000000')).toBeNull();
    expect(await db.promotions.list({ beforeId: '3000000000', limit: 5 })).toHaveLength(3);
  });

  test('that has indexes by names the app might have chosen keeps them when the migration is taken back', async () => {
    const names = ['one_active', 'stuck_clock', 'ended', 'flag_key', 'id'];
    const made = names.map(
      (name) => `create index console_flag_promotions_${name} on console_flag_promotions (flag_key);`,
    );
    await run(`${MINIMAL} ${made.join(' ')}`);
    const before = await catalogue();
    await migrateToLatest(url);
    await rollBackAll(url);
    expect(await catalogue()).toEqual(before);
  });

  test('whose states are an enum is adopted like any other', async () => {
    await run(withStates('queued', 'marked', 'deploying', 'deployed', 'failed', 'cancelled'));
    await migrateToLatest(url);
    const db = open();
    expect((await db.alerts.gather(NOW)).stuck.map(({ promotion }) => promotion.flagKey)).toEqual(['a']);
    expect(await db.promotions.lastEnded()).toBeNull();
    const kris = await enrol(db, 'U0KRIS');
    const outcome = await db.promotions.resolve(submission('1', kris), NOW, typed(kris.code()));
    expect(outcome).toMatchObject({ kind: 'resolved', promotion: { state: 'deployed' } });
  });
});

/** A table whose states are an enum of these words. */
function withStates(...words: readonly string[]): string {
  return `
    create type promotion_state as enum (${words.map((word) => `'${word}'`).join(', ')});
    create table console_flag_promotions (
      id serial primary key, flag_key text not null, heroku_app text not null, state promotion_state not null,
      promoted_at timestamptz
    );
    insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values
      ('a', 'app', 'deploying', '2026-05-09 04:28Z'), ('b', 'app', 'queued', null);`;
}

describe('a table that cannot be adopted', () => {
  async function expectRefusal(message: RegExp): Promise<void> {
    const before = { catalogue: await catalogue(['public']), rows: await rowsOf(await columnNames()) };
    await expect(migrateToLatest(url)).rejects.toThrow(message);
    expect({ catalogue: await catalogue(['public']), rows: await rowsOf(await columnNames()) }).toEqual(before);
  }

  test('for two active rows of one config var: both are named, the table is not changed, and mending it is enough', async () => {
    await run(`${MINIMAL} insert into console_flag_promotions (flag_key, heroku_app, state) values
      ('console_heroku_log_drain_alerting', 'raxx-console-prod', 'marked'), ('third_flag', 'raxx-console-prod', 'marked')`);
    await expectRefusal(
      /FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING on raxx-console-prod \(rows 1, 4\)\. The table was not changed/u,
    );
    await sql.query(`update console_flag_promotions set state = 'cancelled' where id = 4`);
    expect(await migrateToLatest(url)).toEqual(names);
  });

  test('for two active rows whose config var is the same, though their flags are not', async () => {
    await run(`${LIKE_OURS}
      drop index console_flag_promotions_heroku_app_config_var_idx;
      insert into console_flag_promotions (flag_key, heroku_app, config_var, state)
        values ('another', 'raxx-web', 'FLAG_THIRD_FLAG', 'deploying')`);
    await expectRefusal(/FLAG_THIRD_FLAG on raxx-web \(rows 3, 4\)/u);
  });

  test.each(['id', 'flag_key', 'heroku_app', 'state'])('for its lack of %s', async (column) => {
    await run(`${MINIMAL} alter table console_flag_promotions drop column ${column}`);
    await expectRefusal(new RegExp(`has no column ${column}[,.].*The table was not changed`, 'u'));
  });

  test('for ids that are no integers', async () => {
    await run(`create table console_flag_promotions (
        id uuid primary key default gen_random_uuid(), flag_key text not null, heroku_app text not null, state text not null);
      insert into console_flag_promotions (flag_key, heroku_app, state) values ('a', 'app', 'deploying')`);
    await expectRefusal(/console_flag_promotions.*\bid\b.*The table was not changed/u);
  });

  test('for states that are an enum without the words that the app writes', async () => {
    await run(withStates('queued', 'deploying', 'done'));
    await expectRefusal(/console_flag_promotions.*\bstate\b.*The table was not changed/u);
  });

  test('for ids that are there twice', async () => {
    await run(`create table console_flag_promotions (id integer, flag_key text, heroku_app text, state text);
      insert into console_flag_promotions values (1, 'a', 'app', 'deployed'), (1, 'b', 'app', 'deployed')`);
    await expectRefusal(/console_flag_promotions/u);
  });
});

describe('the migrations', () => {
  test('each take back exactly what they did, one by one', async () => {
    await run('create schema flag_promotions');
    const knex = knexFactory({ client: 'pg', connection: url, pool: { min: 0, max: 2 } });
    try {
      const states = [await catalogue()];
      for (const { migration } of migrations) {
        await knex.transaction((trx) => migration.up(trx));
        states.push(await catalogue());
      }
      // The two that were about the console's table do nothing any more.
      expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(migrations.length - 2 + 1);
      for (const { migration } of [...migrations].reverse()) {
        states.pop();
        await knex.transaction((trx) => migration.down(trx));
        expect(withoutFiles(await catalogue())).toEqual(withoutFiles(states.at(-1)));
      }
    } finally {
      await knex.destroy();
    }
  });

  test('run once, however many processes start together, also over a table with rows', async () => {
    await run(MINIMAL);
    const ran = await Promise.all(Array.from({ length: 5 }, () => migrateToLatest(url)));
    expect(ran.map((names) => names.length).sort()).toEqual([0, 0, 0, 0, migrations.length]);
    const applied = await sql.query('select name from flag_promotions.migrations order by id');
    expect(applied.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
    const before = await catalogue();
    expect(await migrateToLatest(url)).toEqual([]);
    expect(await catalogue()).toEqual(before);
  });

  test('each run in a transaction of its own, except if the schema is new', async () => {
    await migrateToLatest(url);
    const transactions = async () =>
      new Set(
        (await sql.query<{ xmin: string }>('select xmin::text from flag_promotions.migrations')).map(
          ({ xmin }) => xmin,
        ),
      ).size;
    expect(await transactions()).toBe(1);
    await rollBackTo(url, '0001-schema');
    await migrateToLatest(url);
    expect(await transactions()).toBe(migrations.length);
  });

  test('take the schema as it is where the account may not create one', async () => {
    const role = `poor_${randomBytes(4).toString('hex')}`;
    await run(`create role ${role} login password 'poor'; grant create on schema public to ${role}`);
    const poor = Object.assign(new URL(url), { username: role, password: 'poor' }).href;
    try {
      await expect(migrateToLatest(poor)).rejects.toThrow(`run: create schema flag_promotions authorization ${role};`);
      await run(`create schema flag_promotions authorization ${role}`);
      expect(await migrateToLatest(poor)).toEqual(names);
    } finally {
      await run(`drop owned by ${role} cascade; drop role ${role}`);
    }
  });

  test.each([
    ['adopt the table of the console', MINIMAL],
    ['make the table where the console would', ''],
  ])('%s for an account named like our schema, which it searches first', async (_what, made) => {
    await run(`${made} alter database "${new URL(url).pathname.slice(1)}" set search_path = flag_promotions, public`);
    await migrateToLatest(url);
    await rollBackAll(url);
    await migrateToLatest(url);
    const tables = await sql.query(
      `select schemaname as name from pg_tables where tablename = 'console_flag_promotions'`,
    );
    expect(tables).toEqual([{ name: 'public' }]);
  });

  test('are not held up by a process that was killed while it migrated', async () => {
    await migrateToLatest(url);
    await rollBackTo(url, '0001-schema');
    await sql.query('update flag_promotions.migrations_lock set is_locked = 1');
    expect(await migrateToLatest(url)).toHaveLength(migrations.length - 1);
  });

  test('go on from wherever an earlier version left off', async () => {
    await migrateToLatest(url);
    const after = await catalogue();
    const last = migrations.at(-1);
    const knex = knexFactory({ client: 'pg', connection: url, pool: { min: 0, max: 2 } });
    try {
      await knex.transaction(async (trx) => {
        await last?.migration.down(trx);
        await trx('flag_promotions.migrations').where({ name: last?.name }).delete();
      });
    } finally {
      await knex.destroy();
    }
    expect(await migrateToLatest(url)).toEqual([last?.name]);
    expect(withoutFiles(await catalogue())).toEqual(withoutFiles(after));
    await rollBackAll(url);
    expect(await columnNames()).toEqual([]);
  });

  test('leave alone what a newer version added: a replica of this one that restarts comes up', async () => {
    await migrateToLatest(url);
    await sql.query(
      `insert into flag_promotions.migrations (name, batch, migration_time) values ('9999-of-a-newer-version', 2, now())`,
    );
    expect(await migrateToLatest(url)).toEqual([]);
  });
});

/** A recreated table has another file. */
function withoutFiles(state: Record<string, unknown> | undefined): unknown {
  return JSON.parse(
    JSON.stringify(state, (key, value: unknown) => (key === 'relfilenode' || key === 'attnum' ? null : value)),
  );
}

describe('going back to an earlier schema', () => {
  const applied = async () =>
    (await sql.query<{ name: string }>('select name from flag_promotions.migrations order by id')).map(
      ({ name }) => name,
    );

  test('takes back what is newer, the newest first, and can be gone forward from again', async () => {
    await migrateToLatest(url);
    expect(await rollBackTo(url, '0006-recovery-codes')).toEqual(names.slice(6));
    expect(await applied()).toEqual(names.slice(0, 6));
    expect(await rollBackTo(url, '0006-recovery-codes')).toEqual([]);
    expect(await migrateToLatest(url)).toEqual(names.slice(6));
  });

  test('leaves secrets and recovery codes as versions without ids of keys read them', async () => {
    const key = randomBytes(32);
    const box = createSecretBox(key);
    const recovery = createRecoveryHash(key);
    await migrateToLatest(url);
    const store = async (id: string, sealed: string, hash: string) => {
      await sql.query(
        `insert into flag_promotions.operators (slack_user_id, role, totp_secret_encrypted) values ($1, 'engineer', $2)`,
        [id, sealed],
      );
      await sql.query('insert into flag_promotions.recovery_codes (slack_user_id, code_hash) values ($1, $2)', [
        id,
        hash,
      ]);
      await sql.query(
        `insert into flag_promotions.enrolments (token_hash, slack_user_id, role, purpose, invited_by,
           totp_secret_encrypted, recovery_code_hashes, expires_at) values ($1, $1, 'engineer', 'rotate', $1, $2, $3, now())`,
        [id, sealed, [hash, hash]],
      );
    };
    const stored = () =>
      sql.query(
        `select o.totp_secret_encrypted as secret, c.code_hash as code, e.totp_secret_encrypted as link,
                e.recovery_code_hashes as codes
           from flag_promotions.operators o join flag_promotions.recovery_codes c using (slack_user_id)
           join flag_promotions.enrolments e using (slack_user_id) order by slack_user_id`,
      );
    const [sealed, hash] = [box.seal('SECRET', 'U1'), recovery.ofNew('00000-00000', 'U1')];
    const [bareSealed, bareHash] = [sealed.replace(`${box.sealsWith}.`, ''), hash.replace(`${box.sealsWith}.`, '')];
    await store('U1', sealed, hash);
    await store('U2', bareSealed, bareHash);
    const ofToday = { secret: sealed, code: hash, link: sealed, codes: [hash, hash] };
    const bare = { secret: bareSealed, code: bareHash, link: bareSealed, codes: [bareHash, bareHash] };

    await rollBackTo(url, '0019-heroku-requests');
    expect(await stored()).toEqual([ofToday, bare]);
    await rollBackTo(url, '0018-taken-requests');
    expect(await stored()).toEqual([bare, bare]);
    expect(bare.secret).toMatch(/^v1\.[\w-]+$/u);
    expect(box.open(bare.secret, 'U1')).toBe('SECRET');
    expect(recovery.all('00000-00000', 'U1')).toContain(bare.code);
  });

  test('that the database never had is refused, and nothing is taken back', async () => {
    await migrateToLatest(url);
    await expect(rollBackTo(url, '0006')).rejects.toThrow('The database has no migration 0006.');
    expect(await applied()).toEqual(names);
  });
});
