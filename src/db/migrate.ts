import type { Knex } from 'knex';
import { migrations } from '../../migrations/index.js';
import { connectUnbounded } from './connection.js';
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

/**
 * Brings the schema to its newest version. Safe to run from several replicas at once: they wait for one another.
 * Answers the names of the migrations that this call ran.
 */
export async function migrateToLatest(connectionString: string): Promise<readonly string[]> {
  if (await isLatest(connectionString)) return [];
  return withMigrationLock(connectionString, async (knex) => {
    const ran: string[] = [];
    for (;;) {
      // One by one: `latest` would run all in one transaction, and hold every lock until the last index is built.
      const [, names]: [number, string[]] = await knex.migrate.up(CONFIG);
      if (names.length === 0) return ran;
      ran.push(...names);
    }
  });
}

const LOOKING = { applicationName: 'flag-promotions', connectWithinMs: 5_000 };

/** Whether every migration was run, by one question: what most starts find. Whatever it cannot tell is no. */
async function isLatest(connectionString: string): Promise<boolean> {
  const client = await createDialer(connectionString, LOOKING)
    .open()
    .catch(() => null);
  if (client === null) return false;
  try {
    const found = await client.query(`select name from ${MIGRATIONS_TABLE}`);
    const ran = new Set(found.rows.map(({ name }) => name));
    return migrations.every(({ name }) => ran.has(name));
  } catch {
    // No such table yet; or a fault that migrating meets as well, and tells.
    return false;
  } finally {
    await client.end();
  }
}

/** Takes back every migration, the newest first; a table that the console made keeps its rows and its own columns. */
export async function rollBackAll(connectionString: string): Promise<void> {
  await withMigrationLock(connectionString, (knex) => knex.migrate.rollback(CONFIG, true));
}

/**
 * Takes back the migrations that are newer than the named one, the newest first: for going back to an earlier version, whose
 * replicas may be running already. Answers the names of those that it took back.
 * @throws where there is no such migration, or the database is not that far
 */
export async function rollBackTo(connectionString: string, name: string): Promise<readonly string[]> {
  return withMigrationLock(connectionString, async (knex) => {
    const names = migrations.map((migration) => migration.name);
    const applied = new Set<string>((await knex.migrate.list(CONFIG))[0].map((one: { name: string }) => one.name));
    if (!applied.has(name)) {
      throw new Error(
        `The database has no migration ${name}. It has: ${[...applied].join(', ')}. Nothing was changed.`,
      );
    }
    const newer = names.slice(names.indexOf(name) + 1).filter((one) => applied.has(one));
    for (const one of newer.toReversed()) await knex.migrate.down({ ...CONFIG, name: one });
    return newer;
  });
}

/** An arbitrary number that names this project's migration lock among a database's advisory locks. */
const LOCK = 2026_05_07;

/**
 * knex's own migration lock is a flag in a table: it refuses a second replica instead of letting it wait, and stays
 * set when its holder is killed. A session's advisory lock does neither.
 */
async function withMigrationLock<T>(connectionString: string, work: (knex: Knex) => Promise<T>): Promise<T> {
  const knex = connectUnbounded(connectionString);
  try {
    return await knex.transaction(async (lock) => {
      await lock.raw('select pg_advisory_xact_lock(?)', [LOCK]);
      await createSchema(knex);
      await knex.migrate.forceFreeMigrationsLock(CONFIG);
      return work(knex);
    });
  } finally {
    await knex.destroy();
  }
}

/** knex keeps its records in the schema, so it comes first. An account that may not create one can be given one. */
async function createSchema(knex: Knex): Promise<void> {
  const { rows } = await knex.raw('select to_regnamespace(?) is null as missing', [SCHEMA]);
  if (rows[0].missing === true) await knex.raw('create schema ??', [SCHEMA]);
}
