/**
 * What the watchdog has to say and has said. An alert (one per promotion and severity) is one Slack message; a reply
 * is one message in its thread. Both are rows before they are messages: written in the transaction of what they
 * announce, claimed under a lease by whoever delivers them, and found again in Slack by the row's id in the message's
 * metadata after an outcome that nobody learned.
 *
 * Leases run on the database's clock, which all replicas share; `next_attempt_at` is on the app's.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotion_alerts (
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
      unique (promotion_id, severity)
    );
    create index flag_promotion_alerts_open on flag_promotion_alerts (promotion_id) where state in ('pending', 'posted');
    create index flag_promotion_alerts_due on flag_promotion_alerts (id)
      where state = 'pending' or repaint_wanted > repaint_done;
    create index flag_promotion_alerts_message on flag_promotion_alerts (channel, message_ts);

    create table flag_promotion_replies (
      id bigint generated always as identity primary key,
      promotion_id bigint not null references console_flag_promotions (id) on delete cascade,
      kind text not null check (kind in ('repeat', 'resolved', 'rca_linked')),
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
      unique (promotion_id, kind, ordinal)
    );
    create index flag_promotion_replies_due on flag_promotion_replies (id) where state = 'pending';

    create table flag_promotion_maintenance (
      only_row boolean primary key default true check (only_row),
      completed_at timestamptz not null,
      deploying integer not null,
      stuck integer not null
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table flag_promotion_maintenance;
    drop table flag_promotion_replies;
    drop table flag_promotion_alerts;
  `);
}
