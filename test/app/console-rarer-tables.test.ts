import {
  GRANTS,
  guard,
  type Refused,
  ROW,
  STATES,
  table,
  testTables,
  trigger,
  type Works,
} from '../support/console-tables.js';

/* Tables that few consoles have: test/support/console-tables.ts says what must hold for each. */

const LONG = `(select string_agg(md5(n::text), '') from generate_series(1, 400) n)`;
/** PostgreSQL puts its body in the CHECK's place, so an error in it has no context. */
const SHARE = `create function share(text) returns integer language sql immutable as $$ select 1 / (case when $1 = 'cancelled' then 0 else 1 end) $$;`;
const BEFORE_UPDATE = 'before update on console_flag_promotions for each row';
const AFTER_UPDATE = 'after update on console_flag_promotions for each row';
/** The stuck promotion's row, made before it began. */
const ROW_OF_BEFORE = ROW.replace('(flag_key', '(created_at, flag_key').replace(
  "('console",
  "(now() - interval '31 hours', 'console",
);

/** A person of the console's, and the row with such a one in each of these columns. */
const PERSON = `'00000000-0000-4000-8000-000000000001'`;
const PEOPLE = `create table people (id uuid primary key); insert into people values (${PERSON});`;
const rowOf = (...columns: readonly string[]): string =>
  ROW.replace('(flag_key', `(${columns.join(', ')}, flag_key`).replace(
    "('console",
    `(${columns.map(() => PERSON).join(', ')}, 'console`,
  );
const many = (n: number, column: string): string => Array.from({ length: n }, (_, at) => `, c${at} ${column}`).join('');
const DROPPED = `drop column c0${Array.from({ length: 1_399 }, (_, at) => `, drop column c${at + 1}`).join('')}`;

