import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type MigrateOptions, runMigrate } from '../../src/cli/migrate.js';
import { readDatabaseConfig } from '../../src/config.js';
import { connect, connectUnbounded } from '../../src/db/connection.js';
import { openDatabase } from '../../src/db/database.js';
import { MIGRATION_NAMES, migrate, rollBackAll, withClient } from '../../src/db/migrate.js';
import { withMigrationLock } from '../../src/db/migration-lock.js';
import { openUpToDate } from '../../src/db/open.js';
import { createLogger } from '../../src/log.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { whileHolding } from '../support/locks.js';
import { describeWithPgbouncer, type Pgbouncer, startPgbouncer } from '../support/pgbouncer.js';
import { accepted, enrol, NOW, submission } from '../support/rows.js';
import { type StatementTap, tapStatements } from '../support/statements.js';

/* An account with settings of its own, as a platform team gives it. */

const quietly = (): void => undefined;

let database: TestDatabase;
let admin: pg.Client;
let account: string;
/** The account's. */
let url: string;
beforeEach(async () => {
  database = await createEmptyDatabase();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  account = `account_${randomBytes(4).toString('hex')}`;
  const address = Object.assign(new URL(database.url), { username: account, password: 'account' });
  url = address.href;
  await admin.query(
    `create role ${account} login password 'account';
     grant create on database "${nameOf(database)}" to ${account};
     grant usage, create on schema public to ${account}`,
  );
});
afterEach(async () => {
  await admin.query(`drop owned by ${account}; drop role ${account}`);
  await admin.end();
  await database.drop();
});

const nameOf = (one: TestDatabase): string => new URL(one.url).pathname.slice(1);

