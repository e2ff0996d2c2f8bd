import type { Knex } from 'knex';
import * as z from 'zod';
import { migrations } from '../../migrations/index.js';
import { connectUnbounded } from './connection.js';
import type { Say } from './console/adopt.js';
import { type Ask, askOf } from './console/ask.js';
import { refuseWithoutBasics } from './console/basics.js';
import {
  type AdoptedTable,
  ensureConsole,
  type Inspected,
  inspectConsole,
  inspectToMigrate,
  isAdopted,
  refuseItsRows,
} from './console/ensure.js';
import type { Finding } from './console/finding.js';
import { watchIndexes } from './console/index-progress.js';
import { ConsoleTableError } from './console/refusal.js';
import { inWords, refuseBeforeMigrating } from './console/refuse.js';
import { grantsFor } from './console/grants.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { takeBack } from './console/take-back.js';
import { whenFree } from './console/trial.js';
import { refuseOthersTables } from './console/undoers.js';
import { codeOf } from './embedded/errors.js';
import { asRefusal, NoMigrationError } from './errors.js';
import { type RequireLock, withMigrationLock } from './migration-lock.js';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';
import { createDialer } from './server/dial.js';
import { createSessionSetter } from './session.js';

export const MIGRATION_NAMES: readonly string[] = migrations.map(({ name }) => name);
/** For all this app's tables and functions, but not the console's table. */
export const SCHEMA = 'flag_promotions';
const TABLE = 'migrations';
/** The first migration of the first version that seals and hashes with the key's id in front. */
const FIRST_WITH_KEY_IDS = '0019-heroku-requests';
export const MIGRATIONS_TABLE = `${SCHEMA}.${TABLE}`;

const migrationSource: Knex.MigrationSource<(typeof migrations)[number]> = {
  getMigrations: async () => [...migrations],
  getMigrationName: (entry) => entry.name,
  getMigration: async (entry) => entry.migration,
};

// An older replica that restarts beside a newer one ignores migrations that it doesn't know.
const CONFIG = { migrationSource, schemaName: SCHEMA, tableName: TABLE, disableMigrationsListValidation: true };

export interface MigrateOptions {
  readonly console?: ConsoleSettings;
  readonly say?: Say;
  /** Whether to read all rows even if there is nothing to migrate. */
  readonly survey?: boolean;
  /** The role that runs the app, unquoted, if another role migrates; null: the same. */
  readonly role?: string | null;
}

export interface Migrated {
  /** The names of those it ran. */
  readonly migrations: readonly string[];
  /** The console's table after reading all its rows; null if nothing was to be done or surveyed. */
  readonly promotions: AdoptedTable | null;
  /** What will fail now and then, in lines for people. */
  readonly notes: readonly string[];
}

const NOTHING: Migrated = { migrations: [], promotions: null, notes: [] };

/**
 * Migrates the schema and the console's table to this version. Replicas wait for one another.
 * @throws ConsoleTableError if the console's table can't be used; nothing was changed then
 */
export async function migrate(
  connectionString: string,
  { console: settings = USUAL_CONSOLE, say = () => undefined, survey = false, role = null }: MigrateOptions = {},
): Promise<Migrated> {
  return inWords('migrate', async () => {
    // Most calls end here, or are refused here, without waiting for the lock.
    const done = await withClient(connectionString, (client) => isMigrated(askOf(client), settings, say));
    if (done && !survey) return NOTHING;
    return withMigrationLock(connectionString, say, (requireLock) =>
      withClient(connectionString, async (client) => {
        const ask = askUnder(requireLock, client);
        const inspected = await whenFree(say, () => inspectToMigrate(ask, settings, say));
        // Whoever had the lock may have done it.
        if (!survey && (await isDone(ask, inspected, settings))) return NOTHING;
        const notes = await refuseAll(ask, inspected, say, role);
        const ran = (await progressOf(ask)) === 'latest' ? [] : await runMigrations(ask, connectionString, requireLock);
        const promotions = await adopt(ask, connectionString, client, settings, say);
        if (role !== null) await grantTo(ask, settings, role);
        return { migrations: ran, promotions, notes };
      }),
    );
  });
}

