import type { Knex } from './connection.js';
import { ALERTS_LOOKED_AT } from './rca-debt.js';
import { idRow, parseRows, promotionIdRow, rowCount } from './rows.js';

/** What was said of promotions, once nobody needs it. The promotions themselves and the audit log stay for ever. */
export interface Pruning {
  /** Promotions that ended or vanished, of which nothing that was said changed since `before`; the longest untouched first. */
  prunable(before: Date, limit: number): Promise<readonly string[]>;
  /** Removes a promotion's alerts and messages. False where something came up meanwhile, or somebody is at it. */
  prune(promotionId: string, before: Date): Promise<boolean>;
  /** Groups, digests and the like that nothing refers to any more and that didn't change since `before`. */
  prunableMessages(before: Date, limit: number): Promise<readonly string[]>;
  /** Removes such a message with its thread. */
  pruneMessage(id: string, before: Date): Promise<void>;
}

/** Whether a message has come to rest before an instant (one parameter): it owes nothing, and shows nothing as under way. */
const rests = (message: string) => `(${message}.updated_at < ? and (${message}.state = 'closed'
  or (${message}.state = 'posted' and ${message}.wanted <= ${message}.shown
      and not (${message}.kind = 'progress' and ${message}.shown_as is not distinct from 'deploying'))))`;

/**
 * Whether everything that was said of the promotion `r.id`, whose row is `p`, came to rest before an instant (two parameters): it
 * ended, its messages owe nothing, its group has no open alert, its reminder of an RCA is done, and it isn't in the list of
 * missing RCAs. A row that the console deleted owes no RCA.
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
/** How often AT_REST asks for its instant. */
const INSTANTS = 2;

/** A message about no promotion that rests, with its thread, and that no alert refers to. Two parameters, the instant. */
const UNUSED = `m.promotion_id is null and m.root_id is null and ${rests('m')}
  and not exists (select 1 from flag_promotions.alerts a where a.group_id = m.id)
  and not exists (select 1 from flag_promotions.messages r where r.root_id = m.id and not ${rests('r')})`;

export function pruning(knex: Knex): Pruning {
  return {
    async prunable(before, limit) {
      const each = Array.from({ length: 1 + INSTANTS }, () => before);
      const found = await knex.raw(
        `(select r.id as promotion_id, r.rested_at
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
        [...each, limit, ...each, limit, limit],
      );
      return [...new Set(parseRows(found, promotionIdRow).map((row) => row.promotion_id))];
    },

    async prune(promotionId, before) {
      return knex.transaction(async (trx) => {
        // The promotion first, as every transaction locks. What somebody works on is left to them and to the next tick.
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
        // Together: a message that is gone while its alert stands would be queued, and said, once more.
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
      const found = await knex.raw(
        `select m.id from flag_promotions.messages m where ${UNUSED} order by m.updated_at limit ?`,
        [before, before, limit],
      );
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
