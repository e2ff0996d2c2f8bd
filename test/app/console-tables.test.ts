import {
  GRANTS,
  guard,
  type Refused,
  RLS,
  ROW,
  STATES,
  table,
  testTables,
  trigger,
  type Works,
} from '../support/console-tables.js';

/* The tables that a console may have: test/support/console-tables.ts says what must hold for each. */

const WORK: readonly Works[] = [
  { name: 'no table at all: it is made', rowLater: true, starts: true, spawned: true },
  { name: 'no more than names, a state and a time', table: table(), starts: true },
  {
    name: 'times without a zone, read in the database’s own',
    before: 'alter database {database} set timezone = $$America/New_York$$;',
    table: `create table console_flag_promotions (id serial primary key, flag_key varchar(200) not null, heroku_app varchar(100) not null,
      state varchar(20) not null, promoted_by varchar(100), promoted_at timestamp, marked_at timestamp(0), deployed_at timestamp); ${ROW}`,
  },
  {
    name: 'an id that is always generated',
    table: table('', { id: 'integer generated always as identity primary key' }),
  },
  { name: 'a smallint id', table: table('', { id: 'smallserial primary key' }) },
  {
    name: 'an id that no index holds, in a table with another key',
    table: table(', primary key (flag_key, heroku_app)', { id: 'serial' }),
  },
  {
    name: 'an id that may be null',
    table: `create sequence ids; ${table('', { id: "integer unique default nextval('ids')" })}`,
  },
  {
    name: 'columns, a quoted name and an index of its own',
    table: `${table(`, "Odd Name" jsonb default '{}', ticket integer default 7, double integer generated always as (ticket * 2) stored, dropped text`)}
      alter table console_flag_promotions drop column dropped; create unique index "Its Own" on console_flag_promotions (id, ticket);
      comment on table console_flag_promotions is 'the console''s';`,
  },
  { name: 'states in capitals', table: table('', { row: ROW.replace('deploying', 'DEPLOYING') }), ends: 'DEPLOYED' },
  {
    name: 'states in capitals, where lower() makes a dotless i of an I',
    locale: 'tr-TR',
    table: table('', { row: ROW.replace('deploying', 'DEPLOYING') }),
    ends: 'DEPLOYED',
  },
  {
    name: 'states of its own, by STATE_MAP',
    table: table('', { row: ROW.replace('deploying', 'in_progress') }),
    settings: { STATE_MAP: 'in_progress=deploying,done=deployed' },
    ends: 'done',
  },
  {
    name: 'states of its own in an enum, by STATE_MAP',
    table: `${STATES(`'queued', 'in_progress', 'done', 'broken', 'dropped'`)} ${table('', { state: 'promo_state', row: ROW.replace('deploying', 'in_progress') })}`,
    settings: { STATE_MAP: 'queued=marked,in_progress=deploying,done=deployed,broken=failed,dropped=cancelled' },
    ends: 'done',
  },
  { name: 'a state padded with blanks', table: table('', { state: 'char(10) not null' }) },
  {
    name: 'a state without regard to case',
    before: 'create extension citext;',
    table: table('', { state: 'citext not null' }),
  },
  {
    name: 'domains of its own',
    table: `create domain word as text not null check (value <> ''); create domain note as text check (length(value) <= 5000);
      ${table(', resolution_note note, failure_reason note', { state: 'word' })}`,
  },
  {
    name: 'a CHECK that allows what the app writes',
    table: table(`, check (state in ('marked', 'deploying', 'deployed', 'failed', 'cancelled', 'queued')),
      check (flag_key ~ '^[a-z_]+$'), check (state <> 'deploying' or promoted_at is not null)`),
  },
  {
    name: 'a trigger that keeps the order of states',
    table: `${table()} ${guard(`if old.state <> new.state and (old.state, new.state) not in (values ('marked', 'deploying'), ('marked', 'cancelled'),
        ('deploying', 'deployed'), ('deploying', 'failed')) then raise exception 'no way from % to %', old.state, new.state; end if; return new;`)}
      ${trigger('before update on console_flag_promotions for each row')}`,
  },
  ...(['new.promoted_at = now()', 'new.promoted_at = coalesce(old.promoted_at, now())'] as const).map((sets) => ({
    name: `a trigger that sets the start by itself: ${sets}`,
    table: `${table()} ${guard(`if new.state = 'deploying' and old.state <> 'deploying' then ${sets}; end if; return new;`)}
      ${trigger('before update on console_flag_promotions for each row')}`,
  })),
  {
    name: 'a trigger that keeps the first start',
    table: `${table()} ${guard('new.promoted_at = coalesce(old.promoted_at, new.promoted_at, now()); return new;')}
      ${trigger('before update on console_flag_promotions for each row')}`,
  },
  {
    name: 'a start that must not change',
    table: `${table()} ${guard(`if old.promoted_at <> new.promoted_at then raise exception 'it began for good'; end if; return new;`)}
      ${trigger('before update on console_flag_promotions for each row')}`,
  },
  { name: 'one promotion for each start', table: table(', unique (promoted_at)'), notesNothing: true },
  {
    name: 'a trigger that keeps a history, and one that touches updated_at',
    table: `${table(', updated_at timestamptz not null default now()')} create table console_history (id bigint, state text);
      ${guard(`insert into console_history values (new.id, new.state); new.updated_at = now(); return new;`)}
      ${trigger('before insert or update on console_flag_promotions for each row')}`,
  },
  {
    name: 'a trigger that sends the whole row, which may get too long for that',
    table: `${table()} ${guard(`perform pg_notify('x', row_to_json(new)::text); return null;`)}
      ${trigger('after insert or update on console_flag_promotions for each row')}`,
    notes:
      'With the longest texts, the trigger guard does not let the app announce a change on Heroku: “payload string too long”. Shorter ones pass.',
    starts: true,
  },
  {
    name: 'a history with room for all but the longest texts',
    table: `${table(', last_error text, resolution_note text')} create table console_history (id bigint, why varchar(600));
      ${guard('insert into console_history values (new.id, coalesce(new.last_error, new.resolution_note)); return null;')}
      ${trigger('after update on console_flag_promotions for each row')}`,
    notes: 'With the longest texts, the trigger guard does not let the app put off the next attempt',
  },
  {
    name: 'a trigger that keeps whole rows, by name',
    table: `${table()} create table console_history (row jsonb);
      ${guard('insert into console_history values (to_jsonb(old)); return null;')}
      ${trigger('after update or delete on console_flag_promotions for each row')}`,
    notesNothing: true,
  },
  {
    name: 'a flag’s key that never changes',
    table: `${table()} ${guard(`raise exception 'it has its name for good';`)}
      ${trigger('before delete or update of flag_key on console_flag_promotions for each row')}`,
    notesNothing: true,
  },
  {
    name: 'a flag that has to be one of another table’s, and no row to copy one from',
    table: `create table console_flags (key text primary key); insert into console_flags values ('console_dark_mode');
      ${table(', foreign key (flag_key) references console_flags deferrable initially deferred')}`,
  },
  {
    name: 'a sequence that is behind its column, as after a copy',
    table: table('', {
      id: 'serial primary key',
      row: ROW.replace('(flag_key', '(id, flag_key').replace("('console", "(1, 'console"),
    }),
    notes:
      "select setval('public.console_flag_promotions_id_seq', (select max(id) from public.console_flag_promotions));",
  },
  {
    name: 'an id from a sequence in a schema that the account may not use',
    before: 'create schema numbers authorization {owner};',
    table: `create sequence numbers.ids; ${table('', { id: "bigint primary key default nextval('numbers.ids')" })}`,
    after: `${GRANTS} grant usage, select on sequence numbers.ids to {app};`,
    as: 'app',
    ownerMigrates: true,
    starts: true,
  },
  {
    name: 'columns that may be null where the app’s own may not, with nulls in all of them',
    table: `${table(', target_unset boolean, target_value text, attempts numeric(5,0), config_var text, created_at timestamptz, updated_at timestamptz')}
      alter table console_flag_promotions alter column flag_key drop not null, alter column heroku_app drop not null, alter column state drop not null;
      insert into console_flag_promotions (state, promoted_at) values ('failed', null), (null, now());`,
    starts: true,
  },
  { name: 'one row for each flag', table: table(', unique (flag_key)'), notes: 'allows one row a flag' },
  {
    name: 'one row for each flag in any case, by an index on an expression',
    table: `${table()} create unique index one_row on console_flag_promotions (lower(flag_key));`,
    notes: 'one_row allows one row a flag',
  },
  {
    name: 'one row for each flag, by an exclusion constraint',
    table: table(', constraint one_row exclude using btree (flag_key with =)'),
    notes: 'one_row allows one row a flag',
  },
  {
    name: 'the console’s own guard of active promotions',
    table: `${table()} create unique index one_active on console_flag_promotions (heroku_app, flag_key) where state in ('marked', 'deploying');`,
    notesNothing: true,
  },
  {
    name: 'the console’s own guard of active promotions, on expressions',
    table: `${table()} create unique index one_active on console_flag_promotions (lower(heroku_app), lower(flag_key)) where state in ('marked', 'deploying');`,
    notesNothing: true,
    starts: true,
  },
  {
    name: 'the console’s own guard of active promotions, by an exclusion constraint',
    table: table(
      `, constraint one_active exclude using btree (lower(flag_key) with =) where (state in ('marked', 'deploying'))`,
    ),
    notesNothing: true,
  },
  {
    name: 'the console’s own guard of active promotions, and no other flag that exists',
    table: `create table console_flags (key text primary key); insert into console_flags values ('console_dark_mode');
      ${table(', foreign key (flag_key) references console_flags')}
      create unique index one_active on console_flag_promotions (lower(flag_key)) where state in ('marked', 'deploying');`,
    notes: 'one_active did not let the app mark a promotion beside the rows that are there now',
  },
  {
    name: 'one deployment at a time',
    table: `${table()} create unique index one_at_a_time on console_flag_promotions ((true)) where state = 'deploying';`,
    notes: 'one_at_a_time did not let the app promote beside the rows that are there now',
  },
  {
    name: 'a column of its own that must not be null, and has a default',
    table: table(
      `, tenant uuid not null default '00000000-0000-4000-8000-000000000000', kind text not null default 'flag'`,
    ),
  },
  {
    name: 'a start in the future, and one before all time',
    table: `${table()} insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values
      ('console_ancient', 'raxx-web', 'deployed', '-infinity'), ('console_next', 'raxx-web', 'deployed', 'infinity');`,
  },
  {
    name: 'a table in another schema, by CONSOLE_TABLE',
    before: 'create schema "The Console" authorization {owner};',
    table: `set search_path = "The Console"; ${table()} alter table console_flag_promotions rename to "Promotions";`,
    settings: { CONSOLE_TABLE: '"The Console"."Promotions"' },
  },
  {
    name: 'a table of that name in two schemas, one of which is named',
    before: 'create schema console authorization {owner};',
    table: `create table public.console_flag_promotions (name text); set search_path = console; ${table()}`,
    settings: { CONSOLE_TABLE: 'console.console_flag_promotions' },
  },
  {
    name: 'a schema named like the account, first in the usual search path, and the table behind it',
    before: `create schema {owner} authorization {owner}; alter role {owner} set search_path = "$user", public;`,
    table: `set search_path = public; ${table()}`,
    promotions: 'public.console_flag_promotions',
    starts: true,
  },
  {
    name: 'a table of that name in two schemas of the search path: the first, as the console’s queries take it',
    before: `create schema {owner} authorization {owner}; alter role {owner} set search_path = "$user", public;`,
    table: `create table public.console_flag_promotions (name text); ${table()}`,
    promotions: '{owner}.console_flag_promotions',
    notes: 'There is also public.console_flag_promotions.',
  },
  {
    name: 'a search path that begins with temporary tables',
    table: table(),
    after: 'alter role {owner} set search_path = pg_temp, public;',
  },
  {
    name: 'a search path and a time zone in PGOPTIONS, and another table of that name before it',
    before: 'create schema console authorization {owner};',
    table: `create table public.console_flag_promotions (name text); set search_path = console; ${table()}`,
    settings: { PGOPTIONS: '-c search_path=console -c TimeZone=America/New_York' },
    promotions: 'console.console_flag_promotions',
    starts: true,
    spawned: true,
  },
  {
    name: 'an account that takes on the owner’s role as it connects',
    before: 'grant {owner} to {app}; alter role {app} set role = {owner};',
    table: table(),
    as: 'app',
  },
  {
    name: 'an account that is a member of the owner’s role',
    before: 'grant {owner} to {app}; grant usage, create on schema public to {app};',
    table: table(),
    as: 'app',
  },
  {
    name: 'an account with limits of its own',
    table: table(),
    after: `alter role {owner} set lock_timeout = '1ms'; alter role {owner} set default_transaction_isolation = 'serializable';
      alter role {owner} set datestyle = 'SQL, DMY'; alter role {owner} set bytea_output = 'escape';`,
  },
  {
    name: 'row-level security with a policy for each command, that lets everything through',
    table: table(),
    after: `${GRANTS} ${RLS} create policy readers on console_flag_promotions for select using (true);
      create policy writers on console_flag_promotions for insert with check (true); create policy changers on console_flag_promotions for update using (true);
      alter table flag_promotions.audit_log enable row level security;
      create policy readers on flag_promotions.audit_log for select using (true); create policy writers on flag_promotions.audit_log for insert with check (true);
      create policy nobody on flag_promotions.audit_log as restrictive for delete using (false);
      alter table flag_promotions.alerts enable row level security;
      create policy readers on flag_promotions.alerts for select using (true); create policy writers on flag_promotions.alerts for insert with check (true);
      create policy changers on flag_promotions.alerts for update using (true); create policy removers on flag_promotions.alerts for delete using (true);`,
    as: 'app',
    ownerMigrates: true,
    starts: true,
  },
  { name: 'row-level security that its owner is free of', table: `${table()} ${RLS}` },
  {
    name: 'row-level security that is forced on its owner, with a policy that lets everything through',
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security;
      create policy all_of_it on console_flag_promotions using (true); create policy own on console_flag_promotions using (flag_key = 'x');`,
  },
  {
    name: 'row-level security that lets everything through, and an account for which it is an error',
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security;
      create policy all_of_it on console_flag_promotions using (true);`,
    after: 'alter role {owner} set row_security = off;',
    starts: true,
  },
  {
    name: 'a lease that is whole or not there',
    table: table(
      `, lease_owner text, lease_until timestamptz, constraint whole check ((lease_owner is null) = (lease_until is null))`,
    ),
    starts: true,
  },
  {
    name: 'row-level security that the account bypasses',
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security;`,
    after: 'alter role {owner} bypassrls;',
  },
  {
    name: 'rights by default that are taken from everybody',
    before: 'alter default privileges revoke execute on functions from public;',
    table: table(),
  },
  { name: 'an unlogged table', table: table().replace('create table', 'create unlogged table') },
  { name: 'a database that keeps bytes as they come', encoding: 'SQL_ASCII', table: table() },
  {
    name: 'a table that a view, another table and a publication depend on',
    table: `${table()} create view promotions_of_the_console as select id, state from console_flag_promotions;
      create table console_notes (promotion bigint references console_flag_promotions);`,
    after: 'create publication all_promotions for table console_flag_promotions;',
  },
  {
    name: 'an event trigger that lets it through',
    before: `create function seen() returns event_trigger language plpgsql as $$ begin perform 1; end $$;
      create event trigger seen on ddl_command_end execute function seen();`,
    table: table(),
  },
];

const REFUSED: readonly Refused[] = [
  // What it writes.
  {
    name: 'resolved_by integer',
    spawned: true,
    table: table(', resolved_by integer'),
    says: 'resolved_by is integer, and the app writes text to it.',
  },
  {
    name: 'resolved_by integer, of another table',
    table: `create table people (id integer primary key); ${table(', resolved_by integer references people')}`,
    says: 'resolved_by is integer',
  },
  {
    name: 'resolved_by uuid, with a default',
    table: table(`, resolved_by uuid default '00000000-0000-4000-8000-000000000000'`),
    says: 'resolved_by is uuid',
  },
  {
    name: 'resolution_note varchar(20)',
    table: table(', resolution_note varchar(20)'),
    says: 'resolution_note takes 20 characters, and the app writes up to 1000.',
  },
  {
    name: 'checkpoint varchar(50)',
    table: table(', checkpoint varchar(50)'),
    says: 'checkpoint takes 50 characters, one character too few.',
  },
  { name: 'checkpoint char(36)', table: table(', checkpoint char(36)'), says: 'checkpoint takes 36 characters' },
  {
    name: 'a note in a domain that is too short',
    table: `create domain note as varchar(255); create domain short_note as note; ${table(', resolution_note short_note')}`,
    says: 'resolution_note takes 255 characters',
  },
  {
    name: 'last_error and failure_reason too short, and rca_url too',
    table: table(', last_error varchar(255), failure_reason varchar(100), rca_url varchar(500)'),
    says: /3 reasons[\s\S]*last_error[\s\S]*failure_reason[\s\S]*rca_url/u,
  },
  {
    name: 'state varchar(8)',
    table: table('', { state: 'varchar(8) not null', row: '' }),
    says: 'state takes 8 characters, one character too few.',
    rowLater: true,
  },
  { name: 'target_value numeric', table: table(', target_value numeric'), says: 'target_value is numeric' },
  { name: 'previous_value jsonb', table: table(', previous_value jsonb'), says: 'previous_value is jsonb' },
  {
    name: 'attempts text',
    table: table(`, attempts text not null default '0'`),
    says: 'attempts is text',
    cure: 'alter table console_flag_promotions alter column attempts drop default, alter column attempts type integer using attempts::integer, alter column attempts set default 0',
  },
  {
    name: 'a CHECK without cancelled',
    spawned: true,
    table: table(`, constraint states check (state in ('marked', 'deploying', 'deployed', 'failed'))`),
    says: 'The CHECK states refuses the state cancelled.',
  },
  {
    name: 'a CHECK without marked and cancelled, that old rows did not pass',
    table: `${table()} alter table console_flag_promotions add constraint "its states" check (state in ('deploying', 'deployed', 'failed')) not valid;`,
    says: 'The CHECK "its states" refuses the state marked, cancelled.',
  },
  {
    name: 'a CHECK of how often a promotion may be tried',
    table: table(', attempts integer not null default 0, constraint tries check (attempts <= 5)'),
    says: 'The CHECK tries does not let the app take up a promotion: (attempts <= 5).',
  },
  {
    name: 'a CHECK of more than the state',
    table: table(', resolved_by text, constraint by_mail check (resolved_by like $$%@%$$)'),
    says: 'The CHECK by_mail does not let the app',
  },
  {
    name: 'an enum without cancelled',
    table: `${STATES(`'marked', 'deploying', 'deployed', 'failed'`)} ${table('', { state: 'promo_state' })}`,
    says: 'has no word for cancelled',
  },
  {
    name: 'a column of its own that must not be null',
    table: table(', ticket text not null', { row: '' }),
    says: 'ticket must not be null and has no default',
    rowLater: true,
  },
  {
    name: 'a column of ours that must not be null',
    table: table(`, lease_owner text not null default 'nobody', resolution_note text not null default ''`),
    says: /lease_owner must not be null, and the app sets it to null[\s\S]*resolution_note must not be null/u,
  },
  {
    name: 'a domain that must not be null',
    table: `create domain who as text default 'nobody' not null; ${table(', lease_owner who')}`,
    says: 'lease_owner must not be null',
    cure: 'alter domain who drop not null',
  },
  {
    name: 'a foreign key on resolved_by',
    table: `create table people (id text primary key); ${table(', resolved_by text references people')}`,
    says: 'The foreign key console_flag_promotions_resolved_by_fkey on resolved_by does not let the app',
  },
  {
    name: 'a foreign key that is checked at the commit',
    table: `create table people (id text primary key); ${table(', marked_by text references people deferrable initially deferred')}`,
    says: 'The foreign key console_flag_promotions_marked_by_fkey on marked_by',
  },
  ...(['resolved_by', 'rca_url'] as const).map((column) => ({
    name: `one promotion for each ${column}`,
    table: table(`, ${column} text, constraint one_each unique (${column})`),
    says: 'The unique one_each does not let the app record Mark completed',
  })),
  {
    name: 'one promotion for each who marks',
    table: table(', marked_by text, constraint one_each unique (marked_by)'),
    says: 'The unique one_each does not let the app revert.',
  },
  {
    name: 'a trigger that refuses',
    table: `${table()} ${guard(`raise exception 'ask the console''s team, % is final', new.state;`)} ${trigger(`before update on console_flag_promotions for each row when (new.state = 'deployed')`)}`,
    says: "The trigger guard does not let the app record that a promotion is deployed: “ask the console's team, deployed is final”.",
  },
  {
    name: 'a trigger that refuses with an unusual SQLSTATE',
    table: `${table()} ${guard(`if new.state = 'deployed' then raise exception 'not on a Friday' using errcode = '45000'; end if; return new;`)} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app record that a promotion is deployed: “not on a Friday”.',
    spawned: true,
  },
  ...(['serialization_failure', 'lock_not_available', 'insufficient_resources'] as const).map((code) => ({
    name: `a trigger that refuses with ${code}, as if it might pass`,
    table: `${table()} ${guard(`raise exception 'it was changed meanwhile' using errcode = '${code}';`)} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app promote: “it was changed meanwhile”.',
  })),
  {
    name: 'a trigger that refuses with a code that PostgreSQL has for published tables',
    table: `${table()} ${guard(`if new.state = 'cancelled' then raise exception 'too late' using errcode = 'object_not_in_prerequisite_state'; end if; return new;`)} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app cancel: “too late”.',
  },
  {
    name: 'a trigger that refuses in the name of a CHECK that is none',
    table: `${table()} ${guard(`if new.state = 'cancelled' then raise check_violation using message = 'too late', schema = 'public', table = 'console_flag_promotions', constraint = 'rules'; end if; return new;`)} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app cancel: “too late”.',
  },
  {
    name: 'a trigger that knows no way for one of the states',
    table: `${table()} ${guard(`if new.state <> 'cancelled' then return new; end if;`)} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app cancel: “control reached end of trigger procedure without RETURN”.',
  },
  {
    name: 'a trigger that calls into a schema that is gone',
    table: `${table()} ${guard('perform audit.record(new.id); return new;')} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app promote: “schema "audit" does not exist”.',
  },
  {
    name: 'a trigger that refuses at the commit',
    table: `${table()} ${guard(`if new.state = 'cancelled' then raise exception 'never'; end if; return null;`)} create constraint trigger guard after update on console_flag_promotions deferrable initially deferred for each row execute function guard();`,
    says: 'The trigger guard does not let the app cancel: “never”.',
  },
  {
    name: 'a trigger that refuses to add',
    table: `${table()} ${guard(`raise exception 'the console alone adds promotions';`)} ${trigger('before insert on console_flag_promotions for each row')}`,
    says: 'The trigger guard does not let the app mark a promotion: “the console alone adds promotions”.',
  },
  {
    name: 'a trigger that drops what is inserted',
    table: `${table()} ${guard('return null;')} ${trigger('before insert on console_flag_promotions for each row')}`,
    says: 'the trigger guard drops the INSERT without a word',
  },
  {
    name: 'a trigger that drops what is updated',
    table: `${table()} ${guard('return null;')} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'the trigger guard drops the UPDATE without a word',
  },
  {
    name: 'a trigger that keeps the old row',
    table: `${table()} ${guard('return old;')} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'the trigger guard makes it',
  },
  ...(['last_error', 'failure_reason', 'resolution_note'] as const).map((column) => ({
    name: `a history that has no room for an ordinary ${column}`,
    table: `${table(`, ${column} text`)} create table console_history (id bigint, why varchar(120));
      ${guard(`insert into console_history values (new.id, new.${column}); return null;`)}
      ${trigger('after update on console_flag_promotions for each row')}`,
    says: /The trigger guard does not let the app .*: “value too long for type character varying\(120\)”\./u,
  })),
  {
    name: 'a trigger that sets the start anew at each change, so that nothing ever is stuck',
    table: `${table()} ${guard(`if new.state = 'deploying' then new.promoted_at = now(); end if; return new;`)} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'At each change the trigger guard sets promoted_at anew, so a promotion that is tried again and again would never count as stuck.',
  },
  {
    name: 'a trigger that empties the lease',
    table: `${table(', lease_until timestamptz')} ${guard('new.lease_until = null; return new;')} ${trigger('before update on console_flag_promotions for each row')}`,
    says: 'Where the app writes a time to lease_until to take up a promotion, the trigger guard makes it nothing.',
  },
  {
    name: 'a trigger that unsets what a revert is to remove',
    table: `${table(', target_unset boolean')} ${guard('new.target_unset = false; return new;')} ${trigger('before insert on console_flag_promotions for each row')}`,
    says: 'Where the app writes “true” to target_unset to revert, the trigger guard makes it “false”.',
  },
  {
    name: 'a trigger that cuts what is too long',
    table: `${table(', checkpoint text')} ${guard('new.checkpoint = left(new.checkpoint, 20); return new;')} ${trigger('before update on console_flag_promotions for each row')}`,
    says: /to checkpoint to .*, the trigger guard makes it “PENDING_COMMIT:00000”/u,
  },
  ...(['for each row', 'referencing new table as new for each statement'] as const).map((each) => ({
    name: `a trigger that copies all columns, ${each}`,
    table: `${table()} create table console_history (like console_flag_promotions);
      ${guard(`insert into console_history ${each === 'for each row' ? 'select new.*' : 'select * from new'}; return null;`)}
      ${trigger(`after insert on console_flag_promotions ${each}`)}`,
    says: 'With the app’s columns added, the trigger guard would not let the console add a promotion: “INSERT has more expressions than target columns”.',
  })),
  {
    name: 'a trigger that copies all columns if the flag is named anew',
    table: `${table()} create table console_history (like console_flag_promotions);
      ${guard('insert into console_history select new.*; return null;')}
      ${trigger('after update of flag_key on console_flag_promotions for each row')}`,
    says: 'the trigger guard would not let the console change a promotion',
  },
  {
    name: 'a trigger that copies all columns if the flag is named anew, beside a number that is always generated',
    table: `${table(', place integer generated always as identity')} create table console_history (like console_flag_promotions);
      ${guard('insert into console_history select new.*; return null;')}
      ${trigger('after update of flag_key on console_flag_promotions for each row')}`,
    says: 'the trigger guard would not let the console change a promotion',
  },
  {
    name: 'a trigger that copies all columns of what is deleted',
    table: `${table()} create table console_history (like console_flag_promotions);
      ${guard('insert into console_history select old.*; return old;')}
      ${trigger('before delete on console_flag_promotions for each row')}`,
    says: 'the trigger guard would not let the console delete a promotion',
  },
  {
    name: 'two triggers that copy all columns, which `migrate --sql` doesn’t try',
    table: `${table()} create table console_history (like console_flag_promotions);
      ${guard('insert into console_history select new.*; return null;')} ${trigger('after update of flag_key on console_flag_promotions for each row')}
      ${guard('insert into console_history select old.*; return null;').replace('guard()', 'other()')}
      create trigger other after delete on console_flag_promotions for each row execute function other();`,
    says: /for 2 reasons(?![\s\S]*migrate --sql)/u,
  },
  {
    name: 'a table that keeps whole rows in a column',
    table: `${table()} create table console_history (was console_flag_promotions, became console_flag_promotions[]);
      insert into console_history select one, array[one] from console_flag_promotions one;`,
    says: 'PostgreSQL does not let the app add its columns to public.console_flag_promotions: “cannot alter table',
  },
  {
    name: 'a flag’s key that is a number',
    table: `${table('', { row: '' })} alter table console_flag_promotions alter column flag_key type integer using 1;`,
    says: 'flag_key is integer, and the app writes text to it.',
    rowLater: true,
  },
  {
    name: 'a flag’s key that is one of an enum',
    table: `create type flag as enum ('console_dark_mode'); ${table('', { row: '' })}
      alter table console_flag_promotions alter column flag_key type flag using 'console_dark_mode'::flag; ${ROW}`,
    says: 'flag_key is flag, and the app writes text to it.',
  },
  {
    name: 'a config var that is a number',
    table: table(', config_var integer'),
    says: 'config_var is integer, and the app writes text to it.',
  },
  {
    name: 'a domain with a rule',
    table: `create domain who as text constraint is_mail check (value like '%@%'); ${table(', resolved_by who')}`,
    says: 'resolved_by is of the domain who',
  },
  {
    name: 'a generated column of ours',
    table: table(`, config_var text generated always as ('FLAG_' || upper(flag_key)) stored`),
    says: 'config_var is a generated column, and the app writes it.',
  },
  {
    name: 'an id without a default',
    table: table('', {
      id: 'bigint primary key',
      row: ROW.replace('(flag_key', '(id, flag_key').replace(`('console`, `(1, 'console`),
    }),
    says: 'id has no default',
  },
  {
    name: 'an id whose default is one number',
    table: table('', { id: 'integer primary key default 7' }),
    says: 'The default of id gives the same number each time',
  },
  {
    name: 'a rule that does something else instead',
    table: `${table()} create rule "no way" as on update to console_flag_promotions do instead nothing;`,
    says: 'The rule "no way" on public.console_flag_promotions rewrites',
  },
  {
    name: 'a published table without an identity of its rows',
    table: table('', { id: 'serial unique' }),
    after: 'create publication all_promotions for table console_flag_promotions;',
    says: 'replica identity',
  },
  {
    name: 'a view on the column that has to grow',
    table: `${table(', checkpoint varchar(50)')} create view console_overview as select id, checkpoint from console_flag_promotions;`,
    says: 'The view console_overview uses it',
    cure: 'drop view console_overview; alter table console_flag_promotions alter column checkpoint type text',
  },

  // What it sees.
  {
    name: 'row-level security that hides rows from the account',
    table: `${table()} ${RLS} create policy mine on console_flag_promotions using (flag_key = 'x');`,
    after: GRANTS,
    as: 'app',
    ownerMigrates: true,
    says: 'Row-level security applies to the role {app} on public.console_flag_promotions',
  },
  {
    name: 'row-level security on the app’s own tables, with a policy for some of the commands',
    table: table(),
    after: `${GRANTS} alter table flag_promotions.alerts enable row level security;
      create policy readers on flag_promotions.alerts for select using (true);
      create policy writers on flag_promotions.alerts for insert with check (true);
      create policy changers on flag_promotions.alerts for update using (true) with check (severity <> 'x');
      create policy removers on flag_promotions.alerts for delete using (true);`,
    as: 'app',
    ownerMigrates: true,
    says: 'Row-level security applies to the role {app} on the app’s own tables (alerts)',
  },
  {
    name: 'row-level security on the app’s own tables',
    table: table(),
    after: `${GRANTS} alter table flag_promotions.alerts enable row level security; alter table flag_promotions.operators enable row level security;
      alter table flag_promotions.messages enable row level security;`,
    as: 'app',
    ownerMigrates: true,
    says: 'Row-level security applies to the role {app} on the app’s own tables (alerts, messages, operators)',
  },
  {
    name: 'row-level security that is forced on the owner',
    spawned: true,
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security;`,
    says: 'Row-level security applies to the role {owner}',
  },
  {
    name: 'row-level security whose policies happen to let everything through',
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security; create policy now on console_flag_promotions using (flag_key is not null);`,
    says: 'Row-level security applies',
  },
  {
    name: 'row-level security for reading alone',
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security; create policy readers on console_flag_promotions for select using (true);`,
    says: 'Row-level security applies',
  },
  {
    name: 'a restrictive policy',
    table: `${table()} ${RLS} alter table console_flag_promotions force row level security; create policy all_of_it on console_flag_promotions using (true); create policy less on console_flag_promotions as restrictive using (flag_key <> 'y');`,
    says: 'Its restrictive policy less can’t be outvoted.',
  },
  {
    name: 'no rights on the table',
    table: table(),
    after: 'grant usage on schema public to {app};',
    as: 'app',
    ownerMigrates: true,
    says: 'may not read, insert, or update rows of public.console_flag_promotions.',
  },
  {
    name: 'the right to read alone',
    table: table(),
    after: 'grant usage on schema public to {app}; grant select on console_flag_promotions to {app};',
    as: 'app',
    ownerMigrates: true,
    says: 'may not insert or update rows of public.console_flag_promotions.',
  },
  {
    name: 'rights on some columns',
    table: table(', resolved_by text, checkpoint text'),
    after:
      'grant usage on schema public to {app}; grant select, insert on console_flag_promotions to {app}; grant update (state, resolved_by) on console_flag_promotions to {app};',
    as: 'app',
    ownerMigrates: true,
    says: /may not update .*checkpoint.* of public\.console_flag_promotions/u,
  },
  {
    name: 'the right to read some columns',
    table: table(),
    after:
      'grant usage on schema public to {app}; grant select (flag_key, state), insert, update on console_flag_promotions to {app};',
    as: 'app',
    ownerMigrates: true,
    says: /may not read .*heroku_app.* of public\.console_flag_promotions/u,
  },
  {
    name: 'no right to use the schema',
    table: table(),
    before:
      'create schema console authorization {owner}; alter role {owner} set search_path = console; alter role {app} set search_path = console;',
    after: 'grant select, insert, update on console.console_flag_promotions to {app};',
    as: 'app',
    ownerMigrates: true,
    says: /console/u,
    settings: { CONSOLE_TABLE: 'console.console_flag_promotions' },
  },
  {
    name: 'no right to use the sequence',
    table: table('', { id: 'serial primary key' }),
    after: GRANTS,
    as: 'app',
    ownerMigrates: true,
    says: 'may not use the sequence public.console_flag_promotions_id_seq',
  },
  {
    name: 'a trigger that writes where the account may not',
    table: `${table()} create table console_history (id bigint); ${guard('insert into console_history values (new.id); return new;')} ${trigger('before update on console_flag_promotions for each row')}`,
    after: GRANTS,
    as: 'app',
    ownerMigrates: true,
    says: 'permission denied for table console_history',
  },
  {
    name: 'a default that calls what the account may not',
    table: `create function next_id() returns bigint language sql as 'select 4'; revoke execute on function next_id() from public; ${table(', ticket bigint default next_id()')}`,
    after: GRANTS,
    as: 'app',
    ownerMigrates: true,
    says: 'permission denied for function next_id',
    cure: 'grant execute on function next_id() to {app}',
  },

  // What it may do.
  {
    name: 'no right to alter the table',
    spawned: true,
    table: table(),
    after: GRANTS,
    as: 'app',
    says: 'and only its owner can add them.',
    cure: 'migrate --sql',
  },
  {
    name: 'membership in the owner’s role that is not inherited',
    before: 'alter role {app} noinherit; grant {owner} to {app};',
    table: table(),
    after: GRANTS,
    as: 'app',
    says: 'only its owner can add them',
    cure: 'migrate --sql',
  },
  {
    name: 'no right to make a schema',
    spawned: true,
    table: table(),
    after: 'revoke create on database {database} from {owner};',
    says: 'may not make the schema flag_promotions',
  },
  {
    name: 'no right to make an index',
    table: table(),
    after: 'revoke create on schema public from {owner};',
    says: 'may not make an index in the schema of public.console_flag_promotions',
  },
  {
    name: 'no right to make the table',
    before: 'revoke create on schema public from {owner};',
    says: 'may not make one in the schema public',
    rowLater: true,
  },
  {
    name: 'a schema of our name that is another’s',
    before: 'create schema flag_promotions;',
    table: table(),
    says: 'may not make tables in the schema flag_promotions',
  },
  {
    name: 'a schema of our name that holds something else',
    before: 'create schema flag_promotions authorization {owner}; create table flag_promotions.operators (id integer);',
    table: table(),
    says: 'The schema flag_promotions holds something else (operators)',
  },
  {
    name: 'an event trigger that refuses changes',
    before: `create function frozen() returns event_trigger language plpgsql as $$ begin raise exception 'frozen until Monday'; end $$;`,
    table: table(),
    after: 'create event trigger frozen on ddl_command_start execute function frozen();',
    says: 'The event trigger frozen does not let the app migrate: “frozen until Monday”.',
    cure: 'alter event trigger frozen disable; drop event trigger frozen',
  },
  {
    name: 'an event trigger that refuses to have tables altered',
    before: `create function frozen() returns event_trigger language plpgsql as $$ begin raise exception 'no ALTER here'; end $$;`,
    table: table(),
    after: `create event trigger frozen on ddl_command_end when tag in ('ALTER TABLE') execute function frozen();`,
    says: 'The event trigger frozen does not let the app migrate: “no ALTER here”.',
  },
  {
    name: 'an event trigger that refuses triggers',
    before: `create function frozen() returns event_trigger language plpgsql as $$ begin raise exception 'no triggers here'; end $$;`,
    table: table(),
    after: `create event trigger frozen on ddl_command_end when tag in ('CREATE TRIGGER') execute function frozen();`,
    says: 'The event trigger frozen does not let the app migrate: “no triggers here”.',
  },
  {
    name: 'an event trigger that refuses tables in public, and no table of promotions',
    before: `create function frozen() returns event_trigger language plpgsql as $$ begin
        if exists (select from pg_event_trigger_ddl_commands() where schema_name = 'public') then raise exception 'not in public'; end if; end $$;
      create event trigger frozen on ddl_command_end when tag in ('CREATE TABLE') execute function frozen();`,
    says: 'The event trigger frozen does not let the app migrate: “not in public”.',
    rowLater: true,
  },
  {
    name: 'an event trigger that refuses one of the app’s tables, which shows only once it is made',
    before: `create function frozen() returns event_trigger language plpgsql as $$ begin
        if exists (select from pg_event_trigger_ddl_commands() where object_identity = 'flag_promotions.drills') then raise exception 'no drills'; end if; end $$;`,
    table: table(),
    after: `create event trigger frozen on ddl_command_end when tag in ('CREATE TABLE') execute function frozen();`,
    says: 'PostgreSQL does not let the app migrate: “no drills”.',
    cure: 'drop event trigger frozen',
  },
  {
    name: 'no right to use PL/pgSQL',
    table: table(),
    after: 'revoke usage on language plpgsql from public;',
    says: 'PostgreSQL does not let the app migrate: “permission denied for language plpgsql”.',
  },
  {
    name: 'no right to use the account’s own tablespace',
    table: table(),
    after: 'alter role {owner} set default_tablespace = pg_global;',
    says: 'PostgreSQL does not let the app migrate: “permission denied for tablespace pg_global”.',
    cure: 'alter role {owner} reset default_tablespace',
  },
  {
    name: 'a database that takes no writes',
    spawned: true,
    table: table(),
    after: 'alter database {database} set default_transaction_read_only = on;',
    says: 'The database {database} takes no writes.',
    startCode: 1,
  },
  {
    name: 'an account that takes no writes',
    table: table(),
    after: 'alter role {owner} set default_transaction_read_only = on;',
    says: 'The account {owner} takes no writes',
  },
  {
    name: 'an account that takes no writes in this database',
    table: table(),
    after: 'alter role {owner} in database {database} set default_transaction_read_only = on;',
    says: 'The account {owner} takes no writes',
  },
  {
    name: 'an account that takes no writes, here and elsewhere, in a database that takes none',
    table: table(),
    after: `alter role {owner} set default_transaction_read_only = on; alter role {owner} in database {database} set default_transaction_read_only = on;
      alter database {database} set default_transaction_read_only = on;`,
    says: 'The account {owner} takes no writes',
  },
  {
    name: 'an event trigger that makes each session read-only',
    since: 17,
    table: table(),
    after: `create function only_read() returns event_trigger language plpgsql as $$ begin
        if session_user ~ '^console_' then set default_transaction_read_only = on; end if; end $$;
      create event trigger only_read on login execute function only_read();`,
    keepsNoSession: true,
    says: 'A pooler or an event trigger sets default_transaction_read_only in each new session, so the app can’t write. Take it out there.',
    cure: 'drop event trigger only_read',
  },
  {
    name: 'an address that asks for no writes',
    table: table(),
    settings: { PGOPTIONS: '-c default_transaction_read_only=on' },
    says: 'Take it out there.',
    cure: 'by hand',
  },
  {
    name: 'an encoding that is too small',
    encoding: 'LATIN1',
    table: table(),
    says: 'is encoded in LATIN1',
    cure: 'by hand',
  },
  {
    name: 'a table without room for more columns',
    table: table(`, ${Array.from({ length: 1_590 }, (_, n) => `c${n} integer`).join(', ')}`),
    says: 'has no room for',
    cure: 'by hand',
  },

  // Which table it is.
  {
    name: 'no column in common',
    table: 'create table console_flag_promotions (name text);',
    says: 'has no column id, flag_key, heroku_app, state',
    cure: 'by hand',
  },
  {
    name: 'names in mixed case',
    table:
      'create table console_flag_promotions (id serial primary key, "flagKey" text, "herokuApp" text, state text);',
    says: 'has no column flag_key, heroku_app',
    cure: 'by hand',
  },
  {
    name: 'a state under another name',
    table: `${table()} alter table console_flag_promotions rename column state to status;`,
    says: 'has no column state',
    cure: 'alter table console_flag_promotions rename column status to state',
  },
  {
    name: 'an id that is a uuid',
    table: table('', { id: 'uuid primary key default gen_random_uuid()' }),
    says: 'id of type uuid',
    cure: 'by hand',
  },
  {
    name: 'two rows of one id',
    table: `${table('', { id: 'integer default 1' })} ${ROW.replace('dark', 'light')}`,
    says: 'rows that their id doesn’t tell apart: 1',
    cure: 'by hand',
  },
  {
    name: 'two active rows for one config var',
    table: `${table()} ${ROW}`,
    says: 'More than one active promotion stands for FLAG_CONSOLE_DARK_MODE on raxx-console-prod (rows 1, 2)',
    cure: `update console_flag_promotions set state = 'failed' where id = 2`,
  },
  {
    name: 'a state that is a number',
    table: table('', { state: 'integer not null', row: '' }),
    says: 'keeps its state as integer',
    cure: 'by hand',
  },
  { name: 'times in milliseconds', table: table(', marked_at bigint'), says: 'keeps marked_at as bigint' },
  {
    name: 'a view',
    spawned: true,
    table: `${table()} alter table console_flag_promotions rename to promotions; create view console_flag_promotions as select * from promotions;`,
    says: 'is a view',
    cure: 'by hand',
  },
  {
    name: 'a partitioned table',
    table:
      'create table console_flag_promotions (id integer, flag_key text, heroku_app text, state text) partition by range (id);',
    says: 'is partitioned',
    cure: 'by hand',
  },
  {
    name: 'a foreign table',
    before:
      'create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing; grant usage on foreign server nowhere to {owner};',
    table:
      'create foreign table console_flag_promotions (id integer, flag_key text, heroku_app text, state text) server nowhere;',
    says: 'is a foreign table',
    cure: 'by hand',
  },
  {
    name: 'a table that others inherit',
    table: `${table()} create table console_archive () inherits (console_flag_promotions);`,
    says: 'is inherited',
    cure: 'by hand',
  },
  {
    name: 'a name in CONSOLE_TABLE that is none',
    table: table(),
    settings: { CONSOLE_TABLE: 'console_flag_promotion' },
    says: 'CONSOLE_TABLE names console_flag_promotion',
    cure: 'by hand',
  },
  {
    name: 'a table that the search path leads past',
    table: table(),
    after: 'create schema elsewhere authorization {owner}; alter role {owner} set search_path = elsewhere;',
    says: 'Set CONSOLE_TABLE=public.console_flag_promotions',
    cure: 'alter role {owner} reset search_path',
  },
];

testTables(WORK, REFUSED);
