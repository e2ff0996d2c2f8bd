/** Replies in the threads of alerts: rows before they are messages, like alerts. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.replies (
      id bigint generated always as identity primary key,
      promotion_id bigint not null references console_flag_promotions (id) on delete cascade,
      kind text not null check (kind in (
        'repeat', 'resolved', 'rca_linked', 'rca_reminder', 'owner_asked', 'owner_lost', 'handed_over', 'taken_over', 'snooze_ended'
      )),
      ordinal bigint not null default 0,
      state text not null default 'pending' check (state in ('pending', 'posted', 'closed')),
      channel text,
      message_ts text,
      posted_at timestamptz,
      lease_owner text,
      lease_until timestamptz,
      attempts integer not null default 0,
      next_attempt_at timestamptz,
      last_error text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      repaint_wanted integer not null default 0,
      repaint_done integer not null default 0,
      unique (promotion_id, kind, ordinal)
    );
    create index replies_due on flag_promotions.replies (id)
      where state = 'pending' or (state = 'posted' and repaint_wanted > repaint_done);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.replies');
}
