/**
 * What is stuck: one alert per promotion and severity. What is said of it in Slack is in `messages`. `group_id` names the
 * message of the group that tells of it, `named_in` the reply there that named a critical; both are null for an individual
 * alert. Its times are those of flag_promotions.clock().
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.alerts (
      id bigint generated always as identity primary key,
      promotion_id bigint not null references console_flag_promotions (id) on delete cascade,
      severity text not null check (severity in ('warning', 'critical')),
      group_id bigint references flag_promotions.messages (id) on delete set null,
      named_in bigint references flag_promotions.messages (id) on delete set null,
      is_rca_reminder_done boolean not null default false,
      opened_at timestamptz not null default flag_promotions.clock(),
      closed_at timestamptz,
      unique (promotion_id, severity)
    );
    create index alerts_open on flag_promotions.alerts (promotion_id) where closed_at is null;
    create index alerts_rca on flag_promotions.alerts (id)
      where severity = 'critical' and closed_at is not null and not is_rca_reminder_done;
    create index alerts_group on flag_promotions.alerts (group_id) where group_id is not null;
    create index alerts_named on flag_promotions.alerts (named_in) where named_in is not null;
    create index alerts_rested on flag_promotions.alerts (closed_at) where closed_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.alerts');
}
