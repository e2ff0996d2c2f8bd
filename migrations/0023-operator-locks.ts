/**
 * Each consecutive lock of an operator lasts twice as long. `locks` counts them until a day has passed without one:
 * `last_lock_ends_at` outlives the right code that ends the lock.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_promotions.operators
      add column locks integer not null default 0 check (locks >= 0),
      add column last_lock_ends_at timestamptz
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table flag_promotions.operators drop column last_lock_ends_at, drop column locks');
}