const WORK: readonly Works[] = [
  {
    name: 'a published table, whose subscribers need the new columns',
    table: table('', { id: 'serial primary key' }),
    after: `create publication of_all for all tables;`,
    notes: 'is published by of_all. A PostgreSQL that subscribes stops at its next row',
  },
  ...(
    [
      'promoted_at >= created_at',
      'promoted_at > created_at and promoted_at <= now()',
      'deployed_at > promoted_at',
      'deployed_at >= created_at and failed_at >= created_at',
      'updated_at >= created_at and updated_at >= promoted_at',
      'promoted_at > marked_at',
      'lease_until > promoted_at',
    ] as const
  ).map((check) => ({
    name: `a CHECK of the order of times: ${check}`,
    table: table(
      `, created_at timestamptz not null default now(), updated_at timestamptz not null default now(), marked_at timestamptz,
        deployed_at timestamptz, failed_at timestamptz, lease_until timestamptz, check (${check})`,
      { row: ROW_OF_BEFORE },
    ),
  })),
  {
    name: 'a CHECK of the order of times, and a trigger that says when a row was made',
    table: `${table(', created_at timestamptz, check (promoted_at > created_at)', { row: '' })}
      ${guard('new.created_at = now(); return new;')} ${trigger('before insert on console_flag_promotions for each row')}
      alter table console_flag_promotions disable trigger guard; ${ROW_OF_BEFORE} alter table console_flag_promotions enable trigger guard;`,
  },
  {
    name: 'a collation that takes different texts for equal',
    before: `create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`,
    table: `${table('', { state: 'text collate loose not null' })} alter table console_flag_promotions alter column flag_key type text collate loose, alter column heroku_app type text collate loose;`,
    starts: true,
  },
  {
    name: 'a trigger that writes with its owner’s rights where the account may not',
    table: `${table()} create table console_history (id bigint); ${guard('insert into console_history values (new.id); return new;').replace('language plpgsql', 'language plpgsql security definer')} ${trigger(BEFORE_UPDATE)}`,
    after: GRANTS,
    as: 'app',
    ownerMigrates: true,
  },
  {
    name: 'a trigger that takes a tenth of a second',
    table: `${table()} ${guard('perform pg_sleep(0.1); return new;')} ${trigger(BEFORE_UPDATE)}`,
    notes: 'took so long that the console would have waited',
  },
  {
    name: 'an account whose transactions may not rest for longer than 0.1 s',
    table: table(),
    after: `alter role {owner} set idle_in_transaction_session_timeout = '100ms';`,
    starts: true,
  },
  {
    name: 'an account that writes texts, names and times in its own way',
    table: table().replaceAll('console_dark_mode', 'console_dark_mode_ü'),
    after: `alter role {owner} set standard_conforming_strings = off; alter role {owner} set quote_all_identifiers = on;
      alter role {owner} set client_encoding = 'LATIN1'; alter role {owner} set intervalstyle = 'sql_standard';
      alter role {owner} set transform_null_equals = on; alter role {owner} set array_nulls = off;`,
    starts: true,
  },
  {
    name: 'an id that is unique only at the commit',
    table: table('', { id: 'bigint generated always as identity primary key deferrable initially deferred' }),
    starts: true,
  },
  {
    name: 'a trigger that fires for replicated rows alone',
    table: `${table()} ${guard(`raise exception 'never';`)} ${trigger(BEFORE_UPDATE)} alter table console_flag_promotions enable replica trigger guard;`,
    notesNothing: true,
  },
  {
    name: 'the lowest and the highest id there are',
    table: `${table()} insert into console_flag_promotions (id, flag_key, heroku_app, state) values (9223372036854775807, 'a', 'b', 'deployed'), (-9223372036854775808, 'c', 'd', 'failed');`,
  },
  {
    name: 'a config var and a key that PostgreSQL compares by different rules',
    table: `${table(', config_var varchar(100) collate "C"')} alter table console_flag_promotions alter column flag_key type text collate "POSIX";`,
    starts: true,
  },
  {
    name: 'a search path that comes to PostgreSQL’s own functions, operators and types last',
    before: `create function public.never(text, text) returns boolean language sql immutable as 'select false';
      create operator public.= (leftarg = text, rightarg = text, function = public.never);`,
    table: `create function lower(text) returns text language sql immutable as $$ select 'x' $$; create table pg_class (oid oid);
      create domain public.text as varchar(3); ${table().replaceAll(' text', ' pg_catalog.text')}`,
    after: 'alter role {owner} set search_path = public, pg_catalog;',
    starts: true,
  },
  {
    name: 'a search path that begins with PostgreSQL’s own, and no table',
    after: 'alter role {owner} set search_path = pg_catalog, public;',
    rowLater: true,
  },
  {
    name: 'a search path that begins with PostgreSQL’s own, behind a pooler, and no table',
    after: 'alter role {owner} set search_path = pg_catalog, public;',
    pooled: true,
    rowLater: true,
  },
  {
    name: 'an enum that PostgreSQL takes for a text, too',
    table: `${STATES(`'marked', 'deploying', 'deployed', 'failed', 'cancelled'`)} ${table('', { state: 'promo_state not null' })}`,
    after: 'create cast (promo_state as text) with inout as implicit;',
    starts: true,
  },
  {
    name: 'a schema whose name has a quotation mark of SQL in it',
    before: 'create schema "a$table$b?" authorization {owner};',
    table: `set search_path = "a$table$b?"; ${table()}`,
    settings: { CONSOLE_TABLE: '"a$table$b?".console_flag_promotions' },
    starts: true,
  },
  {
    name: 'a trigger that changes a row again once it is written',
    table: `${table(', changes integer default 0')}
      ${guard('if pg_trigger_depth() < 2 then update console_flag_promotions set changes = changes + 1 where id = new.id; end if; return null;')}
      ${trigger(AFTER_UPDATE)}`,
    notesNothing: true,
  },
  {
    name: 'a row that leaves the app’s columns room on its page',
    table: table(many(118, `name not null default 'x'`)),
  },
  {
    name: 'as many columns as a table can have, most of them dropped, with the app’s',
    table: `${table(many(1_560, 'bigint'))} alter table console_flag_promotions ${DROPPED};`,
  },
  ...(['quote_all_identifiers = on', `search_path = ''`, `time zone 'Etc/UCT'`] as const).map((set) => ({
    name: `a trigger that sets what the app doesn’t depend on: ${set}`,
    table: `${table()} ${guard(`set local ${set}; return new;`)} ${trigger(BEFORE_UPDATE)}`,
    notesNothing: true as const,
  })),
  {
    name: 'a trigger function that sets DateStyle only for itself',
    table: `${table()} ${guard('return new;').replace('language plpgsql', `language plpgsql set datestyle = 'German'`)} ${trigger(BEFORE_UPDATE)}`,
    notesNothing: true,
  },
  {
    name: 'a trigger that sets a time limit which is long enough',
    table: `${table()} ${guard(`set local statement_timeout = '30s'; return new;`)} ${trigger(BEFORE_UPDATE)}`,
    notesNothing: true,
  },
];

