/** Requests to Heroku in each of the last minutes, by all replicas: one row that all of them count in. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.heroku_requests (
      only_row boolean primary key default true check (only_row),
      -- The number of requests by the minute, counted from 1970.
      minutes jsonb not null
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.heroku_requests');
}