/** @throws ConsoleTableError if the console's table can't be used */
async function isMigrated(ask: Ask, settings: ConsoleSettings, say: Say): Promise<boolean> {
  await refuseWithoutBasics(ask);
  return isDone(ask, await whenFree(say, () => inspectConsole(ask, settings)), settings);
}

async function isDone(ask: Ask, inspected: Inspected, settings: ConsoleSettings): Promise<boolean> {
  return isUpToDate(inspected, await progressOf(ask), settings);
}

/** Whether there is nothing to migrate. */
export const isUpToDate = (inspected: Inspected, progress: Progress, settings: ConsoleSettings): boolean =>
  isAdopted(inspected, settings) && progress === 'latest';

/**
 * Answers what will fail now and then, in lines for people.
 * @throws ConsoleTableError if something prevents the migration, or the app's work after it
 */
async function refuseAll(ask: Ask, inspected: Inspected, say: Say, role: string | null): Promise<readonly string[]> {
  if (role !== null) await refuseWithoutBasics(ask, role);
  const lacksMigrations = (await progressOf(ask)) === 'behind';
  const grants = role === null ? new Set<string>() : new Set(await grantsFor(ask, inspected, role));
  const isGrantedHere = ({ sql }: Finding): boolean =>
    sql.length > 0 && sql.every((statement) => grants.has(statement));
  // Before the shape: some of its cures only work once the rows differ.
  const areRead = await refuseItsRows(ask, inspected, say).then(
    () => true,
    (error: unknown) => {
      // A right, a type or a collation: refuseBeforeMigrating says it in our words.
      if (codeOf(error)?.startsWith('42') !== true) throw error;
      return false;
    },
  );
  const notes = await refuseBeforeMigrating(ask, { inspected, lacksMigrations, role }, say, isGrantedHere);
  if (!areRead) await refuseItsRows(ask, inspected, say);
  return notes;
}

/** Each version may add columns and tables. */
async function grantTo(ask: Ask, settings: ConsoleSettings, role: string): Promise<void> {
  for (const statement of await grantsFor(ask, await inspectConsole(ask, settings), role)) await ask(statement);
}

/** Answers the names of the migrations that it ran. */
export async function migrateToLatest(
  connectionString: string,
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  return (await migrate(connectionString, options)).migrations;
}

/** @throws ConsoleTableError if the console's table can't be used, or doesn't exist yet */
export async function requirePromotions(connectionString: string, settings: ConsoleSettings): Promise<void> {
  const inspected = await withClient(connectionString, (client) => inspectConsole(askOf(client), settings));
  if (inspected.kind === 'there') return;
  throw new ConsoleTableError('The database has no table of promotions. Run: flag-promotions migrate');
}

/** After the lock is lost, each statement fails before it is sent. */
function askUnder(requireLock: RequireLock, client: PrimaryClient): Ask {
  const ask = askOf(client);
  return async (sql, values) => {
    requireLock();
    return ask(sql, values);
  };
}

async function adopt(
  ask: Ask,
  connectionString: string,
  client: PrimaryClient,
  settings: ConsoleSettings,
  say: Say,
): Promise<AdoptedTable> {
  const watch = client.isPooled ? null : await watchIndexes(connectionString, client, say);
  try {
    return await ensureConsole(ask, settings, say);
  } finally {
    await watch?.stop();
  }
}

async function runMigrations(ask: Ask, connectionString: string, requireLock: RequireLock): Promise<readonly string[]> {
  const isNew = !(await hasMigrations(ask));
  return withKnex(connectionString, async (knex) => {
    // Connects: if the account has no third connection left, nothing was changed yet.
    await knex.raw('select 1');
    const isMade = await createSchema(ask);
    // Nobody uses a new schema yet, so its locks block nobody.
    if (isNew) {
      try {
        return (await migrated(knex.migrate.latest(CONFIG))).names;
      } catch (error) {
        // Refused, so nothing of it was committed, except what knex keeps its records in.
        if (asRefusal(error) !== null) await dropRecords(ask, isMade).catch(() => undefined);
        throw error;
      }
    }
    await knex.migrate.forceFreeMigrationsLock(CONFIG);
    const ran: string[] = [];
    for (;;) {
      requireLock();
      // One by one: `latest` would run all in one transaction, holding every lock to the end.
      const { names } = await migrated(knex.migrate.up(CONFIG));
      if (names.length === 0) return ran;
      ran.push(...names);
    }
  });
}

