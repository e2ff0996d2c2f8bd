import pg from 'pg';
import { type Database, openDatabase } from '../../../src/db/database.js';
import { ConsoleTableError } from '../../../src/db/console/refusal.js';
import { type ConsoleSettings, parseStateMap, USUAL_CONSOLE } from '../../../src/db/console/settings.js';
import { migrate, rollBackAll } from '../../../src/db/migrate.js';
import { judgeFor } from '../../../src/db/usable.js';
import { createEmptyDatabase, type TestDatabase, testServerVersion } from '../../support/database.js';
import { accepted, enrol, NOW, type Person, submission } from '../../support/rows.js';

/*
 * Tables as consoles make them: either the main job works, from the alert to the resolution, or one sentence says what
 * is wrong and what to run, and nothing was changed.
 */

let database: TestDatabase;
let client: pg.Client;
beforeEach(async () => {
  database = await createEmptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

const rows = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;

/** All relations with their columns and rows, apart from PostgreSQL's own. */
async function everything(): Promise<unknown> {
  const relations = await rows(
    `select c.oid::regclass::text as name, c.relkind, c.relowner, obj_description(c.oid, 'pg_class') as comment,
            (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(c.oid, a.attnum)), ', ' order by a.attnum)
               from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`,
  );
  const schemas = await rows(`select nspname from pg_namespace where nspname !~ '^pg_' order by 1`);
  const contents: unknown[] = [];
  for (const { name, relkind } of relations) {
    if (relkind === 'r') contents.push(await rows(`select t::text, xmin::text from ${String(name)} t order by 1`));
  }
  return { relations, schemas, contents };
}

const settings = (table: string | null, stateMap = ''): ConsoleSettings => ({
  table,
  stateMap: parseStateMap(stateMap).stateMap,
});

/** A table with a promotion that is stuck, one that ended, and one that is marked. */
function made({
  name = 'console_flag_promotions',
  before = '',
  state = 'text not null',
  states = ['deploying', 'deployed', 'marked'],
  id = 'serial primary key',
  more = '',
  time = 'timestamptz',
  tail = '',
}: {
  name?: string;
  before?: string;
  state?: string;
  states?: readonly string[];
  id?: string;
  more?: string;
  time?: string;
  tail?: string;
} = {}): string {
  return `${before};
    create table ${name} (id ${id}, flag_key text not null, heroku_app text not null, state ${state}, promoted_at ${time} ${more}) ${tail};
    insert into ${name} (id, flag_key, heroku_app, state, promoted_at) values
      (1, 'stuck', 'app', '${states[0]}', '2026-05-09 04:28'), (2, 'ended', 'app', '${states[1]}', '2026-05-01 10:00'),
      (3, 'later', 'app', '${states[2]}', null);`;
}

type Works = {
  readonly table?: string;
  readonly console?: ConsoleSettings;
  /** Final states in the table: of the stuck one, the promoted one, and the one marked and cancelled. */
  readonly written?: readonly string[];
};

const ENUM = (words: string) => `create type promo_state as enum (${words})`;

const WORK: readonly (readonly [string, string, Works])[] = [
  ['a plain table', made(), {}],
  [
    'states in capitals',
    made({ states: ['DEPLOYING', 'DEPLOYED', 'MARKED'] }),
    { written: ['DEPLOYED', 'DEPLOYING', 'CANCELLED'] },
  ],
  [
    'states that begin with a capital',
    made({ states: ['Deploying', 'Deployed', 'Marked'] }),
    { written: ['Deployed', 'Deploying', 'Cancelled'] },
  ],
  [
    'states in capitals, and a check that allows no others',
    made({
      state: `varchar(20) not null check (state in ('MARKED', 'DEPLOYING', 'DEPLOYED', 'FAILED', 'CANCELLED', 'QUEUED'))`,
      states: ['DEPLOYING', 'QUEUED', 'QUEUED'],
    }),
    { written: ['DEPLOYED', 'DEPLOYING', 'CANCELLED'] },
  ],
  [
    'words of its own',
    made({ states: ['in_progress', 'done', 'marked'] }),
    { console: settings(null, 'in_progress=deploying,done=deployed'), written: ['done', 'in_progress', 'cancelled'] },
  ],
  [
    'words of its own, spelled otherwise than in STATE_MAP',
    made({ states: ['In Progress', 'DONE', 'Marked'] }),
    { console: settings(null, 'in progress=deploying,done=deployed'), written: ['DONE', 'In Progress', 'Cancelled'] },
  ],
  [
    'words with blanks around them',
    made({ states: ['deploying ', ' deployed', 'marked'] }),
    {
      console: settings(null, '"deploying "=deploying," deployed"=deployed'),
      written: [' deployed', 'deploying ', 'cancelled'],
    },
  ],
  [
    'an enum',
    made({ before: ENUM(`'queued', 'marked', 'deploying', 'deployed', 'failed', 'cancelled'`), state: 'promo_state' }),
    {},
  ],
  [
    'an enum in capitals',
    made({
      before: ENUM(`'MARKED', 'DEPLOYING', 'DEPLOYED', 'FAILED', 'CANCELLED'`),
      state: `promo_state not null default 'MARKED'`,
      states: ['DEPLOYING', 'DEPLOYED', 'MARKED'],
    }),
    { written: ['DEPLOYED', 'DEPLOYING', 'CANCELLED'] },
  ],
  [
    'an enum of another schema with words of its own and an odd name',
    made({
      before: `create schema "Odd types"; create type "Odd types"."It's" as enum ('new', 'in_progress', 'done', 'broken', 'withdrawn')`,
      state: `"Odd types"."It's"`,
      states: ['in_progress', 'done', 'new'],
    }),
    {
      console: settings(null, 'new=marked,in_progress=deploying,done=deployed,broken=failed,withdrawn=cancelled'),
      written: ['done', 'in_progress', 'withdrawn'],
    },
  ],
  [
    'a domain over a text',
    made({ before: `create domain promo_state as varchar(20) check (value <> '')`, state: 'promo_state not null' }),
    {},
  ],
  [
    'a domain over an enum',
    made({
      before: `${ENUM(`'marked', 'deploying', 'deployed', 'failed', 'cancelled'`)}; create domain promo_word as promo_state`,
      state: 'promo_word',
    }),
    {},
  ],
  ['fixed-length states', made({ state: 'char(12)' }), {}],
  [
    'states in a collation that knows no case',
    made({
      before: `create collation no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
      state: 'text collate no_case not null',
      states: ['Deploying', 'Deployed', 'Marked'],
    }),
    { written: ['Deployed', 'Deploying', 'Cancelled'] },
  ],
  ['ids that are small', made({ id: 'smallint primary key generated by default as identity (start 4)' }), {}],
  [
    'ids that nothing holds to be unique',
    made({ id: 'integer not null generated by default as identity (start 4)' }),
    {},
  ],
  [
    'indexes and keys of its own, named like ours',
    `${made({ before: 'create schema console', name: 'console.flag_promotions', id: 'serial constraint flag_promotions_id primary key' })}
     create index flag_promotions_flag_key on console.flag_promotions (flag_key);
     alter table console.flag_promotions add constraint flag_promotions_ended_0123abcd unique (id)`,
    { console: settings('console.flag_promotions'), table: 'console.flag_promotions' },
  ],
  [
    'constraints that are checked only at the end of a statement or transaction',
    made({
      id: 'serial primary key deferrable',
      more: `, unique (flag_key, id) deferrable initially deferred, exclude using btree (id with =, flag_key with =) deferrable`,
    }),
    {},
  ],
  ['times without a zone', made({ time: 'timestamp' }), {}],
  ['times of a domain', made({ before: 'create domain moment as timestamp(0)', time: 'moment' }), {}],
  [
    'a table of another name in a schema of its own',
    made({ before: 'create schema "The console"', name: '"The console"."Promotions"' }),
    { console: settings('"The console"."Promotions"'), table: '"The console"."Promotions"' },
  ],
  [
    'a table of another name, by the search path',
    made({ name: 'promos' }),
    { console: settings('promos'), table: 'public.promos' },
  ],
  [
    'a second table, which CONSOLE_TABLE tells apart',
    `${made({ before: 'create schema console', name: 'console.console_flag_promotions' })} create table console_flag_promotions (id integer)`,
    { console: settings('console.console_flag_promotions'), table: 'console.console_flag_promotions' },
  ],
  [
    'a database that writes dates and texts in its own way',
    made({
      before: `do $$ declare setting text; begin
        foreach setting in array array['DateStyle = "German, DMY"', 'TimeZone = "Asia/Kolkata"', 'IntervalStyle = "iso_8601"',
                                       'standard_conforming_strings = off', 'bytea_output = "escape"'] loop
          execute format('alter database %I set %s', current_database(), setting);
        end loop; end $$`,
    }).replaceAll("04:28'", "04:28+00'"),
    {},
  ],
  ['an unlogged table', made().replace('create table', 'create unlogged table'), {}],
];

const asked = (flagKey: string) => ({
  flagKey,
  herokuApp: 'other',
  configVar: `FLAG_${flagKey}`,
  targetValue: 'true',
});

async function mark(db: Database, operator: Person, flagKey: string): Promise<string> {
  const marked = await db.transitions.mark(asked(flagKey), operator.id, NOW);
  if (marked.kind !== 'marked') throw new Error(`It was not marked: ${marked.kind}`);
  return marked.promotion.id;
}

const transition = (promotionId: string, kind: 'promote' | 'cancel', operatorId: string) => ({
  promotionId,
  transition: kind,
  operatorId,
  shown: null,
  reread: null,
  isAsShown: () => true,
  takesSecondPerson: () => false,
});

describe.each(WORK)('the main job with %s', (_what, sql, { table, console = USUAL_CONSOLE, written }) => {
  test('works, and what was added is taken back without a trace', async () => {
    await client.query(sql);
    const name = table ?? 'public.console_flag_promotions';
    await client.query(`select setval(pg_get_serial_sequence($1, 'id'), 3)`, [name]);
    const before = await everything();
    const { promotions } = await migrate(database.url, { console });
    expect(promotions).toMatchObject({ kind: 'adopted', name, rows: 3, deploying: 1 });
    // Nothing is left to be done.
    expect(await migrate(database.url, { console })).toEqual({ migrations: [], promotions: null, notes: [] });

    const db = openDatabase(database.url, { maxConnections: 2, console });
    const others = await doTheJob(db).finally(() => db.close());
    const found = await rows(`select state::text from ${name} where id in (1, ${others.join(', ')}) order by id`);
    expect(found.map(({ state }) => state)).toEqual(written ?? ['deployed', 'deploying', 'cancelled']);

    await client.query(`delete from ${name} where id > 3`);
    await rollBackAll(database.url);
    expect(withoutRows(await everything())).toEqual(withoutRows(before));
  });
});

test('checkpoints in a collation that knows no case are read as elsewhere', async () => {
  const table = made({
    before: `create collation no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    states: ['deploying', 'deploying', 'deploying'],
    more: ', checkpoint text collate no_case',
  });
  await client.query(
    `${table} update console_flag_promotions
        set checkpoint = case id when 1 then 'PENDING_COMMIT:v42' when 2 then 'intent' else 'step 3' end`,
  );
  await migrate(database.url);
  const db = openDatabase(database.url, { maxConnections: 1 });
  try {
    const lease = { owner: 'x', durationMs: 9_000 };
    expect(await db.promoting.claimNext(lease)).toMatchObject({ promotion: { id: '1' } });
    // The console's own.
    expect(await db.promoting.claimNext(lease)).toMatchObject({ promotion: null });
    expect(await db.promotions.claimForProof('1', 1_000)).toBeNull();
    expect(await db.promotions.claimForProof('2', 1_000)).toMatchObject({ id: '2', checkpoint: 'intent' });
  } finally {
    await db.close();
  }
});

test('a config var is named after its flag in every locale, also in Turkish, where the capital of i isn’t I', async () => {
  if (testServerVersion() < 15) return;
  const turkish = await createEmptyDatabase({ locale: 'tr-TR' });
  try {
    await migrate(turkish.url);
    const db = openDatabase(turkish.url, { maxConnections: 1 });
    const inserted = `insert into console_flag_promotions (flag_key, heroku_app, state) values ('dim_light', 'app', 'deploying') returning id::text`;
    const other = new pg.Client({ connectionString: turkish.url });
    await other.connect();
    try {
      await other.query('alter table console_flag_promotions alter column config_var drop not null');
      const { rows: made } = await other.query<{ id: string }>(inserted);
      expect(await db.promotions.find(made[0]?.id ?? '')).toMatchObject({ configVar: 'FLAG_DIM_LIGHT' });
    } finally {
      await other.end();
      await db.close();
    }
  } finally {
    await turkish.drop();
  }
});

test('without a table makes one, where the console would look for it', async () => {
  const { promotions } = await migrate(database.url);
  expect(promotions).toMatchObject({ kind: 'created', name: 'public.console_flag_promotions', rows: 0 });
  await client.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at) values
       ('stuck', 'app', 'FLAG_STUCK', 'deploying', '2026-05-09 04:28Z')`,
  );
  const db = openDatabase(database.url, { maxConnections: 2 });
  await doTheJob(db).finally(() => db.close());
  await rollBackAll(database.url);
  expect(await rows(`select 1 from pg_class where relname like 'console_flag_promotions%'`)).toEqual([]);
});

test('a table that it made itself and that stayed empty is not taken for the console’s, once that has one', async () => {
  await migrate(database.url);
  await client.query('create schema console; create table console.console_flag_promotions (id integer)');
  const refusal =
    'The table public.console_flag_promotions, which an earlier migrate made, is empty, and there is console.console_flag_promotions.';
  await expect(migrate(database.url)).rejects.toThrow(refusal);
  // Once it is used, it may have been copied elsewhere.
  await client.query(`insert into console_flag_promotions (flag_key, heroku_app, config_var) values ('a', 'a', 'a')`);
  expect(await migrate(database.url, { survey: true })).toMatchObject({
    promotions: { kind: 'own', namesakes: ['console.console_flag_promotions'] },
  });
});

test('a table that was adopted is meant wherever it is found, until the account finds another one first', async () => {
  await client.query(made({ before: 'create schema console', name: 'console.console_flag_promotions' }));
  await migrate(database.url, { console: settings('console.console_flag_promotions') });
  const db = openDatabase(database.url, { maxConnections: 1 });
  expect(await db.promotions.find('1').finally(() => db.close())).toMatchObject({ flagKey: 'stuck' });
  await client.query('create table console_flag_promotions (id integer)');
  await expect(migrate(database.url)).rejects.toThrow(
    'There are two tables: console.console_flag_promotions, which migrate adopted, and public.console_flag_promotions,',
  );
});

test('a copy of the table keeps its columns if everything is undone, and what a killed migration began is undone', async () => {
  await client.query(made());
  const before = await everything();
  await client.query(
    `alter table console_flag_promotions add column rca_url text; comment on column console_flag_promotions.rca_url is 'added by flag-promotions'`,
  );
  await rollBackAll(database.url);
  expect(withoutRows(await everything())).toEqual(withoutRows(before));

  await migrate(database.url);
  await client.query('create table backup (like console_flag_promotions including all)');
  await client.query('insert into backup select * from console_flag_promotions');
  const copied = await rows('select * from backup order by id');
  await rollBackAll(database.url);
  expect(await rows('select * from backup order by id')).toEqual(copied);
  expect(await rows('select * from console_flag_promotions limit 1')).not.toEqual([
    expect.objectContaining({ rca_url: null }),
  ]);
});

test('a table that was swapped for a new one is refused once, with each index to rename, and keeps its indexes', async () => {
  await client.query(made());
  await migrate(database.url);
  await client.query(
    `alter table console_flag_promotions rename to promotions_old; create table console_flag_promotions (like promotions_old including all)`,
  );
  const before = await everything();
  await expect(migrate(database.url)).rejects.toThrow(
    'public.promotions_old has indexes with the names that the app’s own on public.console_flag_promotions need.',
  );
  expect(await everything()).toEqual(before);

  const { findings } = await judgeFor(database.url, USUAL_CONSOLE, null);
  const cure = findings.flatMap(({ sql }) => sql);
  expect(cure).toHaveLength(8);
  for (const statement of cure) await client.query(statement);
  const indexes = () => rows(`select indexname from pg_indexes where tablename = 'promotions_old' order by 1`);
  const kept = await indexes();
  expect(await migrate(database.url)).toMatchObject({ promotions: { kind: 'adopted', rows: 0 } });
  expect(await indexes()).toEqual(kept);

  await rollBackAll(database.url);
  expect(await indexes()).toEqual([{ indexname: 'console_flag_promotions_pkey' }]);
  expect(await rows('select * from promotions_old limit 1')).not.toEqual([expect.objectContaining({ rca_url: null })]);
});

/**
 * From the stuck promotion's alert to its resolution, and the app's other writes; resolves with the other promotions.
 */
async function doTheJob(db: Database): Promise<readonly string[]> {
  const { stuck, deploying } = await db.alerts.gather(NOW);
  expect({ stuck: stuck.map(({ promotion }) => promotion), deploying }).toMatchObject({
    stuck: [
      {
        id: '1',
        flagKey: 'stuck',
        configVar: 'FLAG_STUCK',
        state: 'deploying',
        promotedAt: new Date('2026-05-09T04:28:00Z'),
      },
    ],
    deploying: 1,
  });
  expect(await db.alerts.open({ promotionId: '1', severity: 'critical' }, NOW, null)).toBe(true);
  const kris = await enrol(db, 'U0KRIS');
  const resolved = await db.promotions.resolve(submission('1', kris), NOW, accepted(1));
  expect(resolved).toMatchObject({ kind: 'resolved', promotion: { state: 'deployed', deployedAt: NOW } });
  expect(await db.promotions.lastEnded()).toMatchObject({ id: '1', state: 'deployed' });

  const promoted = await mark(db, kris, 'a');
  const again = await db.transitions.mark(asked('a'), kris.id, NOW);
  expect(again).toMatchObject({ kind: 'active', promotion: { id: promoted, state: 'marked' } });
  await db.transitions.carryOut(transition(promoted, 'promote', kris.id), NOW, accepted(2));
  const claimed = await db.promoting.claimNext({ owner: 'x', durationMs: 9_000 });
  expect(claimed).toMatchObject({ promotion: { id: promoted, state: 'deploying', promotedAt: NOW } });
  const cancelled = await mark(db, kris, 'b');
  await db.transitions.carryOut(transition(cancelled, 'cancel', kris.id), NOW, accepted(3));
  return [promoted, cancelled];
}

/** The resolution changed one. */
const withoutRows = (found: unknown): unknown =>
  JSON.parse(JSON.stringify(found, (key, value: unknown) => (key === 'contents' ? null : value)));

const REFUSED: readonly (readonly [string, string, RegExp, ConsoleSettings?])[] = [
  [
    'a view',
    `${made({ name: 'promos' })} create view console_flag_promotions as select * from promos`,
    /^public\.console_flag_promotions is a view: set CONSOLE_TABLE/u,
  ],
  [
    'a materialized view',
    `${made({ name: 'promos' })} create materialized view console_flag_promotions as select * from promos`,
    /is a materialized view/u,
  ],
  [
    'a partitioned table',
    made({
      id: 'integer',
      tail: 'partition by range (id); create table part partition of console_flag_promotions default',
    }),
    /is partitioned/u,
  ],
  [
    'a partition',
    made({
      name: 'whole',
      id: 'integer',
      tail: 'partition by range (id); create table console_flag_promotions partition of whole default',
    }),
    /is a partition of another table/u,
  ],
  [
    'a table that others inherit',
    `${made()} create table child () inherits (console_flag_promotions)`,
    /is inherited by other tables/u,
  ],
  [
    'a table that inherits',
    `${made({ name: 'parent' })} create table console_flag_promotions () inherits (parent)`,
    /inherits from another table/u,
  ],
  [
    'a typed table',
    `create type promo as (id integer, flag_key text, heroku_app text, state text); create table console_flag_promotions of promo`,
    /is a typed table/u,
  ],
  ['a sequence', 'create sequence console_flag_promotions', /is no table/u],
  [
    'a foreign table',
    `create foreign data wrapper w; create server s foreign data wrapper w; create foreign table console_flag_promotions (id integer) server s`,
    /is a foreign table/u,
  ],
  [
    'a table of a schema off the search path',
    made({ before: 'create schema console', name: 'console.console_flag_promotions' }),
    /doesn’t find console\.console_flag_promotions by its search path\. Set CONSOLE_TABLE=console\.console_flag_promotions/u,
  ],
  [
    'a view of a schema off the search path',
    `${made({ before: 'create schema console', name: 'console.promos' })} create view console.console_flag_promotions as select * from console.promos`,
    /doesn’t find console\.console_flag_promotions/u,
  ],
  [
    'a name that is not there',
    made(),
    /^CONSOLE_TABLE names console_flag_promotion, which this database doesn’t have\.$/u,
    settings('console_flag_promotion'),
  ],
  [
    'a name whose case is another',
    made({ name: '"Promotions"' }),
    /CONSOLE_TABLE names promotions, .* There is public\."Promotions"\./u,
    settings('promotions'),
  ],
  [
    'a name of another schema',
    made(),
    /CONSOLE_TABLE names console\.console_flag_promotions, .* There is public\.console_flag_promotions\./u,
    settings('console.console_flag_promotions'),
  ],
  [
    'one of PostgreSQL’s tables',
    made(),
    /pg_catalog\.pg_class has no column|has no column id, flag_key/u,
    settings('pg_catalog.pg_class'),
  ],
  ['states that are numbers', made({ state: 'integer', states: ['1', '2', '3'] }), /keeps its state as integer/u],
  ['states that are one letter', made({ state: '"char"' }), /keeps its state as "char"/u],
  [
    'states that are JSON',
    made({ state: 'jsonb', states: ['"deploying"', '"deployed"', '"marked"'] }),
    /keeps its state as jsonb/u,
  ],
  [
    'an enum that lacks words',
    made({ before: ENUM(`'deploying', 'deployed', 'marked'`), state: 'promo_state' }),
    /has no word for failed, cancelled.*alter type public\.promo_state add value 'failed'; alter type public\.promo_state add value 'cancelled';/u,
  ],
  [
    'a word in STATE_MAP that the enum lacks',
    made({ before: ENUM(`'marked', 'deploying', 'deployed', 'failed', 'cancelled'`), state: 'promo_state' }),
    /^STATE_MAP names in_progres, which the enum promo_state .* doesn’t have\. The table was not changed\. Its words are marked, deploying,/u,
    settings(null, 'in_progres=deploying'),
  ],
  ['ids that are uuids', made({ id: 'text' }).replaceAll(/\((\d), '/gu, `('$1', '`), /has an id of type text/u],
  ['ids that are there twice', made({ id: 'integer' }).replace('(2,', '(1,'), /their id doesn’t tell apart: 1\./u],
  [
    'rows without an id',
    made({ id: 'integer unique' }).replace('(2,', '(null,'),
    /their id doesn’t tell apart: null\./u,
  ],
  [
    'two active promotions',
    made().replace("(2, 'ended', 'app', 'deployed'", "(2, 'stuck', 'app', 'Marked'"),
    /More than one active promotion stands for FLAG_STUCK on app \(rows 1, 2\)/u,
  ],
  [
    'two active promotions by STATE_MAP',
    made({ states: ['in_progress', 'done', 'marked'] })
      .replace("(2, 'ended'", "(2, 'stuck'")
      .replace("'done'", "'IN_PROGRESS'"),
    /FLAG_STUCK on app \(rows 1, 2\)/u,
    settings(null, 'in_progress=deploying'),
  ],
  [
    'a start that is a day',
    made({ time: 'date' }).replaceAll(' 04:28', '').replaceAll(' 10:00', ''),
    /keeps promoted_at as date, .*type timestamptz using promoted_at::timestamptz/u,
  ],
  ['a start that is a text', made({ time: 'text' }), /keeps promoted_at as text/u],
  [
    'a start that is a number',
    made({ time: 'bigint' }).replaceAll(/'2026-05-0\d \d\d:\d\d'/gu, '1778300000'),
    /keeps promoted_at as bigint.*to_timestamp\(promoted_at/u,
  ],
];

const refused = REFUSED.map(
  ([what, sql, sentence, console = USUAL_CONSOLE]) => [what, sql, sentence, console] as const,
);

describe.each(refused)('%s', (_what, sql, sentence, console) => {
  test('is refused in one sentence, and nothing is changed', async () => {
    await client.query(sql);
    const before = await everything();
    const refusal = await migrate(database.url, { console }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(ConsoleTableError);
    expect(refusal).toMatchObject({ message: expect.stringMatching(sentence) });
    expect(await everything()).toEqual(before);
  });
});
