/**
 * Indexes when promotions were noticed to be stuck: `stats` counts what the audit log keeps after the alerts were
 * pruned, without a look-up in the log for each promotion of its period.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index audit_log_stuck on flag_promotions.audit_log (at, promotion_id)
      where action in ('console.flag.promotion.stuck_warning', 'console.flag.promotion.stuck_critical')
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index flag_promotions.audit_log_stuck');
}
