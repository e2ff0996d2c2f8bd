/**
 * Notices, the severity before a warning: posted as soon as Heroku proves something. `looks` has, for each Heroku app,
 * when it was last asked for that and when it is asked again; `held_up` since when our own promoter can't go on with a
 * promotion. Their times are those of flag_promotions.clock().
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_promotions.alerts drop constraint alerts_severity_check;
    alter table flag_promotions.alerts
      add constraint alerts_severity_check check (severity in ('notice', 'warning', 'critical'));
    create index alerts_noticed on flag_promotions.alerts (promotion_id) where severity = 'notice' and closed_at is null;

    create table flag_promotions.looks (
      heroku_app text primary key,
      looked_at timestamptz not null,
      due_at timestamptz not null
    );

    create table flag_promotions.held_up (
      promotion_id bigint primary key,
      since timestamptz not null
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table flag_promotions.held_up;
    drop table flag_promotions.looks;
    drop index flag_promotions.alerts_noticed;
    delete from flag_promotions.alerts where severity = 'notice';
    alter table flag_promotions.alerts drop constraint alerts_severity_check;
    alter table flag_promotions.alerts
      add constraint alerts_severity_check check (severity in ('warning', 'critical'));
  `);
}
