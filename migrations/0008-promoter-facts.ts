/**
 * What the promoter has to know that no column could tell.
 *
 * `target_unset`: setting a flag back to what was there before may mean removing its config var, which no text in
 * `target_value` can say: an empty text is a value too.
 *
 * `base_release`: which release was the newest before the promoter first set the value. What it finds after a kill is its
 * own where it is newer. Times cannot tell: Heroku's are whole seconds of another clock, and a value may have come and
 * gone just before.
 */
import type { Knex } from 'knex';
import { ADDED_BY_US } from './migration.js';

const TABLE = 'console_flag_promotions';
const COLUMNS: readonly (readonly [name: string, definition: string])[] = [
  ['target_unset', 'boolean not null default false'],
  ['base_release', 'integer'],
];

export async function up(knex: Knex): Promise<void> {
  for (const [name, definition] of COLUMNS) {
    await knex.raw(`alter table ${TABLE} add column ${name} ${definition}`);
    await knex.raw(`comment on column ${TABLE}.${name} is '${ADDED_BY_US}'`);
  }
}

export async function down(knex: Knex): Promise<void> {
  for (const [name] of COLUMNS) await knex.raw(`alter table ${TABLE} drop column ${name}`);
}
