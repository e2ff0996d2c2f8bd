import type { Knex } from 'knex';
import * as z from 'zod';
import { migrations } from '../../migrations/index.js';
import { connectUnbounded } from './connection.js';
import type { Say } from './console/adopt.js';
import { type Ask, askOf } from './console/ask.js';
import {
  type AdoptedTable,
  ensureConsole,
  type Inspected,
  inspectConsole,
  isAdopted,
  refuseItsRows,
} from './console/ensure.js';
import type { Finding } from './console/finding.js';
import { watchIndexes } from './console/index-progress.js';
import { ConsoleTableError } from './console/refusal.js';
import { inWords, refuseBeforeMigrating, refuseEncoding } from './console/refuse.js';
import { grantsFor } from './console/grants.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { takeBack } from './console/take-back.js';
import { codeOf } from './embedded/errors.js';
import { withMigrationLock } from './migration-lock.js';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';
import { createDialer } from './server/dial.js';

/** What a database of this version has run. */
export const MIGRATION_NAMES: readonly string[] = migrations.map(({ name }) => name);
/** The schema of all tables and functions of this app, apart from the console's table. */
export const SCHEMA = 'flag_promotions';
const TABLE = 'migrations';
export const MIGRATIONS_TABLE = `${SCHEMA}.${TABLE}`;

const migrationSource: Knex.MigrationSource<(typeof migrations)[number]> = {
  getMigrations: async () => [...migrations],
  getMigrationName: (entry) => entry.name,
  getMigration: async (entry) => entry.migration,
};

// A replica of this version that restarts beside a newer one finds migrations that it does not know, and leaves them alone.
const CONFIG = { migrationSource, schemaName: SCHEMA, tableName: TABLE, disableMigrationsListValidation: true };

export interface MigrateOptions {
  readonly console?: ConsoleSettings;
  /** Hears what is being done, in lines for people. */
  readonly say?: Say;
  /** Whether to look at all rows where nothing is to be done, too. */
  readonly survey?: boolean;
  /** The role that runs the app, unquoted, where another one migrates; null: the same. */
  readonly role?: string | null;
}

/** What a call to `migrate` did. */
export interface Migrated {
  /** The migrations that it ran. */
  readonly migrations: readonly string[];
  /** The table of promotions, by a look at all of its rows; null where nothing was to be done and none was asked for. */
  readonly promotions: AdoptedTable | null;
  /** What will fail now and then, in lines for people. */
  readonly notes: readonly string[];
}

const NOTHING: Migrated = { migrations: [], promotions: null, notes: [] };

/**
 * Brings the schema, and the console's table, to what this version needs. Safe to run from several replicas at once: they wait
 * for one another.
 * @throws ConsoleTableError where the console's table can't be worked with; nothing was changed then
 */
export async function migrate(
  connectionString: string,
  { console: settings = USUAL_CONSOLE, say = () => undefined, survey = false, role = null }: MigrateOptions = {},
): Promise<Migrated> {
  const isDone = async (ask: Ask, inspected: Inspected): Promise<boolean> =>
    !survey && isAdopted(inspected, settings) && (await progressOf(ask)) === 'latest';
  return inWords('migrate', async () => {
    // What most starts find, and what they refuse: without waiting for anybody.
    const done = await withClient(connectionString, async (client) => {
      const ask = askOf(client);
      await refuseEncoding(ask);
      return isDone(ask, await inspectConsole(ask, settings));
    });
    if (done) return NOTHING;
    return withMigrationLock(connectionString, say, () =>
      withClient(connectionString, async (client) => {
        const ask = askOf(client);
        const inspected = await inspectConsole(ask, settings);
        // Whoever had the lock may have done it.
        if (await isDone(ask, inspected)) return NOTHING;
        const notes = await refuseAll(ask, inspected, say, role);
        const ran = (await progressOf(ask)) === 'latest' ? [] : await runMigrations(ask, connectionString);
        const promotions = await adopt(connectionString, client, settings, say);
        if (role !== null) await grantTo(ask, settings, role);
        return { migrations: ran, promotions, notes };
      }),
    );
  });
}

/**
 * Answers what will fail now and then, in lines for people.
 * @throws ConsoleTableError where something stands in the way of migrating, or of the app afterwards
 */
async function refuseAll(ask: Ask, inspected: Inspected, say: Say, role: string | null): Promise<readonly string[]> {
  const lacksMigrations = (await progressOf(ask)) === 'behind';
  const grants = role === null ? new Set<string>() : new Set(await grantsFor(ask, inspected, role));
  const isGrantedHere = ({ sql }: Finding): boolean =>
    sql.length > 0 && sql.every((statement) => grants.has(statement));
  await refuseItsRows(ask, inspected).catch((error: unknown) => {
    // insufficient_privilege: it may not read them, which is told next.
    if (codeOf(error) !== '42501') throw error;
  });
  return refuseBeforeMigrating(ask, { inspected, lacksMigrations, role }, say, isGrantedHere);
}

/** Each version may bring columns and tables of its own. */
async function grantTo(ask: Ask, settings: ConsoleSettings, role: string): Promise<void> {
  for (const statement of await grantsFor(ask, await inspectConsole(ask, settings), role)) await ask(statement);
}

