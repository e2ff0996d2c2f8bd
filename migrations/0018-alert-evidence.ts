/**
 * An alert that went out without Heroku's answer gets it later. When to ask again is a time of its own: what it says of the
 * promotion may change meanwhile, and that must be shown at once, however long Heroku stays silent.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_promotion_alerts add column evidence_due_at timestamptz;
    create index flag_promotion_alerts_evidence on flag_promotion_alerts (id) where evidence_due_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`alter table flag_promotion_alerts drop column evidence_due_at`);
}
