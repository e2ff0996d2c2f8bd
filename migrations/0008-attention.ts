/**
 * Who acknowledged a stuck promotion, and until when it is snoozed. The first who acknowledges or snoozes it makes the row;
 * the promotion's end, or its row's, removes it. The audit log keeps what was done.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.attention (
      promotion_id bigint primary key,
      owner text,
      owned_since timestamptz,
      confirmed_at timestamptz,
      asked_at timestamptz,
      question bigint,
      snoozed_by text,
      snoozed_at timestamptz,
      snoozed_until timestamptz,
      resumed_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      check ((owner is null) = (owned_since is null) and (owner is null) = (confirmed_at is null)),
      check (owner is not null or (asked_at is null and question is null)),
      check ((snoozed_by is null) = (snoozed_at is null) and (snoozed_by is null) = (snoozed_until is null))
    )
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.attention');
}
