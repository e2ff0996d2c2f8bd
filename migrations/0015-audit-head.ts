/**
 * An event costs the same however long somebody holds a snapshot, as pg_dump does.
 *
 * Each event updates the head, and its old versions stay while any snapshot may need them. All had the same key, so
 * finding the newest meant passing every one. Now its id is the key: the newest comes first.
 */
import type { Knex } from 'knex';

/** Indented like the function it replaces: `down` restores the same text. */
const chain = (newest: string, recorded: string): string => `
  create or replace function flag_promotions.audit_chain() returns trigger
  language plpgsql
  set enable_seqscan = off
  as $$
    begin
      perform pg_advisory_xact_lock('flag_promotions.audit_head'::regclass::oid::bigint);
      select last_id + 1, last_hash into new.id, new.prev_hash from flag_promotions.audit_head ${newest} for update;
      new.hash = encode(sha256(convert_to(flag_promotions.audit_canonical(new), 'UTF8')), 'hex');
      update flag_promotions.audit_head set last_id = new.id, last_hash = new.hash where ${recorded};
      return new;
    end
    $$`;

export async function up(knex: Knex): Promise<void> {
  // A unique key shared by all versions would be checked against every one of them.
  await knex.raw(`
    alter table flag_promotions.audit_head drop constraint audit_head_pkey;
    create index audit_head_newest on flag_promotions.audit_head (last_id);
    ${chain('order by last_id desc limit 1', 'last_id = new.id - 1')}
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index flag_promotions.audit_head_newest;
    alter table flag_promotions.audit_head add primary key (only_row);
    ${chain('where only_row', 'only_row')}
  `);
}
