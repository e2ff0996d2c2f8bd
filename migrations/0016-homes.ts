/**
 * Who has opened the app's home tab, and what was last shown there. Slack tells of the opening alone: what changes after
 * it has to be published to everybody who may still look, once, whichever replica learned of it. An index over the audit
 * events that end a promotion by hand finds the last of them without reading the log.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotion_homes (
      slack_user_id text primary key,
      opened_at timestamptz not null,
      shown text,
      published_at timestamptz,
      lease_owner text,
      lease_until timestamptz,
      attempts integer not null default 0,
      next_attempt_at timestamptz,
      last_error text,
      updated_at timestamptz not null default now()
    );
    create index flag_promotion_homes_opened on flag_promotion_homes (opened_at);
    create index console_audit_log_resolutions on console_audit_log (id)
      where action in ('console.flag.promotion.ops_complete', 'console.flag.promotion.ops_failed');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index console_audit_log_resolutions;
    drop table flag_promotion_homes;
  `);
}
