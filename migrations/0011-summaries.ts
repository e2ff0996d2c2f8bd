/**
 * One message for many alerts (`kind` summary), and the replies in its thread (`root_id` names it). `called_through` is
 * the newest critical that people were mentioned for; `pruned_…` counts what was removed after it ended.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.summaries (
      id bigint generated always as identity primary key,
      root_id bigint references flag_promotions.summaries (id) on delete cascade,
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
    create index summaries_due on flag_promotions.summaries (id) where state = 'pending' or repaint_wanted > repaint_done;
    create index summaries_unsettled on flag_promotions.summaries (id) where root_id is null and not rca_settled;
    create index summaries_message on flag_promotions.summaries (channel, message_ts);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.summaries');
}
