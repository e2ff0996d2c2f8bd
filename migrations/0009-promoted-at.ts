/**
 * Figures on how promotions go are asked for by period: an index on when each was promoted makes that cost what the
 * period holds, not what the table does.
 */
import type { Knex } from 'knex';

const PROMOTED = 'flag_promotions_promoted';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`create index ${PROMOTED} on console_flag_promotions ((flag_promotions_utc(promoted_at)))`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`drop index ${PROMOTED}`);
}
