import type { Knex } from 'knex';

/** One step of the schema; each runs in a transaction of its own and can be rolled back. */
export interface Migration {
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}