/** knex answers the batch's number and what it ran. */
async function migrated(running: Promise<unknown>): Promise<{ readonly names: readonly string[] }> {
  const [, names] = z.tuple([z.number(), z.array(z.string())]).parse(await running);
  return { names };
}

const yesRow = z.object({ yes: z.boolean() });
const nameRow = z.object({ name: z.string() });

/** From the catalog: asking by name needs USAGE on the schema. */
const hasMigrations = async (ask: Ask): Promise<boolean> => {
  const found = await ask(
    `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                     where n.nspname = $1 and c.relname = $2) as yes`,
    [SCHEMA, TABLE],
  );
  return parseRows(found, yesRow)[0]?.yes === true;
};

/** `unknown`: this account can't read them. */
export type Progress = 'latest' | 'behind' | 'unknown';

export async function progressOf(ask: Ask): Promise<Progress> {
  if (!(await hasMigrations(ask))) return 'behind';
  try {
    const ran = new Set(parseRows(await ask(`select name from ${MIGRATIONS_TABLE}`), nameRow).map(({ name }) => name));
    return migrations.every(({ name }) => ran.has(name)) ? 'latest' : 'behind';
  } catch (error) {
    // insufficient_privilege
    if (codeOf(error) === '42501') return 'unknown';
    throw error;
  }
}

/**
 * Rolls back everything, the newest first; a table that the console made keeps its rows and columns. False if the
 * schema had to stay: it isn't ours to drop, or holds something else.
 * @throws ConsoleTableError if something depends on what was added to the console's table; nothing was changed then
 */
export async function rollBackAll(
  connectionString: string,
  { console: settings = USUAL_CONSOLE, say = () => undefined }: Pick<MigrateOptions, 'console' | 'say'> = {},
): Promise<boolean> {
  return inWords('undo the migrations', () =>
    withMigrationLock(connectionString, say, (requireLock) =>
      withClient(connectionString, async (client) => {
        const ask = askUnder(requireLock, client);
        // Before takeBack, which a role without rights can't even look with.
        await refuseOthersTables(ask);
        await refuseIfUsed(ask);
        await takeBack(ask, settings, say);
        if (await hasMigrations(ask)) {
          await withKnex(connectionString, async (knex) => {
            await knex.migrate.forceFreeMigrationsLock(CONFIG);
            await knex.migrate.rollback(CONFIG, true);
          });
          await dropRecords(ask, false);
        }
        return dropSchema(ask);
      }),
    ),
  );
}

const userRow = z.object({ what: z.string(), name: z.string(), uses: z.string() });

/** @throws ConsoleTableError if others' views or tables depend on the app's own, which then can't be dropped */
async function refuseIfUsed(ask: Ask): Promise<void> {
  const found = await ask(
    `select distinct case v.relkind when 'm' then 'materialized view' else 'view' end as what, v.oid::regclass::text as name, c.oid::regclass::text as uses
       from pg_class c join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.classid = 'pg_rewrite'::regclass
       join pg_rewrite r on r.oid = d.objid join pg_class v on v.oid = r.ev_class and v.relnamespace <> c.relnamespace
      where c.relnamespace = to_regnamespace($1)
     union all
     select 'table', k.conrelid::regclass::text, k.confrelid::regclass::text
       from pg_constraint k join pg_class c on c.oid = k.confrelid join pg_class o on o.oid = k.conrelid
      where k.contype = 'f' and c.relnamespace = to_regnamespace($1) and o.relnamespace <> c.relnamespace order by 2, 3`,
    [SCHEMA],
  );
  const users = parseRows(found, userRow).map(({ what, name, uses }) => `the ${what} ${name} uses ${uses}`);
  if (users.length === 0) return;
  throw new ConsoleTableError(
    `The app’s own tables can’t be dropped: ${users.join(', ')}. Nothing was changed. Drop what uses them, then try again.`,
  );
}

