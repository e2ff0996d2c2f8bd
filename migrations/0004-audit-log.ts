/**
 * Who did what, in an order that nobody can rewrite unnoticed.
 *
 * Each event holds a SHA-256 over the hash of the event before and its own content. A one-row head keeps the last id and
 * hash: ids have no gaps, so a removed event leaves one, and a cut tail shows. A trigger does this, so every INSERT adds
 * to the chain, whatever the client. Triggers also refuse UPDATE, DELETE and TRUNCATE. Who drops the triggers first is
 * found out by `flag-promotions audit verify`: it computes the chain again outside the database.
 *
 * The trigger is written for many writers. Every event updates the head, and its old versions fill pages that can't be
 * cleaned while anyone holds a snapshot: so one update per event, found by the index (`enable_seqscan = off`; the planner
 * would scan a one-row table). Waiting for a row lock takes two turns, an advisory lock one: so writers queue on that.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.audit_log (
      id bigint primary key,
      at timestamptz not null,
      action text not null,
      actor text not null,
      promotion_id bigint,
      detail jsonb not null default '{}'::jsonb,
      prev_hash text not null,
      hash text not null
    );
    create index audit_log_promotion on flag_promotions.audit_log (promotion_id, id);
    -- The last resolution by a person, without reading the log.
    create index audit_log_resolutions on flag_promotions.audit_log (id)
      where action in ('console.flag.promotion.ops_complete', 'console.flag.promotion.ops_failed');

    create table flag_promotions.audit_head (
      only_row boolean primary key default true check (only_row),
      last_id bigint not null,
      last_hash text not null
    );
    insert into flag_promotions.audit_head (last_id, last_hash) values (0, repeat('0', 64));

    create function flag_promotions.audit_canonical(event flag_promotions.audit_log) returns text
    language sql stable
    as $$
      select jsonb_build_array(
        event.prev_hash, event.id,
        to_char(event.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        event.action, event.actor, event.promotion_id, event.detail
      )::text
    $$;

    create function flag_promotions.audit_chain() returns trigger
    language plpgsql
    set enable_seqscan = off
    as $$
    begin
      perform pg_advisory_xact_lock('flag_promotions.audit_head'::regclass::oid::bigint);
      select last_id + 1, last_hash into new.id, new.prev_hash from flag_promotions.audit_head where only_row for update;
      new.hash = encode(sha256(convert_to(flag_promotions.audit_canonical(new), 'UTF8')), 'hex');
      update flag_promotions.audit_head set last_id = new.id, last_hash = new.hash where only_row;
      return new;
    end
    $$;
    create trigger audit_log_chain before insert on flag_promotions.audit_log
      for each row execute function flag_promotions.audit_chain();

    create function flag_promotions.audit_refuse() returns trigger
    language plpgsql
    as $$
    begin
      raise exception 'flag_promotions.audit_log is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
    end
    $$;
    create trigger audit_log_append_only before update or delete on flag_promotions.audit_log
      for each row execute function flag_promotions.audit_refuse();
    create trigger audit_log_no_truncate before truncate on flag_promotions.audit_log
      for each statement execute function flag_promotions.audit_refuse();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table flag_promotions.audit_log cascade;
    drop table flag_promotions.audit_head;
    drop function flag_promotions.audit_chain();
    drop function flag_promotions.audit_refuse();
  `);
}
