/** Recovery codes, as keyed hashes. Each works once: `used_at` says which are spent. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.recovery_codes (
      slack_user_id text not null references flag_promotions.operators on delete cascade,
      code_hash text not null,
      used_at timestamptz,
      primary key (slack_user_id, code_hash)
    )
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.recovery_codes');
}
