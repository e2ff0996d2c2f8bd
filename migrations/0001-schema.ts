/**
 * Functions that the other migrations and the app use. The schema itself exists already: knex keeps its records in it.
 *
 * `clock()` is the one clock for every stored time that defers something (next attempt, not before, snooze, lease);
 * tests and the demo replace it to move time.
 *
 * `utc()`: a column of the console's may have no time zone, and an index allows only what no session setting can
 * change.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function flag_promotions.clock() returns timestamptz language sql volatile as 'select clock_timestamp()';
    comment on function flag_promotions.clock() is
      'the one clock for every stored time that holds something back (next attempt, not before, snooze, lease); tests and the demo replace it to move time';
    create function flag_promotions.utc(at timestamptz) returns timestamp language sql immutable as $$ select at at time zone 'UTC' $$;
    create function flag_promotions.utc(at timestamp) returns timestamp language sql immutable as $$ select at $$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function flag_promotions.utc(timestamp);
    drop function flag_promotions.utc(timestamptz);
    drop function flag_promotions.clock();
  `);
}
