/**
 * What was told of a promotion (its alerts, the replies under them, its progress message) is removed some time after all of
 * it came to rest. Indexes on when that was make looking for it cost what there is to remove, not what the tables hold.
 */
import type { Knex } from 'knex';

const ALERTS = 'flag_promotion_alerts_rested';
const PROGRESS = 'flag_promotion_progress_rested';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index ${ALERTS} on flag_promotion_alerts (updated_at) where state = 'closed';
    create index ${PROGRESS} on flag_promotion_progress (updated_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`drop index ${PROGRESS}; drop index ${ALERTS}`);
}
