/**
 * Alerts go to channels by Heroku app, so where a message is is no longer what is configured, which may change between two
 * attempts: `channel` is written before anything is sent. Where Slack did not let the app into the channel that was meant,
 * the message goes elsewhere and says so, now and whenever it is painted again.
 */
import type { Knex } from 'knex';

const TABLES = ['flag_promotion_alerts', 'flag_promotion_progress'];

export async function up(knex: Knex): Promise<void> {
  for (const table of TABLES) {
    await knex.raw(`alter table ${table} add column refused_channel text, add column refused_because text`);
  }
}

export async function down(knex: Knex): Promise<void> {
  for (const table of TABLES) {
    await knex.raw(`alter table ${table} drop column refused_channel, drop column refused_because`);
    // What was only about to be posted there has no message; a version before this one takes `channel` for one that has.
    await knex.raw(`update ${table} set channel = null where message_ts is null`);
  }
}
