/**
 * Which release was the newest before the promoter first set the value: what it finds after a kill is its own where it is
 * newer. Times cannot tell: Heroku's are whole seconds of another clock, and a value may have come and gone just before.
 */
import type { Knex } from 'knex';
import { ADDED_BY_US } from './migration.js';

const TABLE = 'console_flag_promotions';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`alter table ${TABLE} add column base_release integer`);
  await knex.raw(`comment on column ${TABLE}.base_release is '${ADDED_BY_US}'`);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`alter table ${TABLE} drop column base_release`);
}
