/**
 * One message per promotion that follows it while it goes. `drift_noticed_at`: the promoter found another value on Heroku
 * and left it alone. `shown_state`: the state that the message shows.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.progress (
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
      updated_at timestamptz not null default now(),
      refused_channel text,
      refused_because text
    );
    create index progress_due on flag_promotions.progress (promotion_id)
      where state = 'pending' or (state = 'posted' and (repaint_wanted > repaint_done or shown_state = 'deploying'));
    create index progress_rested on flag_promotions.progress (updated_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.progress');
}
