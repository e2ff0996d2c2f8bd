/** What Slack last said of each operator: member, guest, … Used while Slack doesn't answer. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.memberships (
      slack_user_id text primary key references flag_promotions.operators on delete cascade,
      membership text not null
    )
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.memberships');
}
