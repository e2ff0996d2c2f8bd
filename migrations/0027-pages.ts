/**
 * What goes to a pager and to a webhook are messages, too. `told_error` is their failure as the alert shows it: if it
 * differs from `last_error`, the alert has to be updated.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_promotions.messages add column told_error text;
    create index messages_told on flag_promotions.messages (id) where told_error is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table flag_promotions.messages drop column told_error');
}
