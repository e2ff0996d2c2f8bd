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
