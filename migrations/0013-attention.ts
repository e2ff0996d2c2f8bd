/**
 * Who is on a stuck promotion, and until when it is to be quiet: a row per promotion, made by the first who takes or snoozes
 * it and gone with its end; what was done stands in the audit log. What is said about it is a reply in the alert's thread,
 * numbered by its audit event. The question whether the owner is still on it is such a reply, and the only one with buttons:
 * it is painted again once it is answered, so replies get what alerts have for that.
 */
import type { Knex } from 'knex';
import { allowReplyKinds, replyKindsAllowed } from './0007-rca-reminder.js';

const KINDS = ['owner_asked', 'owner_lost', 'handed_over', 'taken_over', 'snooze_ended'];
const DUE = 'flag_promotion_replies_due';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotion_attention (
      promotion_id bigint primary key references console_flag_promotions (id) on delete cascade,
      owner text,
      owned_since timestamptz,
      confirmed_at timestamptz,
      asked_at timestamptz,
      question bigint,
      snoozed_by text,
      snoozed_at timestamptz,
      snoozed_until timestamptz,
      resumed_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      check ((owner is null) = (owned_since is null) and (owner is null) = (confirmed_at is null)),
      check (owner is not null or (asked_at is null and question is null)),
      check ((snoozed_by is null) = (snoozed_at is null) and (snoozed_by is null) = (snoozed_until is null))
    );
    alter table flag_promotion_replies
      add column repaint_wanted integer not null default 0, add column repaint_done integer not null default 0;
    drop index ${DUE};
    create index ${DUE} on flag_promotion_replies (id)
      where state = 'pending' or (state = 'posted' and repaint_wanted > repaint_done);
  `);
  await allowReplyKinds(knex, [...(await replyKindsAllowed(knex)), ...KINDS]);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from flag_promotion_replies where kind in (${KINDS.map((kind) => `'${kind}'`).join(', ')});
    drop index ${DUE};
    alter table flag_promotion_replies drop column repaint_wanted, drop column repaint_done;
    create index ${DUE} on flag_promotion_replies (id) where state = 'pending';
    drop table flag_promotion_attention;
  `);
  const others = (await replyKindsAllowed(knex)).filter((kind) => !KINDS.includes(kind));
  await allowReplyKinds(knex, others);
}
