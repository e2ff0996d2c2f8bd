/** What the last completed tick of maintenance found. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.maintenance (
      only_row boolean primary key default true check (only_row),
      completed_at timestamptz not null,
      deploying integer not null,
      stuck integer not null
    )
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.maintenance');
}
