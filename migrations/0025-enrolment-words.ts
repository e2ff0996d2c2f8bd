/**
 * The word that a person says aloud, as a keyed hash: whoever had their link sent can tell them from somebody who reads
 * their messages. Also how often a wrong one was typed.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_promotions.enrolments
      add column word_hash text,
      add column wrong_words integer not null default 0 check (wrong_words >= 0)
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table flag_promotions.enrolments drop column wrong_words, drop column word_hash');
}
