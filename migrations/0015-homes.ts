/** Who opened the app's home tab, and what it last showed them: a later change is published to each of them once. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.homes (
      slack_user_id text primary key,
      opened_at timestamptz not null,
      shown text,
      published_at timestamptz,
      lease_owner text,
      lease_until timestamptz,
      attempts integer not null default 0,
      next_attempt_at timestamptz,
      last_error text,
      updated_at timestamptz not null default now()
    );
    create index homes_opened on flag_promotions.homes (opened_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.homes');
}
