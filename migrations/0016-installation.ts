/** The one row of this installation: what must be the same in every process that uses this database. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.installation (
      only_row boolean primary key default true check (only_row),
      slack_team_id text
    );

    insert into flag_promotions.installation default values;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.installation');
}