const REFUSED: readonly Refused[] = [
  {
    name: 'an id that is numbered beyond those that are there',
    table: table('', {
      id: 'bigint primary key',
      row: ROW.replace('(flag_key', '(id, flag_key').replace("('console", "(7, 'console"),
    }),
    says: 'start with 8',
    notesNothing: true,
  },
  {
    name: 'a search path that comes to PostgreSQL’s own functions last, behind a pooler',
    table: `create function lower(text) returns text language sql immutable as $$ select 'x' $$; ${table()}`,
    after: 'alter role {owner} set search_path = "$user", public, pg_catalog;',
    pooled: true,
    says: 'run: alter role {owner} in database {database} set search_path = "$user", public',
  },
  {
    name: 'columns of ours of other types, whose defaults PostgreSQL doesn’t cast',
    table: table(
      `, target_unset integer not null default 0, base_release text default '', attempts numeric(3,0) not null default 0`,
    ),
    says: /3 reasons[\s\S]*target_unset is integer[\s\S]*base_release is text[\s\S]*attempts is numeric\(3,0\), and the app writes a whole number/u,
  },
  {
    name: 'a time in seconds, by default now',
    table: table(`, created_at bigint not null default extract(epoch from now())`),
    says: 'keeps created_at as bigint',
  },
  {
    name: 'a time in milliseconds, in a domain',
    table: `create domain moment as bigint; ${table(', marked_at moment')}`,
    says: 'keeps marked_at as moment',
  },
  {
    name: 'a time in a text that is empty by default',
    table: table(`, updated_at text not null default ''`),
    says: 'keeps updated_at as text',
  },
  {
    name: 'a domain over another one that must not be null',
    table: `create domain some_text as text not null; create domain note as some_text check (length(value) < 5000); ${table(', failure_reason note', { row: '' })}`,
    says: 'run: alter domain some_text drop not null;',
    rowLater: true,
  },
  {
    name: 'a state of one byte',
    table: table('', { state: `"char" not null default 'm'`, row: ROW.replace('deploying', 'd') }),
    settings: { STATE_MAP: 'm=marked,d=deploying,l=deployed,f=failed,c=cancelled' },
    says: 'Name its words in STATE_MAP, and run: alter table public.console_flag_promotions alter column state drop default, alter column state type text',
    ends: 'l',
  },
  {
    name: 'a state that is a number, and a view of it',
    table: `${table('', { state: 'integer not null', row: ROW.replace("'deploying'", '1') })} create view stuck as select id from console_flag_promotions where state = 1;`,
    settings: { STATE_MAP: '0=marked,1=deploying,2=deployed,3=failed,4=cancelled' },
    says: 'The view stuck uses it: drop it before, and create it again after.',
    cure: 'drop view stuck; alter table console_flag_promotions alter column state type text using state::text',
    ends: '2',
  },
  {
    name: 'a state that is a number, with a rule, an index and a default of its own',
    table: `${table(', constraint "States" check (state between 0 and 4)', { state: 'smallint not null default 0', row: ROW.replace("'deploying'", '1') })}
      create unique index one on console_flag_promotions (flag_key) where state = 1;`,
    settings: { STATE_MAP: '0=marked,1=deploying,2=deployed,3=failed,4=cancelled' },
    says: 'keeps its state as smallint',
    ends: '2',
  },
  { name: 'a time of day', table: table(', marked_at time'), says: 'rename column marked_at to marked_at_before' },
  {
    name: 'an index on a function that takes not all states',
    table: `create function code(text) returns integer language plpgsql immutable as $$ begin if $1 = 'cancelled' then raise exception 'no code of %', $1; end if; return 1; end $$;
      ${table()} create index "Codes" on console_flag_promotions (code(state));`,
    says: 'The index "Codes" does not let the app cancel: “no code of cancelled”.',
  },
  {
    name: 'a generated column by a function that takes not all states',
    table: `create function code(text) returns integer language plpgsql immutable as $$ begin if $1 = 'cancelled' then raise exception 'no code of %', $1; end if; return 1; end $$;
      ${table(', kind integer generated always as (code(state)) stored')}`,
    says: 'The generated column kind does not let the app cancel: “no code of cancelled”.',
  },
  ...(
    [
      [`case new.state when 'deployed' then null; end case; return new;`, 'case not found'],
      ['commit; return new;', 'invalid transaction termination'],
      [`execute 'vacuum console_flag_promotions'; return new;`, 'VACUUM cannot'],
      [
        `execute 'alter table console_flag_promotions add column if not exists changes integer'; return new;`,
        'because it is being used by active queries in this session',
      ],
    ] as const
  ).map(([body, words]) => ({
    name: `a trigger that fails by itself: ${body}`,
    table: `${table()} ${guard(body)} ${trigger(BEFORE_UPDATE)}`,
    says: new RegExp(`The trigger guard does not let the app promote: “.*${words}`, 'u'),
  })),
  {
    name: 'a trigger that writes to another server, which is down',
    before: `create extension postgres_fdw; create server gone foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
      create user mapping for {owner} server gone options (user 'x', password 'x'); grant usage on foreign server gone to {owner};`,
    table: `${table()} create foreign table history (id bigint) server gone; ${guard('insert into history values (new.id); return new;')} ${trigger(BEFORE_UPDATE)}`,
    says: 'The trigger guard does not let the app promote: “could not connect to server "gone"”.',
  },
  {
    name: 'a trigger that changes a row again before it is written',
    table: `${table(', changes integer default 0')}
      ${guard('if pg_trigger_depth() < 2 then update console_flag_promotions set changes = 1 where id = new.id; end if; return new;')}
      ${trigger(BEFORE_UPDATE)}`,
    says: 'The trigger guard does not let the app promote: “tuple to be updated was already modified',
  },
  {
    name: 'a trigger that takes a state back once it is written',
    table: `${table()}
      ${guard(`if pg_trigger_depth() < 2 and new.state = 'deployed' then update console_flag_promotions set state = 'deploying' where id = new.id; end if; return null;`)}
      ${trigger(AFTER_UPDATE)}`,
    says: 'Where the app writes “deployed” to state to record that a promotion is deployed, the trigger guard makes it “deploying”.',
  },
  {
    name: 'a schema of our name that holds types, functions and sequences',
    before: 'create schema flag_promotions authorization {owner};',
    table: `create type flag_promotions.alerts as enum ('a'); create sequence flag_promotions.drills;
      create function flag_promotions.clock() returns integer language sql as 'select 1'; ${table()}`,
    says: 'The schema flag_promotions holds something else (alerts, clock, drills)',
  },
  {
    name: 'a trigger with odd names that refuses',
    before: 'create schema "Odd.Schema" authorization {owner};',
    table: `${table()} create function "Odd.Schema"."my ""guard"""() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
      create trigger "The ""guard""" ${BEFORE_UPDATE} execute function "Odd.Schema"."my ""guard"""();`,
    says: 'The trigger "The ""guard""" does not let the app promote: “never”.',
  },
  {
    name: 'an account whose statements may take a millisecond',
    table: table(),
    after: `alter role {owner} set statement_timeout = 1;`,
    says: 'The account’s statement_timeout is too short for anything. Nothing was changed.',
  },
  {
    name: 'an account whose transactions may take 50 ms',
    since: 17,
    table: table(),
    after: `alter role {owner} in database {database} set transaction_timeout = '50ms';`,
    says: 'run: alter role {owner} in database {database} set transaction_timeout = 0',
  },
  {
    name: 'an account that may have one connection',
    table: table(),
    after: 'alter role {owner} connection limit 1',
    keepsNoSession: true,
    says: 'The role {owner} takes only 1 connection at once.',
  },
  {
    name: 'a database for two connections',
    table: table(),
    after: 'alter database {database} connection limit 2',
    keepsNoSession: true,
    says: 'takes only 2 connections at once.',
  },
  {
    name: 'a CHECK that no time of the app’s, which it reads before its transaction, can pass',
    table: table(', updated_at timestamptz, failed_at timestamptz, constraint late check (failed_at >= updated_at)'),
    says: 'The CHECK late does not let the app record that a promotion failed: (failed_at >= updated_at).',
  },
  {
    name: 'a trigger that takes six seconds',
    table: `${table()} ${guard('perform pg_sleep(6); return new;')} ${trigger(BEFORE_UPDATE)}`,
    says: 'The trigger guard takes longer than 5 s',
  },
  {
    name: 'a CHECK whose function takes six seconds',
    table: `create function slow(text) returns boolean language plpgsql as $$ begin if $1 = 'marked' then perform pg_sleep(6); end if; return true; end $$;
      ${table(', constraint slowly check (slow(state))')}`,
    says: 'The function slow, which each write to public.console_flag_promotions calls, takes longer than 5 s.',
    cure: 'alter table console_flag_promotions drop constraint slowly',
  },
  {
    name: 'a publication with a row filter',
    since: 15,
    table: table('', { id: 'serial primary key' }),
    after: `create publication of_some for table console_flag_promotions where (flag_key = 'x');`,
    says: /^public.console_flag_promotions is published by of_some.*\n.*\n$/u,
  },
  {
    name: 'a publication with a column list that includes the key',
    since: 15,
    table: `${table('', { id: 'serial primary key' })} alter table console_flag_promotions replica identity full;`,
    after: `create publication of_some for table console_flag_promotions (id, flag_key);`,
    says: /^public.console_flag_promotions is published by of_some.*replica identity default;\n.*\n$/u,
  },
  {
    name: 'a publication with a column list and a row filter',
    since: 15,
    table: `${table('', { id: 'serial unique' })} alter table console_flag_promotions replica identity full;`,
    after: `create publication of_some for table console_flag_promotions (id, flag_key) where (flag_key = 'x');`,
    says: 'Its subscribers need all columns, then publish these: As a superuser, run: ',
  },
  {
    name: 'a database that is published whole, and a table without a key',
    table: `${table('', { id: 'serial unique' })}`,
    after: `create publication of_all for all tables;`,
    says: /^public.console_flag_promotions is published by of_all.*\n.*\n$/u,
  },
  {
    name: 'a published table that is to tell nothing of its former rows',
    table: `${table()} alter table console_flag_promotions replica identity nothing;`,
    after: `create publication of_some for table console_flag_promotions;`,
    says: 'replica identity',
  },
  {
    name: 'a word of STATE_MAP that is a typo, and a CHECK of the states',
    table: table(`, constraint states check (state in ('marked', 'in_progress', 'deployed', 'failed', 'cancelled'))`, {
      row: ROW.replace('deploying', 'in_progress'),
    }),
    settings: { STATE_MAP: 'in_progres=deploying' },
    says: 'The CHECK states refuses the state in_progres. Is in_progres misspelled in STATE_MAP? Then correct it there. If not: As the owner',
    cure: 'by hand',
  },
  {
    name: 'a word of STATE_MAP that is a typo, and a domain of the states',
    table: `create domain word as text check (value in ('marked', 'in_progress', 'deployed', 'failed', 'cancelled')); ${table('', { state: 'word', row: ROW.replace('deploying', 'in_progress') })}`,
    settings: { STATE_MAP: 'in_progres=deploying' },
    says: 'Is in_progres misspelled in STATE_MAP?',
    cure: 'by hand',
  },
  {
    name: 'a word of STATE_MAP that is a typo, and a table of the states',
    table: `create table states (word text primary key); insert into states values ('marked'), ('in_progress'), ('deployed'), ('failed'), ('cancelled');
      ${table('', { state: 'text references states', row: ROW.replace('deploying', 'in_progress') })}`,
    settings: { STATE_MAP: 'in_progres=deploying' },
    says: 'Is in_progres misspelled in STATE_MAP?',
    cure: 'by hand',
  },
  {
    name: 'a trigger that sets the start anew, when a row is added, too',
    table: `${table()} ${guard(`if new.state = 'deploying' then new.promoted_at = now(); end if; return new;`)} ${trigger('before insert or update on console_flag_promotions for each row')}`,
    says: 'sets promoted_at anew',
  },
  {
    name: 'a trigger that says of each change that the row was made now, in a table without another start',
    table: `${table(', created_at timestamptz').replace(', promoted_at timestamptz', '').replace(ROW, ROW.replace('promoted_at', 'created_at'))} ${guard(`new.created_at = now(); return new;`)} ${trigger('before insert or update on console_flag_promotions for each row')}`,
    says: 'sets created_at anew',
  },
  {
    name: 'a trigger that writes where the account may not, to a table that is named like one of the app’s',
    before: 'create schema console authorization {owner};',
    table: `create table console.operators (id integer); ${table()} ${guard('insert into console.operators values (1); return new;')} ${trigger(BEFORE_UPDATE)}`,
    after: `${GRANTS} grant usage on schema console to {app};`,
    as: 'app',
    ownerMigrates: true,
    says: 'grant insert on console.operators to {app};',
  },
  {
    name: 'a trigger that writes where the account may not, in a database that speaks German',
    table: `${table()} create table console_history (id bigint); ${guard('insert into console_history values (new.id); return new;')} ${trigger(BEFORE_UPDATE)}`,
    after: GRANTS,
    as: 'app',
    ownerMigrates: true,
    translated: [
      [/permission denied for table/gu, 'Kein Recht auf die Tabelle:'],
      [/SQL statement/gu, 'SQL-Anweisung'],
    ],
    says: '“Kein Recht auf die Tabelle: console_history”. As the owner of the table ({owner}), run: grant insert on console_history to {app};',
  },
  {
    name: 'a trigger that writes with another account’s rights where that may not',
    table: `${table()} create table console_history (id bigint); ${guard('insert into console_history values (new.id); return new;').replace('language plpgsql', 'language plpgsql security definer')} ${trigger(BEFORE_UPDATE)}`,
    after: `${GRANTS} grant usage on schema public to {runner}; alter function guard() owner to {runner};`,
    as: 'app',
    ownerMigrates: true,
    says: 'grant insert on console_history to {runner};',
  },
  {
    name: 'a trigger that sets another role',
    before: 'grant {runner} to {owner};',
    table: `${table()} ${guard('set local role {runner}; return new;')} ${trigger(BEFORE_UPDATE)}`,
    says: /^The trigger guard sets another role, which stays set: the app’s next statements run as .* disable trigger guard;\nNothing was changed.\n$/u,
  },
  {
    name: 'a trigger that sets another role once a promotion is deployed',
    before: 'grant {runner} to {owner};',
    table: `${table()} ${guard(`perform set_config('role', '{runner}', true); return new;`)}
      create trigger guard ${AFTER_UPDATE} when (new.state = 'deployed') execute function guard();`,
    says: 'The trigger guard sets another role, which stays set: “permission denied for table console_flag_promotions”.',
  },
  {
    name: 'a flag’s key of nine kilobytes, which no index holds',
    table: `${table()} insert into console_flag_promotions (flag_key, heroku_app, state) values (${LONG}, 'x', 'deployed');`,
    says: 'has rows whose flag_key is too long for an index: 2.',
  },
  {
    name: 'an app’s name of nine kilobytes',
    table: `${table()} insert into console_flag_promotions (flag_key, heroku_app, state) values ('x', ${LONG}, 'deployed');`,
    says: 'has rows whose heroku_app is too long for an index: 2.',
  },
  {
    name: 'a state of nine kilobytes',
    table: `${table()} insert into console_flag_promotions (flag_key, heroku_app, state) values ('x', 'x', ${LONG});`,
    says: 'has rows whose state is too long for an index: 2.',
  },
  {
    name: 'a start without a zone that is no time in the database’s',
    before: 'alter database {database} set timezone = $$America/New_York$$;',
    table: `create table console_flag_promotions (id serial primary key, flag_key varchar(200) not null, heroku_app varchar(100) not null,
      state varchar(20) not null, promoted_at timestamp); ${ROW} insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values ('x', 'y', 'deployed', '294276-12-31 23:59:59');`,
    says: 'has rows whose promoted_at is no time in any time zone: 2.',
  },
  {
    name: 'a start without a zone from before all others',
    table: `${table('').replace('timestamptz', 'timestamp')} insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values ('x', 'y', 'deployed', '4714-11-24 BC');`,
    says: "set promoted_at = 'infinity' where id in (2)",
  },
  {
    name: 'a key that isn’t encoded in UTF-8, in a database that keeps bytes as they come',
    encoding: 'SQL_ASCII',
    table: `${table()} insert into console_flag_promotions (flag_key, heroku_app, state) values (E'x\\xff', 'x', 'deployed');`,
    says: 'has rows whose flag_key isn’t encoded in UTF-8, so nobody can read them: 2.',
  },
  {
    name: 'no right to call pg_notify, which a promotion does',
    table: table(),
    after: 'revoke execute on function pg_notify(text, text) from public;',
    says: 'The role {owner} lacks a right that PostgreSQL gives everybody: execute on function pg_notify(text,text). As a superuser, run: grant execute on function pg_notify(text,text) to {owner};',
  },
  {
    name: 'no right to call what a migration and a start do',
    table: table(),
    after:
      'revoke execute on function pg_advisory_xact_lock(bigint), to_regclass(text), pg_advisory_xact_lock(integer, integer) from public;',
    says: 'run: grant execute on function pg_advisory_xact_lock(bigint), pg_advisory_xact_lock(integer,integer), to_regclass(text) to {owner};',
    startSays: 'grant execute on function',
  },
  {
    name: 'no right to call pg_notify, for an account that doesn’t migrate',
    table: table(),
    after: `${GRANTS} revoke execute on function pg_notify(text, text) from public;`,
    as: 'app',
    ownerMigrates: true,
    says: 'grant execute on function pg_notify(text,text) to {app};',
  },
  {
    name: 'no right to read pg_settings',
    table: table(),
    after: 'revoke select on pg_settings from public;',
    says: 'As a superuser, run: grant select on pg_settings to {owner};',
  },
  {
    name: 'no right to see who locks a table',
    table: table(),
    after: 'revoke select on pg_stat_activity, pg_locks, pg_stat_progress_create_index from public;',
    says: 'grant select on pg_locks, pg_stat_progress_create_index to {owner};',
  },
  {
    name: 'no right to read pg_roles',
    table: table(),
    after: 'revoke select on pg_roles from public;',
    says: 'grant select on pg_roles to {owner};',
  },
  {
    name: 'no right to read what rules tables have',
    table: table(),
    after: 'revoke select on pg_event_trigger, pg_policy, pg_publication_tables from public;',
    says: 'grant select on pg_event_trigger, pg_policy, pg_publication_tables to {owner};',
  },
  {
    name: 'an enum in a schema that the account may not use',
    before: 'create schema types authorization {owner};',
    table: `create type types.promo_state as enum ('marked', 'deploying', 'deployed', 'failed', 'cancelled'); ${table('', { state: 'types.promo_state' })}`,
    after: `${GRANTS} grant usage on sequence console_flag_promotions_id_seq to {app};`,
    as: 'app',
    ownerMigrates: true,
    says: 'run: grant usage on schema types to {app};',
  },
  {
    name: 'a trigger that drops the changes to one state',
    table: `${table()} ${guard(`if new.state = 'failed' then return null; end if; return new;`)} ${trigger(BEFORE_UPDATE)}`,
    says: 'The app can’t record that a promotion failed: the trigger guard drops the UPDATE without a word.',
  },
  {
    name: 'a default whose function calls one that is gone',
    table: `create function tock() returns bigint language plpgsql as 'begin return gone(); end'; ${table(', ticket bigint default tock()', { row: '' })}`,
    says: 'function gone() does not exist',
    cure: 'alter table console_flag_promotions alter column ticket drop default',
    rowLater: true,
  },
  {
    name: 'a generated column of the console’s that one of our states breaks',
    table: `${table(', kind integer generated always as (100 / (length(state) - 9)) stored', { row: '' })}`,
    says: 'division by zero',
    cure: 'alter table console_flag_promotions drop column kind',
    rowLater: true,
  },
  {
    name: 'a CHECK whose function fails by itself',
    table: `${SHARE} ${table(', check (share(state) > 0)')}`,
    says: /^The CHECK console_flag_promotions_state_check does not let the app cancel: “division by zero”\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a CHECK whose function is not inlined, and fails by itself',
    table: `${SHARE.replace('immutable', 'immutable security definer')} ${table(', constraint "Share" check (share(state) > 0)')}`,
    says: /^The CHECK "Share" does not let the app cancel: “division by zero”\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'an index on an expression that fails by itself',
    table: `${table()} create index shares on console_flag_promotions ((1 / (length(state) - 9)));`.replace(ROW, ''),
    says: 'The index shares does not let the app',
    rowLater: true,
  },
  ...(
    [
      ['by long columns', many(990, 'bigint default 1')],
      ['by texts', many(990, `text default 'abcdefg'`)],
      ['in a new row alone', many(123, `name default 'x'`), ''],
      [
        'in a single row, of columns that are empty elsewhere',
        many(123, 'name'),
        `${ROW} insert into console_flag_promotions select id + 1, flag_key, heroku_app, 'failed', promoted_at${`, 'x'`.repeat(123)} from console_flag_promotions;`,
      ],
    ] as const
  ).map(([name, columns, row = ROW]) => ({
    name: `a row that fills its page but for the app’s columns: ${name}`,
    table: table(columns, { row }),
    says: /^A row of public\.console_flag_promotions is too big for PostgreSQL with the app’s columns\. .*\nNothing was changed\.\n$/u,
    cure: 'by hand' as const,
  })),
  ...['immutable', 'immutable security definer'].map((how) => ({
    name: `a domain whose CHECK calls a function that fails by itself: ${how}`,
    table: `${SHARE.replace('immutable', how)} create domain word as text constraint "Share" check (share(value) > 0); ${table('', { state: 'word not null' })}`,
    says: 'The CHECK "Share" of the domain public.word does not let the app cancel: “division by zero”. As the owner of the table ({owner}), run: alter domain public.word drop constraint "Share";',
  })),
  {
    name: 'a domain over one whose CHECK fails by itself, of a new row’s texts',
    table: `create function who(text) returns integer language sql immutable as $$ select 1 / (case when $1 like 'U0%' then 0 else 1 end) $$;
      create domain account as varchar(40) constraint who check (who(value) > 0); create domain "Marker" as account check (value <> '');
      ${table(', marked_by "Marker"')}`,
    says: /^The CHECK who of the domain public\.account does not let the app mark a promotion: “division by zero”\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a domain over one whose CHECK refuses a state',
    table: `create domain word as text constraint words check (value <> 'cancelled'); create domain "Word" as word; ${table('', { state: '"Word" not null' })}`,
    says: 'state is of the domain Word, which does not let the app cancel: “value for domain "Word" violates check constraint "words"”. As the owner of the table ({owner}), run: alter domain public.word drop constraint words;',
  },
  {
    name: 'somebody else’s domain whose CHECK refuses a state',
    before: `create schema types; create domain types.word as text constraint words check (value <> 'cancelled'); grant usage on schema types to {owner};`,
    table: table('', { state: 'types.word not null' }),
    says: 'As a superuser, run: alter domain types.word drop constraint words;',
  },
  {
    name: 'a domain that a trigger casts a state to',
    table: `create domain word as text check (value <> 'failed'); ${table()} ${guard('perform new.state::word; return new;')} ${trigger(BEFORE_UPDATE)}`,
    says: 'The trigger guard does not let the app record that a promotion failed: “value for domain word',
  },
  {
    name: 'a domain whose default fails by itself',
    table: `create domain share as integer default 1 / (length(current_user) - length(current_user));
      ${table(', part share', { row: '' })}`,
    says: /^The default of the domain public\.share does not let the app mark a promotion: “division by zero”\. .*\nNothing was changed\.\n$/u,
    rowLater: true,
  },
  {
    name: 'persons of the console’s, at random by default',
    table: `${PEOPLE} ${table(', resolved_by uuid not null default gen_random_uuid() references people', { row: rowOf('resolved_by') })}`,
    says: /^resolved_by is uuid, and the app writes text to it\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'two persons of the console’s, at random by default, and a rule of both',
    table: `${PEOPLE} ${table(
      `, marked_by uuid default gen_random_uuid() references people, resolved_by uuid default gen_random_uuid() references people,
        check (resolved_by >= marked_by)`,
      { row: rowOf('marked_by', 'resolved_by') },
    )}`,
    says: /2 reasons:\n.*marked_by is uuid.*\n.*resolved_by is uuid.*\nAll statements/u,
  },
  {
    name: 'another column of the console’s with a foreign key, at random by default',
    table: `${PEOPLE} ${table(', owner_id uuid not null default gen_random_uuid() references people', { row: rowOf('owner_id') })}`,
    says: /^The foreign key console_flag_promotions_owner_id_fkey on owner_id does not let the app mark a promotion\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a number for a person, with a CHECK, an index and a sequence',
    table: `${table(', resolved_by serial check (resolved_by > 0)')} create index on console_flag_promotions (flag_key) where resolved_by > 3;`,
    says: /^resolved_by is integer, and the app writes text to it\. .*\nNothing was changed\.\n$/u,
  },
  ...(
    [
      ['DateStyle', `set local datestyle = 'German';`],
      ['DateStyle', `perform set_config('DateStyle', 'SQL, DMY', true);`],
      ['TimeZone', `set local timezone = 'Asia/Tokyo';`],
      ['TimeZone', `set time zone 'Asia/Tokyo';`],
      ['client_encoding', `set local client_encoding = 'LATIN1';`],
      ['standard_conforming_strings', 'set local standard_conforming_strings = off;'],
      ['search_path', 'set local search_path = public, pg_catalog;'],
    ] as const
  ).map(([setting, body]) => ({
    name: `a trigger that changes how PostgreSQL takes the app’s statements: ${body}`,
    table: `${table()} ${guard(`${body} return new;`)} ${trigger(BEFORE_UPDATE)}`,
    says: new RegExp(
      `^The trigger guard sets ${setting}, which stays set: .* disable trigger guard;\\nNothing was changed\\.\\n$`,
      'u',
    ),
  })),
  {
    name: 'a range of times that is generated, and begins after its end',
    table: table(
      ', deployed_at timestamptz, updated_at timestamptz, during tstzrange generated always as (tstzrange(updated_at, deployed_at)) stored',
    ),
    says: /^The generated column during does not let the app record that a promotion is deployed: .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a trigger whose condition fails by itself',
    table: `${SHARE} ${table()} ${guard('return new;')}
      create trigger "Guard" ${BEFORE_UPDATE} when (share(new.state) > share(old.state)) execute function guard();`,
    says: /^The trigger "Guard" does not let the app cancel: “division by zero”\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a column that must not be null, and a default that asks who is logged in to the console',
    table: table(`, user_id uuid not null default (current_setting('request.jwt.claims')::jsonb ->> 'sub')::uuid`, {
      row: ROW.replace('(flag_key', '(user_id, flag_key').replace("('console", "(gen_random_uuid(), 'console"),
    }),
    says: /^The default of user_id does not let the app mark a promotion: .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a column that must not be null, and a default that is null without a person of the console’s',
    table: table(`, user_id uuid not null default nullif(current_setting('request.jwt.claim.sub', true), '')::uuid`, {
      row: ROW.replace('(flag_key', '(user_id, flag_key').replace("('console", "(gen_random_uuid(), 'console"),
    }),
    says: /^user_id must not be null, and its default or a trigger makes it null, so .*\nNothing was changed\.\n$/u,
  },
  ...(
    [
      ['set transaction read only;', 'transaction_read_only'],
      [`perform set_config('transaction_read_only', 'on', true);`, 'transaction_read_only'],
      ['set local statement_timeout = 1;', 'statement_timeout'],
      [`perform set_config('statement_timeout', '1', true);`, 'statement_timeout'],
    ] as const
  ).flatMap(([body, setting]) =>
    [BEFORE_UPDATE, AFTER_UPDATE].map((when) => ({
      name: `a trigger ${when.split(' ', 1)[0]} each change that spoils the transaction: ${body}`,
      table: `${table()} ${guard(`${body} return new;`)} ${trigger(when)}`,
      says: new RegExp(
        `^The trigger guard sets ${setting}, which stays set: .* disable trigger guard;\\nNothing was changed\\.\\n$`,
        'u',
      ),
    })),
  ),
  {
    name: 'a state in JSON',
    table: table('', { state: 'jsonb not null', row: ROW.replace("'deploying'", `'"deploying"'`) }),
    says: `run: alter table public.console_flag_promotions alter column state type text using state #>> '{}'`,
  },
  {
    name: 'a state in JSON, with a default',
    table: table('', { state: `json not null default '"marked"'`, row: ROW.replace("'deploying'", `'"deploying"'`) }),
    says: 'keeps its state as json;',
  },
  {
    name: 'a state in bytes',
    table: table('', { state: 'bytea not null' }),
    says: `run: alter table public.console_flag_promotions alter column state type text using convert_from(state, 'UTF8')`,
  },
  {
    name: 'a flag’s key in JSON',
    table: table().replace('flag_key text', 'flag_key jsonb').replace("'console_dark_mode'", `'"console_dark_mode"'`),
    says: `run: alter table public.console_flag_promotions alter column flag_key type text using flag_key #>> '{}';`,
  },
  {
    name: 'a default that is too long for its column',
    table: table(', created_by varchar(5) not null default current_user', {
      row: ROW.replace('(flag_key', '(created_by, flag_key').replace("('console", "('kris', 'console"),
    }),
    says: /^The default of created_by does not let the app mark a promotion: “value too long .*\nNothing was changed\.\n$/u,
  },
  ...(['', ` default nullif(current_setting('app.tenant', true), '')::integer`] as const).map((byDefault) => ({
    name: `a tenant that is part of the key${byDefault}`,
    table: table(`, tenant_id integer not null${byDefault}, primary key (tenant_id, id)`, {
      id: 'bigint generated by default as identity',
      row: ROW.replace('(flag_key', '(tenant_id, flag_key').replace("('console", "(1, 'console"),
    }),
    says: /^tenant_id is part of the table’s key, so .* Give it a default: .* set default …\nNothing was changed\.\n$/u,
    cure: 'alter table console_flag_promotions alter column tenant_id set default 1',
  })),
  {
    name: 'a state that is generated from another column',
    table: table(`, status text not null default 'MARKED'`, {
      state: 'text generated always as (lower(status)) stored',
      row: ROW.replace(' state,', ' status,').replace('deploying', 'DEPLOYING'),
    }),
    says: /^state is a generated column, and the app writes it\. .*\nNothing was changed\.\n$/u,
  },
  {
    name: 'a table that another server fills',
    table: table(),
    after: `set allow_system_table_mods = on; insert into pg_subscription_rel (srsubid, srrelid, srsubstate) values (1, 'console_flag_promotions'::regclass, 'r');`,
    says: 'public.console_flag_promotions is filled by a subscription from another server, which would never see what the app writes: set DATABASE_URL to that server',
    cure: 'set allow_system_table_mods = on; delete from pg_subscription_rel',
  },
];

testTables(WORK, REFUSED);
