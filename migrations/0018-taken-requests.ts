/** Slack's requests that were accepted, so that none takes effect twice. The tick forgets them after ten minutes. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.taken_requests (
      key text primary key,
      taken_at timestamptz not null
    );

    create index taken_requests_old on flag_promotions.taken_requests (taken_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.taken_requests');
}
