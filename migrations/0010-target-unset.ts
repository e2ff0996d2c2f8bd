/**
 * Setting a flag back to what was there before may mean removing its config var, which no text in `target_value` can say:
 * an empty text is a value too.
 */
import type { Knex } from 'knex';
import { ADDED_BY_US } from './migration.js';

const TABLE = 'console_flag_promotions';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`alter table ${TABLE} add column target_unset boolean not null default false`);
  await knex.raw(`comment on column ${TABLE}.target_unset is '${ADDED_BY_US}'`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`alter table ${TABLE} drop column target_unset`);
}
