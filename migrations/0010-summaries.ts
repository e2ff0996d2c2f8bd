/**
 * Many promotions that get stuck at once would be a message each, at a message a second and channel: the last is seen
 * when a quarter of an hour has passed. So only the oldest get one of their own, and the others are told in one summary.
 *
 * `flag_promotion_summaries`: the summary (`kind` summary) and what is said in its thread (`root_id` names it). Each is a
 * row before it is a message, like an alert. `route` is the channel that its alerts are meant for, `held_until` when the quiet
 * hours end before which it is not posted. `called_through` is the newest critical that people were called about,
 * `called_at` when, on the app's clock, and `calls` how many replies did so; `call_wanted`: somebody who was on one of them
 * no longer is.
 *
 * What was told of a promotion is removed some time after it ended; `pruned_…` counts those for the summary.
 *
 * An alert with a `summary_id` has no message of its own: `thread_ts` is its summary's once that shows it. Its lease is
 * the summary's for good, so that a replica of an earlier version does not post it as well.
 *
 * `flag_promotion_turns`: when a channel takes its next message, by which all replicas together keep to Slack's pace.
 *
 * On the way back, alerts that are open in a summary are due again, each for a message of its own.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotion_summaries (
      id bigint generated always as identity primary key,
      root_id bigint references flag_promotion_summaries (id) on delete cascade,
      kind text not null default 'summary' check (kind in ('summary', 'call', 'ended', 'rca_reminder')),
      ordinal bigint not null default 0,
      state text not null default 'pending' check (state in ('pending', 'posted', 'closed')),
      route text,
      held_until timestamptz,
      called_through bigint not null default 0,
      called_at timestamptz,
      calls integer not null default 0,
      call_wanted boolean not null default false,
      ended_at timestamptz,
      pruned_completed integer not null default 0,
      pruned_failed integer not null default 0,
      pruned_otherwise integer not null default 0,
      rca_settled boolean not null default false,
      channel text,
      refused_channel text,
      refused_because text,
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
      check ((kind = 'summary') = (root_id is null)),
      check ((kind = 'summary') = (route is not null)),
      unique (root_id, kind, ordinal)
    );
    create index flag_promotion_summaries_due on flag_promotion_summaries (id)
      where state = 'pending' or repaint_wanted > repaint_done;
    create index flag_promotion_summaries_unsettled on flag_promotion_summaries (id) where root_id is null and not rca_settled;
    create index flag_promotion_summaries_message on flag_promotion_summaries (channel, message_ts);

    alter table flag_promotion_alerts add column summary_id bigint references flag_promotion_summaries (id);
    create index flag_promotion_alerts_summary on flag_promotion_alerts (summary_id) where summary_id is not null;
    create index flag_promotion_alerts_own on flag_promotion_alerts (created_at) where summary_id is null and thread_ts is null;

    create table flag_promotion_turns (
      channel text primary key,
      owner text not null,
      free_at timestamptz not null
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    update flag_promotion_alerts
       set state = case when state = 'closed' then 'closed' else 'pending' end, channel = null, thread_ts = null, posted_at = null,
           lease_owner = null, lease_until = null, attempts = 0, next_attempt_at = null, last_error = null
     where summary_id is not null;
    alter table flag_promotion_alerts drop column summary_id;
    drop table flag_promotion_summaries;
    drop table flag_promotion_turns;
  `);
}
