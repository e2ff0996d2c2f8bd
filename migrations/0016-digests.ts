/**
 * One digest per due time. `due` is the wall clock's reading in the configured time zone, so an hour that the clock goes
 * through twice gets one digest.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.digests (
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
    create index digests_open on flag_promotions.digests (due) where state <> 'closed';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.digests');
}
