/**
 * How a promotion goes, told in Slack while it goes: one message per promotion, painted again at each step. It is a row
 * before it is a message, like an alert: written in the transaction of what it tells, claimed under a lease by whoever
 * delivers it, and found again by its key after an outcome that nobody learned.
 *
 * `drift_noticed_at`: the promoter found another value on Heroku than the one it set, and left it alone.
 * `shown_state`: the promotion's state as the message shows it, by which an end that another system wrote is noticed.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotion_progress (
      promotion_id bigint primary key references console_flag_promotions (id) on delete cascade,
      state text not null default 'pending' check (state in ('pending', 'posted', 'closed')),
      drift_noticed_at timestamptz,
      shown_state text,
      channel text,
      message_ts text,
      posted_at timestamptz,
      repaint_wanted integer not null default 0,
      repaint_done integer not null default 0,
      lease_owner text,
      lease_until timestamptz,
      attempts integer not null default 0,
      next_attempt_at timestamptz,
      last_error text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index flag_promotion_progress_due on flag_promotion_progress (promotion_id)
      where state = 'pending' or (state = 'posted' and (repaint_wanted > repaint_done or shown_state = 'deploying'));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotion_progress');
}
