/**
 * Enrolment by a link, and recovery codes.
 *
 * A link's token is kept as its SHA-256 alone, and the secret that its page shows only encrypted, and only while the link
 * can still come to something. Of one person, one enrolment is open at a time. Recovery codes are kept as keyed hashes;
 * which one was used is settled by its row.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table console_operator_enrolments (
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
    create unique index console_operator_enrolments_open
      on console_operator_enrolments (slack_user_id) where state in ('sent', 'proved');

    create table console_operator_recovery_codes (
      slack_user_id text not null references console_operators on delete cascade,
      code_hash text not null,
      used_at timestamptz,
      primary key (slack_user_id, code_hash)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table console_operator_recovery_codes; drop table console_operator_enrolments');
}
