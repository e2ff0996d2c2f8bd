/**
 * Enrolment by a link. Only the SHA-256 of a link's token is stored. The secret that its page shows is stored encrypted,
 * and only while the link can still be used. Each person has at most one open enrolment.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.enrolments (
      id bigint generated always as identity primary key,
      token_hash text not null unique,
      slack_user_id text not null,
      role text not null check (role in ('superadmin', 'engineer')),
      purpose text not null check (purpose in ('add', 'rotate', 'reset')),
      invited_by text not null,
      state text not null default 'sent' check (state in ('sent', 'proved', 'activated', 'ended')),
      end_reason text,
      totp_secret_encrypted text,
      totp_last_step bigint,
      recovery_code_hashes text[] not null default '{}',
      failed_attempts integer not null default 0 check (failed_attempts >= 0),
      expires_at timestamptz not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      check ((end_reason is not null) = (state = 'ended')),
      check ((totp_secret_encrypted is not null) = (state in ('sent', 'proved')))
    );
    create unique index enrolments_open on flag_promotions.enrolments (slack_user_id) where state in ('sent', 'proved');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.enrolments');
}
