import type { Knex } from 'knex';

/** One step of the schema; each runs in a transaction of its own and can be rolled back. */
export interface Migration {
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}

/**
 * The comment that marks what this project added to a table that may belong to the team's console, so that rolling
 * back takes away exactly that.
 */
export const ADDED_BY_US = 'added by flag-promotions';

/** The columns of a table; empty where there is no such table. knex's own questions look in one schema of the search path only. */
export async function columnsOf(knex: Knex, table: string): Promise<ReadonlySet<string>> {
  const { rows } = await knex.raw(
    'select attname as name from pg_attribute where attrelid = to_regclass(?) and attnum > 0 and not attisdropped',
    [table],
  );
  return new Set(rows.map(({ name }: { name: string }) => name));
}
