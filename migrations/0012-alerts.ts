/**
 * One alert per promotion and severity: a row before it is a Slack message, found again by the row's id in the message's
 * metadata. `channel` is written before anything is sent. An alert with a `summary_id` has no message of its own.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.alerts (
      id bigint generated always as identity primary key,
      promotion_id bigint not null references console_flag_promotions (id) on delete cascade,
      severity text not null check (severity in ('warning', 'critical')),
      state text not null default 'pending' check (state in ('pending', 'posted', 'closed')),
      channel text,
      message_ts text,
      thread_ts text,
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
      rca_settled boolean not null default false,
      summary_id bigint references flag_promotions.summaries (id),
      refused_channel text,
      refused_because text,
      evidence_due_at timestamptz,
      unique (promotion_id, severity)
    );
    create index alerts_open on flag_promotions.alerts (promotion_id) where state in ('pending', 'posted');
    create index alerts_due on flag_promotions.alerts (id) where state = 'pending' or repaint_wanted > repaint_done;
    create index alerts_message on flag_promotions.alerts (channel, message_ts);
    create index alerts_rca on flag_promotions.alerts (id) where severity = 'critical' and state = 'closed' and not rca_settled;
    create index alerts_summary on flag_promotions.alerts (summary_id) where summary_id is not null;
    create index alerts_own on flag_promotions.alerts (created_at) where summary_id is null and thread_ts is null;
    create index alerts_rested on flag_promotions.alerts (updated_at) where state = 'closed';
    create index alerts_evidence on flag_promotions.alerts (id) where evidence_due_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.alerts');
}
