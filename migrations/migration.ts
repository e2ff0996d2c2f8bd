import type { Knex } from 'knex';

/** One step of the schema; runs in its own transaction and can be rolled back. */
export interface Migration {
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}
