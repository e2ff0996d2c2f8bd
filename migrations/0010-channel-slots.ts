/** When each Slack channel takes its next message: so all replicas together keep to Slack's rate limit. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.channel_slots (
      channel text primary key,
      owner text not null,
      free_at timestamptz not null
    )
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.channel_slots');
}