/** The same, answering the names of the migrations that this call ran. */
export async function migrateToLatest(
  connectionString: string,
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  return (await migrate(connectionString, options)).migrations;
}

/** @throws ConsoleTableError where the console's table can't be worked with, or there is none yet */
export async function requirePromotions(connectionString: string, settings: ConsoleSettings): Promise<void> {
  const inspected = await withClient(connectionString, (client) => inspectConsole(askOf(client), settings));
  if (inspected.kind === 'there') return;
  throw new ConsoleTableError('The database has no table of promotions. Run: flag-promotions migrate');
}

async function adopt(
  connectionString: string,
  client: PrimaryClient,
  settings: ConsoleSettings,
  say: Say,
): Promise<AdoptedTable> {
  const ask = askOf(client);
  // Behind a pooler, whatever is set would be another's. The account's own limits hold there.
  if (!client.isPooled) {
    await ask(`select set_config(name, '0', false) from unnest(array['statement_timeout', 'lock_timeout']) as name`);
  }
  const watch = client.isPooled ? null : await watchIndexes(connectionString, client, say);
  try {
    return await ensureConsole(ask, settings, say);
  } finally {
    await watch?.stop();
  }
}

async function runMigrations(ask: Ask, connectionString: string): Promise<readonly string[]> {
  await createSchema(ask);
  return withKnex(connectionString, async (knex) => {
    await knex.migrate.forceFreeMigrationsLock(CONFIG);
    const ran: string[] = [];
    for (;;) {
      // One by one: `latest` would run all in one transaction, and hold every lock until the last is done.
      const [, names]: [number, string[]] = await knex.migrate.up(CONFIG);
      if (names.length === 0) return ran;
      ran.push(...names);
    }
  });
}

const yesRow = z.object({ yes: z.boolean() });
const nameRow = z.object({ name: z.string() });

/** Not by name: who may not use the schema may not ask so. */
const hasMigrations = async (ask: Ask): Promise<boolean> => {
  const found = await ask(
    `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                     where n.nspname = $1 and c.relname = $2) as yes`,
    [SCHEMA, TABLE],
  );
  return parseRows(found, yesRow)[0]?.yes === true;
};

/** Whether every migration was run. `unknown` to whoever may not look. */
export async function progressOf(ask: Ask): Promise<'latest' | 'behind' | 'unknown'> {
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
 * Takes back everything, the newest first, and leaves nothing behind; a table that the console made keeps its rows and its own
 * columns. Answers false where the schema itself had to stay, because it isn't ours to drop or holds something else.
 * @throws ConsoleTableError where something depends on what was added to the console's table; nothing was changed then
 */
export async function rollBackAll(connectionString: string, say: Say = () => undefined): Promise<boolean> {
  return withMigrationLock(connectionString, say, () =>
    withClient(connectionString, async (client) => {
      const ask = askOf(client);
      await takeBack(ask, say);
      if (await hasMigrations(ask)) {
        await withKnex(connectionString, async (knex) => {
          await knex.migrate.forceFreeMigrationsLock(CONFIG);
          await knex.migrate.rollback(CONFIG, true);
        });
        await ask(`drop table ${MIGRATIONS_TABLE}, ${MIGRATIONS_TABLE}_lock`);
      }
      return dropSchema(ask);
    }),
  );
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
 * Takes back the migrations that are newer than the named one, the newest first: for going back to an earlier version, whose
 * replicas may be running already. Answers the names of those that it took back.
 * @throws where there is no such migration, or the database is not that far
 */
export async function rollBackTo(connectionString: string, name: string): Promise<readonly string[]> {
  const quietly = () => undefined;
  return withMigrationLock(connectionString, quietly, () =>
    withKnex(connectionString, (knex) => undoNewer(knex, name)),
  );
}

async function undoNewer(knex: Knex, name: string): Promise<readonly string[]> {
  const names = migrations.map((migration) => migration.name);
  const applied = new Set<string>((await knex.migrate.list(CONFIG))[0].map((one: { name: string }) => one.name));
  if (!applied.has(name)) {
    throw new Error(`The database has no migration ${name}. It has: ${[...applied].join(', ')}. Nothing was changed.`);
  }
  await knex.migrate.forceFreeMigrationsLock(CONFIG);
  const newer = names.slice(names.indexOf(name) + 1).filter((one) => applied.has(one));
  for (const one of newer.toReversed()) await knex.migrate.down({ ...CONFIG, name: one });
  return newer;
}

/** A connection on which a statement may take its time. */
export async function withClient<T>(connectionString: string, work: (client: PrimaryClient) => Promise<T>): Promise<T> {
  const options = { applicationName: 'flag-promotions-migrate', connectWithinMs: 5_000, silentAfterMs: null };
  const client = await createDialer(connectionString, options).open();
  try {
    await client.settle();
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

/** knex keeps its records in the schema, so it comes first. An account that may not create one can be given one. */
async function createSchema(ask: Ask): Promise<void> {
  const [row] = parseRows(await ask('select to_regnamespace($1) is null as yes', [SCHEMA]), yesRow);
  if (row?.yes === true) await ask(`create schema ${SCHEMA}`);
}
