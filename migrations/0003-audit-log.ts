/**
 * What was done, by whom, in an order that cannot be rewritten unnoticed.
 *
 * Each event is chained to the one before by a SHA-256 over its predecessor's hash and its own content. A one-row
 * head keeps the last id and hash: it hands out ids without gaps, so that a removed event leaves one, it notices a
 * cut tail, and its row lock is what orders concurrent writers. All of this happens in a trigger, so whoever inserts
 * an event, by whatever client, adds to the chain.
 *
 * UPDATE, DELETE and TRUNCATE are refused to everybody who does not first drop the trigger; who can do that is found
 * out by `flag-promotions audit verify`, which computes the chain again outside the database.
 */
import type { Knex } from 'knex';

/** Also what `0019-audit-chain` is taken back to. */
export const CHAIN = `function console_audit_chain() returns trigger
    language plpgsql
    as $$
    begin
      update console_audit_head set last_id = last_id + 1 returning last_id, last_hash into new.id, new.prev_hash;
      new.hash = encode(sha256(convert_to(console_audit_canonical(new), 'UTF8')), 'hex');
      update console_audit_head set last_hash = new.hash;
      return new;
    end
    $$;`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table console_audit_log (
      id bigint primary key,
      at timestamptz not null,
      action text not null,
      actor text not null,
      promotion_id bigint,
      detail jsonb not null default '{}'::jsonb,
      prev_hash text not null,
      hash text not null
    );
    create index console_audit_log_promotion on console_audit_log (promotion_id, id);

    create table console_audit_head (
      only_row boolean primary key default true check (only_row),
      last_id bigint not null,
      last_hash text not null
    );
    insert into console_audit_head (last_id, last_hash) values (0, repeat('0', 64));

    create function console_audit_canonical(event console_audit_log) returns text
    language sql stable
    as $$
      select jsonb_build_array(
        event.prev_hash, event.id,
        to_char(event.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        event.action, event.actor, event.promotion_id, event.detail
      )::text
    $$;

    create ${CHAIN}
    create trigger console_audit_log_chain before insert on console_audit_log
      for each row execute function console_audit_chain();

    create function console_audit_refuse() returns trigger
    language plpgsql
    as $$
    begin
      raise exception 'console_audit_log is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
    end
    $$;
    create trigger console_audit_log_append_only before update or delete on console_audit_log
      for each row execute function console_audit_refuse();
    create trigger console_audit_log_no_truncate before truncate on console_audit_log
      for each statement execute function console_audit_refuse();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table console_audit_log cascade;
    drop table console_audit_head;
    drop function console_audit_chain();
    drop function console_audit_refuse();
  `);
}