/** Of the limits that this server knows. */
async function limitAll(to: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select name from pg_settings
      where name in ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'transaction_timeout') order by 1`,
  );
  for (const { name } of rows) await admin.query(`alter role ${account} set ${name} = '${to}'`);
  return rows.map(({ name }) => name);
}

/** Runs PL/pgSQL when a schema is created. */
async function atNewSchema(body: string): Promise<void> {
  await admin.query(
    `create function at_new_schema() returns event_trigger language plpgsql as $$ begin ${body} end $$;
     create event trigger at_new_schema on ddl_command_end when tag in ('CREATE SCHEMA') execute function at_new_schema()`,
  );
}

test('a migration lifts all of the account’s time limits', async () => {
  const names = await limitAll('1s');
  const lifted = names.map((name) => ({ name, setting: '0' }));
  const asked = `select name, setting from pg_settings where name = any(string_to_array('${names.join(',')}', ',')) order by 1`;
  expect(await withClient(url, async (client) => (await client.query(asked)).rows)).toEqual(lifted);
  const knex = connectUnbounded(url);
  expect((await knex.raw(asked).finally(() => knex.destroy())).rows).toEqual(lifted);

  await atNewSchema('perform pg_sleep(1.5);');
  expect((await migrate(url)).migrations).not.toHaveLength(0);
  expect(await rollBackAll(url)).toBe(true);
});

test('a migration waits while something that it needs is locked, and blames no time limit of the account', async () => {
  await admin.query(`create table held (); grant all on held to ${account}`);
  await atNewSchema('lock table public.held in exclusive mode;');
  const said: string[] = [];
  let migrating: Promise<unknown> = Promise.resolve();
  await whileHolding(database, 'lock table held', async () => {
    migrating = migrate(url, { say: (line) => said.push(line) });
    migrating.catch((error: unknown) => said.push(String(error)));
    await eventually(async () => expect(said).not.toEqual([]));
  });
  expect(said[0]).toBe('Something that the migration needs is locked: trying again.');
  await migrating;
});

test.each([1, 2])('with %i connections, a migration is refused in words before it changes anything', async (limit) => {
  await admin.query(`alter role ${account} connection limit ${limit}`);
  const choice = { kind: 'server', url, directUrl: null } as const;
  // Waiting can't help.
  const refusal = { name: 'ConsoleTableError', message: expect.stringContaining(`takes only ${limit} connection`) };
  await expect(openUpToDate(choice, createLogger('silent'))).rejects.toMatchObject(refusal);
  const config = readDatabaseConfig({ DATABASE_URL: url });
  await expect(runMigrate(config, {}, { say: quietly, log: undefined })).rejects.toMatchObject(refusal);
  expect((await admin.query(`select 1 from pg_namespace where nspname = 'flag_promotions'`)).rows).toEqual([]);
});

test('a failure at DATABASE_URL is not blamed on DATABASE_DIRECT_URL, and undoing asks for no account there', async () => {
  await migrate(database.url);
  const tap: StatementTap = await tapStatements(url, ({ sql }) => {
    if (sql.includes('current_user::text as name')) void tap.close();
  });
  const config = readDatabaseConfig({ DATABASE_URL: tap.url, DATABASE_DIRECT_URL: database.url });
  const run = (options: MigrateOptions) => runMigrate(config, options, { say: quietly, log: undefined });
  const to = MIGRATION_NAMES.at(-1) ?? '';
  expect(await run({ to })).toEqual(['Nothing to undo.']);
  await expect(run({ sql: true })).rejects.toMatchObject({ name: 'ServerError', setting: 'DATABASE_URL' });
});

/** Passes the account's session, and the name of a role to create for the app, which is dropped afterwards. */
async function withOwner(work: (owner: pg.Client, role: string) => Promise<void>): Promise<void> {
  const role = `${account}_runner`;
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  try {
    await work(owner, role);
  } finally {
    await owner.end();
    await admin.query(`drop owned by ${role}; drop role ${role}`);
  }
}

test('whoever made the role that runs the app, and may not become it, migrates for it again', async () => {
  await admin.query(`alter role ${account} createrole`);
  await withOwner(async (owner, role) => {
    await owner.query(`create role ${role}; ${TIMES}`);
    await migrate(url, { role });
    expect(await migrate(url, { role, survey: true })).toMatchObject({ promotions: { kind: 'adopted' } });
  });
});

test('a table’s refusals are found also for a role that has no rights yet', async () => {
  await withOwner(async (owner, role) => {
    await admin.query(`create role ${role}`);
    await owner.query(
      `${TIMES}; alter table console_flag_promotions add constraint states check (state in ('marked', 'deploying', 'deployed', 'failed'))`,
    );
    await expect(migrate(url, { role })).rejects.toThrow('The CHECK states refuses the state cancelled.');
    expect((await admin.query(`select 1 from pg_namespace where nspname = 'flag_promotions'`)).rows).toEqual([]);
  });
});

test('a trigger that admits the role that runs the app alone is noted, if another role has to try the writes', async () => {
  await withOwner(async (owner, role) => {
    await admin.query(`create role ${role}`);
    await owner.query(
      `${TIMES}; create function runner_alone() returns trigger language plpgsql as $$ begin
         if current_user <> '${role}' then raise exception 'only the app updates'; end if; return new; end $$;
       create trigger runner_alone before update on console_flag_promotions for each row execute function runner_alone()`,
    );
    const { notes } = await migrate(url, { role });
    expect(notes).toEqual([expect.stringContaining('The trigger runner_alone does not let the app')]);
    expect(notes.join()).toContain(`That was tried as ${account}: as ${role}, it may pass.`);
    expect(notes.join()).not.toContain('disable trigger');
    // That role itself is let through.
    await admin.query(`grant ${role} to ${account}`);
    expect((await migrate(url, { role, survey: true })).notes).toEqual([]);
  });
});

test('the account in DATABASE_URL gets its rights if another one migrates by DATABASE_DIRECT_URL', async () => {
  const choice = { kind: 'server', url, directUrl: database.url } as const;
  const opened = await openUpToDate(choice, createLogger('silent'));
  await expect(opened.db.checkWrites().finally(() => opened.close())).resolves.toBeUndefined();
});

test('a server notices within half a minute that a migrating host vanished', async () => {
  const found = await withClient(url, (client) =>
    client.query(
      `select current_setting('tcp_keepalives_idle')::integer
            + current_setting('tcp_keepalives_interval')::integer * current_setting('tcp_keepalives_count')::integer as seconds`,
    ),
  );
  expect(found.rows).toEqual([{ seconds: 30 }]);
});

test('an account’s limits don’t take the migration lock away', async () => {
  await limitAll('300ms');
  await withMigrationLock(url, quietly, async () => {
    await admin.query('select pg_sleep(1)');
    const { rows } = await admin.query(
      `select l.granted from pg_locks l join pg_stat_activity a using (pid)
        where l.locktype = 'advisory' and a.datname = current_database() and a.application_name = 'flag-promotions-migrating'`,
    );
    expect(rows).toEqual([{ granted: true }]);
  });
});

test('whoever loses the migration lock stops, since another one may have it', async () => {
  await atNewSchema('perform pg_advisory_xact_lock(1);');
  await admin.query('begin; select pg_advisory_xact_lock(1)');
  const migrating = migrate(url).then(
    () => 'migrated',
    (error: unknown) => error,
  );
  const locker = new pg.Client({ connectionString: database.url });
  await locker.connect();
  try {
    const others = (where: string) =>
      locker.query(`select pid from pg_stat_activity where datname = current_database() and ${where}`);
    await eventually(async () => expect((await others(`wait_event = 'advisory'`)).rows).toHaveLength(1));
    const holder = `application_name = 'flag-promotions-migrating'`;
    await locker.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and ${holder}`,
    );
    await eventually(async () => expect((await others(holder)).rows).toEqual([]));
    await admin.query('commit');
    expect(await migrating).toMatchObject({ name: 'ServerError', trouble: { kind: 'lock_lost', mayPass: true } });
  } finally {
    await locker.end();
  }
});

