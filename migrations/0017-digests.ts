/**
 * A digest is posted once for each time at which it was due, by whichever replica comes first, also where that one is
 * killed on the way. `due` is the reading of the wall clock in the configured time zone: an hour that the clock goes through
 * twice is due once. What was posted is told from what is only to get its chart still.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotion_digests (
      due text primary key,
      due_at timestamptz not null,
      state text not null default 'pending' check (state in ('pending', 'posted', 'charting', 'closed')),
      channel text,
      message_ts text,
      posted_at timestamptz,
      lease_owner text,
      lease_until timestamptz,
      attempts integer not null default 0,
      next_attempt_at timestamptz,
      last_error text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index flag_promotion_digests_open on flag_promotion_digests (due) where state <> 'closed';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`drop table flag_promotion_digests`);
}
