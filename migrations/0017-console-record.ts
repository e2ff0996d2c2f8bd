/**
 * What `migrate` learned about the console's table by reading all of its rows: which table it is, and its words for
 * states.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table flag_promotions.installation add column console jsonb');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table flag_promotions.installation drop column console');
}