async function dropRecords(ask: Ask, withSchema: boolean): Promise<void> {
  await ask(`drop table if exists ${MIGRATIONS_TABLE}, ${MIGRATIONS_TABLE}_lock`);
  if (withSchema) await ask(`drop schema ${SCHEMA}`);
}

async function dropSchema(ask: Ask): Promise<boolean> {
  try {
    await ask(`drop schema if exists ${SCHEMA}`);
    return true;
  } catch (error) {
    // insufficient_privilege, dependent_objects_still_exist
    if (!['42501', '2BP01'].includes(codeOf(error) ?? '')) throw error;
    return false;
  }
}

/**
 * Rolls back the migrations after the named one, the newest first, for an earlier version whose replicas may run
 * already. Answers their names.
 * @throws NoMigrationError if there is no such migration, or it hasn't run here
 */
export async function rollBackTo(connectionString: string, name: string): Promise<readonly string[]> {
  const quietly = () => undefined;
  return inWords('undo the migrations', () =>
    withMigrationLock(connectionString, quietly, async (requireLock) => {
      await withClient(connectionString, (client) => refuseOthersTables(askOf(client)));
      return withKnex(connectionString, (knex) => undoNewer(knex, name, requireLock));
    }),
  );
}

async function undoNewer(knex: Knex, name: string, requireLock: RequireLock): Promise<readonly string[]> {
  const names = migrations.map((migration) => migration.name);
  const applied = new Set<string>((await knex.migrate.list(CONFIG))[0].map((one: { name: string }) => one.name));
  if (!applied.has(name)) {
    throw new NoMigrationError(
      `The database has no migration ${name}. It has: ${[...applied].join(', ')}. Nothing was changed.`,
    );
  }
  await knex.migrate.forceFreeMigrationsLock(CONFIG);
  const newer = names.slice(names.indexOf(name) + 1).filter((one) => applied.has(one));
  // Before the migrations: if this is killed between two, another try comes here again.
  if (newer.includes(FIRST_WITH_KEY_IDS)) await removeKeyIds(knex);
  for (const one of newer.toReversed()) {
    requireLock();
    await knex.migrate.down({ ...CONFIG, name: one });
  }
  return newer;
}

/** Earlier versions read secrets and recovery codes only without the key's id. Ours reads both, so it stays removed. */
async function removeKeyIds(knex: Knex): Promise<void> {
  await knex.raw(`
    update flag_promotions.operators
       set totp_secret_encrypted = regexp_replace(totp_secret_encrypted, '^v1[.][0-9a-f]{8}[.]', 'v1.');
    update flag_promotions.recovery_codes set code_hash = regexp_replace(code_hash, '^[0-9a-f]{8}[.]', '');
    update flag_promotions.enrolments
       set totp_secret_encrypted = regexp_replace(totp_secret_encrypted, '^v1[.][0-9a-f]{8}[.]', 'v1.'),
           recovery_code_hashes = array(
             select regexp_replace(hash, '^[0-9a-f]{8}[.]', '') from unnest(recovery_code_hashes) as hash)
     where state in ('sent', 'proved')
  `);
}

/** A connection without time limits, in the database's TimeZone. */
export async function withClient<T>(connectionString: string, work: (client: PrimaryClient) => Promise<T>): Promise<T> {
  const options = { applicationName: 'flag-promotions-migrate', isUnbounded: true } as const;
  const client = await createDialer(connectionString, options).open();
  try {
    await createSessionSetter()(client);
    return await work(client);
  } finally {
    await client.end();
  }
}

async function withKnex<T>(connectionString: string, work: (knex: Knex) => Promise<T>): Promise<T> {
  const knex = connectUnbounded(connectionString);
  try {
    return await work(knex);
  } finally {
    await knex.destroy();
  }
}

/**
 * First, because knex keeps its records there. An account that can't create a schema can be given one: answers whether
 * it was made.
 */
async function createSchema(ask: Ask): Promise<boolean> {
  const [row] = parseRows(await ask('select to_regnamespace($1) is null as yes', [SCHEMA]), yesRow);
  if (row?.yes !== true) return false;
  await ask(`create schema ${SCHEMA}`);
  return true;
}
