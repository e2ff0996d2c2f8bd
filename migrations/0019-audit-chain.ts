/**
 * The chain's head is one row that every event rewrites, while all who wait for it keep their snapshots: its old versions
 * fill pages that nobody can clean up at that moment, and each event read all of them, twice, under the lock. One update
 * an event leaves half of them, and the key's index leads past them, which the planner, for a table of one row, would not
 * take by itself. And who waits for a row's lock waits twice, for its turn and for whoever holds it; an advisory lock, by
 * the head's own number, is handed from one to the next.
 */
import type { Knex } from 'knex';
import { CHAIN } from './0003-audit-log.js';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function console_audit_chain() returns trigger
    language plpgsql
    set enable_seqscan = off
    as $$
    begin
      perform pg_advisory_xact_lock('console_audit_head'::regclass::oid::bigint);
      select last_id + 1, last_hash into new.id, new.prev_hash from console_audit_head where only_row for update;
      new.hash = encode(sha256(convert_to(console_audit_canonical(new), 'UTF8')), 'hex');
      update console_audit_head set last_id = new.id, last_hash = new.hash where only_row;
      return new;
    end
    $$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`create or replace ${CHAIN}`);
}
