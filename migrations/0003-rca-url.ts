/**
 * Action item 4 of the RCA of 2026-05-11: where the post-mortem of a promotion can be read. Nullable text, set at any
 * time, also after the promotion ended.
 */
import type { Knex } from 'knex';
import { ADDED_BY_US, columnsOf } from './migration.js';

const TABLE = 'console_flag_promotions';

export async function up(knex: Knex): Promise<void> {
  if ((await columnsOf(knex, TABLE)).has('rca_url')) return;
  await knex.raw(`alter table ${TABLE} add column rca_url text`);
  await knex.raw(`comment on column ${TABLE}.rca_url is '${ADDED_BY_US}'`);
}

export async function down(knex: Knex): Promise<void> {
  const { rows } = await knex.raw(
    `select 1 from pg_attribute
      where attrelid = '${TABLE}'::regclass and attname = 'rca_url' and not attisdropped and col_description(attrelid, attnum) = '${ADDED_BY_US}'`,
  );
  if (rows.length > 0) await knex.raw(`alter table ${TABLE} drop column rca_url`);
}
