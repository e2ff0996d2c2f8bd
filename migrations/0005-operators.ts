/**
 * Who may do what, and the state of their authenticator. The secret is stored encrypted. The last accepted time step and
 * the failures are stored too, so neither a restart nor another replica forgets them.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.operators (
      slack_user_id text primary key,
      role text not null check (role in ('superadmin', 'engineer')),
      totp_secret_encrypted text not null,
      totp_last_step bigint,
      totp_failed_attempts integer not null default 0 check (totp_failed_attempts >= 0),
      locked_until timestamptz,
      disabled_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    )
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.operators');
}
