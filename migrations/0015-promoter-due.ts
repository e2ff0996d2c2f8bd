/**
 * The promoter asks for the one row that is due first, each time anew: an index in that order makes a thousand promotions
 * that were begun at once cost a thousand looks at a row, not a thousand looks at a thousand rows.
 */
import type { Knex } from 'knex';

const DUE = 'flag_promotions_promoter_due';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `create index ${DUE} on console_flag_promotions (next_attempt_at nulls first, id) where state = 'deploying'`,
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`drop index ${DUE}`);
}
