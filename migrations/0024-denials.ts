/**
 * How often somebody was refused something: the audit log gets the first in an hour, and later the number. The tick
 * removes old rows. `key` is a hash of who it was and what they tried, which the audit event says. Its times are
 * flag_promotions.clock()'s.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.denials (
      key text primary key,
      event_id bigint,
      since timestamptz not null,
      times integer not null default 1 check (times > 0)
    );

    create index denials_since on flag_promotions.denials (since);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.denials');
}
