import * as z from 'zod';
import type { Knex } from './connection.js';
import { IS_OVER } from './denials.js';
import { HAS_EXPIRED } from './enrolments.js';
import { ALERTS_LOOKED_AT } from './rca-debt.js';
import { idRow, parseRows, promotionIdRow, rowCount, type Sql } from './rows.js';
import { IS_OLD_REQUEST } from './taken-requests.js';

interface Leftovers {
  readonly requests: boolean;
  readonly links: boolean;
}
const leftoversRow = z.object({ requests: z.boolean(), links: z.boolean() });

/** Removes alerts and messages that nobody needs. Promotions and the audit log stay for ever. */
export interface Pruning {
  /** Promotions that ended or vanished, with nothing about them changed since `before`; the longest untouched first. */
  prunable(before: Date, limit: number): Promise<readonly string[]>;
  /** Removes a promotion's alerts and messages. False if something changed, or it is locked. */
  prune(promotionId: string, before: Date): Promise<boolean>;
  /** Groups, digests and the like that nothing refers to, unchanged since `before`. */
  prunableMessages(before: Date, limit: number): Promise<readonly string[]>;
  /** What else is over: Slack requests that can't come again, and expired links. */
  leftovers(now: Date): Promise<Leftovers>;
  /** Removes such a message with its thread. */
  pruneMessage(id: string, before: Date): Promise<void>;
}

/** SQL: a message is final since before a time (one parameter): nothing owed, nothing shown as under way. */
const rests = (message: string) => `(${message}.updated_at < ? and (${message}.state = 'closed'
  or (${message}.state = 'posted' and ${message}.wanted <= ${message}.shown
      and not (${message}.kind = 'progress' and ${message}.shown_as is not distinct from 'deploying'))))`;

/**
 * SQL: the promotion `r.id` (row `p`) ended, its messages are final since a time (two parameters), its group has no
 * open alert, and no RCA reminder or list entry is left; a deleted row owes none.
 */
const AT_REST = `coalesce({p.state}, '') not in ('marked', 'deploying')
  and not exists (
    select 1 from flag_promotions.alerts a where a.promotion_id = r.id and (
      a.closed_at is null or a.closed_at >= ?
      or (p.id is not null and a.severity = 'critical' and not a.is_rca_reminder_done)
      or (p.id is not null and p.rca_url is null and a.id >= coalesce(
        (select n.id from flag_promotions.alerts n order by n.id desc offset ${ALERTS_LOOKED_AT - 1} limit 1), 0))
      or exists (select 1 from flag_promotions.alerts o where o.group_id = a.group_id and o.closed_at is null)))
  and not exists (
    select 1 from flag_promotions.messages m where m.promotion_id = r.id and not ${rests('m')})`;
/** How many parameters AT_REST takes. */
const INSTANTS = 2;

/** SQL: a final message about no promotion, its thread final, that no alert refers to. Two parameters, the time. */
const UNUSED = `m.promotion_id is null and m.root_id is null and ${rests('m')}
  and not exists (select 1 from flag_promotions.alerts a where a.group_id = m.id)
  and not exists (select 1 from flag_promotions.messages r where r.root_id = m.id and not ${rests('r')})`;

function prunablePromotions(before: Date, limit: number): Sql {
  const each = Array.from({ length: 1 + INSTANTS }, () => before);
  return {
    sql: `(select r.id as promotion_id, r.rested_at
             from (select a.promotion_id as id, a.closed_at as rested_at from flag_promotions.alerts a where a.closed_at < ?) r
             left join {promotions} p on p.id = r.id
            where ${AT_REST} order by r.rested_at limit ?)
          union all
          (select r.id, r.rested_at
             from (select t.promotion_id as id, t.updated_at as rested_at from flag_promotions.messages t
                    where t.updated_at < ? and t.promotion_id is not null) r
             left join {promotions} p on p.id = r.id
            where ${AT_REST} order by r.rested_at limit ?)
          order by 2 limit ?`,
    values: [...each, limit, ...each, limit, limit],
  };
}

const unusedMessages = (before: Date, limit: number): Sql => ({
  sql: `select m.id from flag_promotions.messages m where ${UNUSED} order by m.updated_at limit ?`,
  values: [before, before, limit],
});

export function anythingToPrune(now: Date, before: Date): Sql {
  const promotions = prunablePromotions(before, 1);
  const messages = unusedMessages(before, 1);
  return {
    sql: `exists (${promotions.sql}) or exists (${messages.sql})
          or exists (select from flag_promotions.taken_requests where ${IS_OLD_REQUEST})
          or exists (select from flag_promotions.enrolments where ${HAS_EXPIRED})
          or exists (select from flag_promotions.denials where ${IS_OVER})`,
    values: [...promotions.values, ...messages.values, now],
  };
}

export function pruning(knex: Knex): Pruning {
  return {
    async leftovers(now) {
      const found = await knex.raw(
        `select exists (select from flag_promotions.taken_requests where ${IS_OLD_REQUEST}) as requests,
                exists (select from flag_promotions.enrolments where ${HAS_EXPIRED}) as links`,
        [now],
      );
      return parseRows(found, leftoversRow)[0] ?? { requests: false, links: false };
    },
    async prunable(before, limit) {
      const { sql, values } = prunablePromotions(before, limit);
      const found = await knex.raw(sql, [...values]);
      return [...new Set(parseRows(found, promotionIdRow).map((row) => row.promotion_id))];
    },

    async prune(promotionId, before) {
      return knex.transaction(async (trx) => {
        // Lock order: promotion first. A locked one is left to the next tick.
        const held = await trx.raw('select 1 from {promotions} where id = ?::bigint for no key update skip locked', [
          promotionId,
        ]);
        const there = await trx.raw('select 1 from {promotions} where id = ?::bigint', [promotionId]);
        if (rowCount(held) !== rowCount(there)) return false;
        const rests = await trx.raw(
          `select 1 from (select ?::bigint as id) r left join {promotions} p on p.id = r.id where ${AT_REST}`,
          [promotionId, ...Array.from({ length: INSTANTS }, () => before)],
        );
        if (rowCount(rests) === 0) return false;
        // Together: without its message, a remaining alert would be queued and posted again.
        await trx.raw('delete from flag_promotions.drifts where promotion_id = ?::bigint and state = ?', [
          promotionId,
          'over',
        ]);
        await trx.raw('delete from flag_promotions.verifications where promotion_id = ?::bigint', [promotionId]);
        await trx.raw('delete from flag_promotions.alerts where promotion_id = ?::bigint', [promotionId]);
        await trx.raw(
          `with held as (select id from flag_promotions.messages where promotion_id = ?::bigint order by id for update)
           delete from flag_promotions.messages m using held where m.id = held.id`,
          [promotionId],
        );
        return true;
      });
    },

    async prunableMessages(before, limit) {
      const { sql, values } = unusedMessages(before, limit);
      const found = await knex.raw(sql, [...values]);
      return parseRows(found, idRow).map((row) => row.id);
    },

    async pruneMessage(id, before) {
      await knex.raw(`delete from flag_promotions.messages m where m.id = ?::bigint and ${UNUSED}`, [
        id,
        before,
        before,
      ]);
    },
  };
}