const TIMES = `
  create table console_flag_promotions (
    id serial primary key, flag_key text not null, heroku_app text not null, state text not null,
    promoted_at timestamp, deployed_at timestamp);
  insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at) values
    ('a', 'app', 'deploying', '2026-05-09 04:28')`;

/** Times are read and written in the database's zone, and the indexes are those of every account. */
async function expectDatabaseZone(address: string): Promise<void> {
  const db = openDatabase(address);
  try {
    expect(await db.promotions.find('1')).toMatchObject({ promotedAt: new Date('2026-05-09T02:28:00Z') });
    const kris = await enrol(db, 'U0KRIS');
    const resolved = await db.promotions.resolve(submission('1', kris), NOW, accepted(1));
    expect(resolved).toMatchObject({ kind: 'resolved', promotion: { deployedAt: NOW } });
  } finally {
    await db.close();
  }
  const { rows } = await admin.query(
    `select deployed_at at time zone 'Europe/Berlin' as at from console_flag_promotions`,
  );
  expect(rows).toEqual([{ at: NOW }]);
}

const NOTHING = { migrations: [], promotions: null, notes: [] };

/** The database's is Berlin. */
async function giveZones(): Promise<void> {
  await admin.query(`alter database "${nameOf(database)}" set TimeZone = 'Europe/Berlin'`);
  await admin.query(`alter role ${account} in database "${nameOf(database)}" set TimeZone = 'UTC'`);
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  await owner.query(TIMES).finally(() => owner.end());
}

test('an account with a TimeZone of its own reads, writes and indexes in the database’s', async () => {
  await giveZones();
  await migrate(url);
  expect(await migrate(database.url)).toEqual(NOTHING);
  await expectDatabaseZone(url);
});

test('a TimeZone in the address wins over the database’s', async () => {
  await giveZones();
  const address = `${url}?options=${encodeURIComponent('-c TimeZone=America/New_York')}`;
  await migrate(address);
  const db = openDatabase(address);
  const found = await db.promotions.find('1').finally(() => db.close());
  expect(found).toMatchObject({ promotedAt: new Date('2026-05-09T08:28:00Z') });
});

test('settings in the address leave the app’s own as they are', async () => {
  await migrate(url);
  const own = ['default_transaction_isolation', 'statement_timeout', 'lock_timeout', 'search_path'];
  const more =
    '-c default_transaction_isolation=serializable -c statement_timeout=0 -c lock_timeout=0 -c search_path=public';
  const knex = connect(`${url}?options=${encodeURIComponent(more)}`);
  const { rows } = await knex
    .raw(`select ${own.map((name) => `current_setting('${name}') as ${name}`).join(', ')}`)
    .finally(() => knex.destroy());
  expect(rows).toEqual([
    {
      default_transaction_isolation: 'read committed',
      statement_timeout: '10s',
      lock_timeout: '5s',
      search_path: 'public',
    },
  ]);
});

test('an account that may not read others’ settings goes on in its session’s TimeZone', async () => {
  await admin.query('revoke select on pg_db_role_setting from public');
  await migrate(url);
  const db = openDatabase(url);
  await expect(db.checkWrites().finally(() => db.close())).resolves.toBeUndefined();
});

test('a database with a TimeZone that this version doesn’t know goes on in its session’s', async () => {
  await giveZones();
  await admin.query(
    `update pg_db_role_setting set setconfig = '{TimeZone=Europe/Nowhere}'
      where setrole = 0 and setdatabase = (select oid from pg_database where datname = current_database())`,
  );
  expect((await migrate(url)).migrations).not.toHaveLength(0);
});

describeWithPgbouncer('behind PgBouncer', () => {
  let bouncer: Pgbouncer;
  beforeEach(async () => {
    bouncer = await startPgbouncer(url);
  });
  afterEach(() => bouncer.close());

  test('an account with a TimeZone of its own reads, writes and indexes in the database’s', async () => {
    await giveZones();
    await migrate(bouncer.url);
    expect(await migrate(database.url)).toEqual(NOTHING);
    await expectDatabaseZone(bouncer.url);
  });

  test('a limit that is too short for a migration is named, with what to run', async () => {
    await admin.query(`alter role ${account} set statement_timeout = '1s'`);
    await atNewSchema('perform pg_sleep(60);');
    const choice = { kind: 'server', url: bouncer.url, directUrl: null } as const;
    await expect(openUpToDate(choice, createLogger('silent'))).rejects.toMatchObject({
      name: 'TableInUseError',
      message: expect.stringMatching(
        /^PostgreSQL ended a statement: the account’s statement_timeout is too short .* Set DATABASE_DIRECT_URL to PostgreSQL’s own address, or run: alter role … set statement_timeout = 0\./u,
      ),
    });
  });
});
