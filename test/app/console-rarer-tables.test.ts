import { GRANTS, guard, type Refused, ROW, table, testTables, trigger, type Works } from '../support/console-tables.js';

/* Tables that few consoles have: test/support/console-tables.ts says what must hold for each. */

jest.setTimeout(60_000);

const BEFORE_UPDATE = 'before update on console_flag_promotions for each row';
/** The stuck promotion's row, made before it began. */
const ROW_OF_BEFORE = ROW.replace('(flag_key', '(created_at, flag_key').replace(
  "('console",
  "(now() - interval '31 hours', 'console",
);

const WORK: readonly Works[] = [
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
];

const REFUSED: readonly Refused[] = [
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
    name: 'a table of which some rows are published',
    since: 15,
    table: table('', { id: 'serial primary key' }),
    after: `create publication of_some for table console_flag_promotions where (flag_key = 'x');`,
    says: /^public.console_flag_promotions is published by of_some.*\n.*\n$/u,
  },
  {
    name: 'a table of which some columns are published, its key among them',
    since: 15,
    table: `${table('', { id: 'serial primary key' })} alter table console_flag_promotions replica identity full;`,
    after: `create publication of_some for table console_flag_promotions (id, flag_key);`,
    says: /^public.console_flag_promotions is published by of_some.*replica identity default;\n.*\n$/u,
  },
  {
    name: 'a table of which some columns of some rows are published',
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
];

testTables(WORK, REFUSED);
