import type { Knex } from './connection.js';
import { UNFINISHED } from './progress.js';
import { ALERTS_LOOKED_AT } from './rca-debt.js';
import { idRow, parseRows, promotionIdRow, rowCount } from './rows.js';
import { heldInOrder } from './summaries.js';

/** What was told of promotions, once nobody needs it. The promotions themselves and the audit log stay for ever. */
export interface Pruning {
  /** Promotions that ended, of which nothing that was told changed since `before`; the longest untouched first. */
  prunable(before: Date, limit: number): Promise<readonly string[]>;
  /** Removes a promotion's alerts, replies and progress message. False where something came up meanwhile, or somebody is at it. */
  prune(promotionId: string, before: Date): Promise<boolean>;
  /** Summaries that tell of nothing any more and came to rest by `before`. */
  prunableSummaries(before: Date, limit: number): Promise<readonly string[]>;
  /** Removes a summary with what was said in its thread. */
  pruneSummary(id: string, before: Date): Promise<void>;
}

/**
 * Whether the summary `s`, and what was said in its thread, came to rest before an instant (two parameters): all of its
 * promotions ended, their RCAs are reminded of, and nothing is to be said or painted.
 */
const SUMMARY_AT_REST = `s.rca_settled and s.updated_at < ?
  and (s.state = 'closed' or (s.state = 'posted' and s.repaint_wanted <= s.repaint_done))
  and not exists (
    select 1 from flag_promotions.summaries r where r.root_id = s.id and (r.state = 'pending' or r.updated_at >= ?))`;

/**
 * Whether all that was told of the promotion `p` came to rest before an instant (a parameter for each
 * time it is asked): it ended, nothing is to be said or painted, its reminder of an RCA is settled, no RCA is owed that the
 * list of debts shows or its summary is to remind of.
 */
const AT_REST = `p.state not in ('marked', 'deploying')
  and not exists (
    select 1 from flag_promotions.alerts o where o.promotion_id = p.id and (
      o.state <> 'closed' or o.repaint_wanted > o.repaint_done or o.updated_at >= ?
      or (o.severity = 'critical' and not o.rca_settled)
      or (p.rca_url is null and coalesce(o.message_ts, o.thread_ts) is not null and o.id >= coalesce(
        (select n.id from flag_promotions.alerts n order by n.id desc offset ${ALERTS_LOOKED_AT - 1} limit 1), 0))
      or (o.severity = 'critical' and p.rca_url is null and exists (
        select 1 from flag_promotions.summaries s where s.id = o.summary_id and not s.rca_settled))))
  and not exists (
    select 1 from flag_promotions.replies r where r.promotion_id = p.id and (r.state = 'pending' or r.updated_at >= ?))
  and not exists (
    select 1 from flag_promotions.progress g where g.promotion_id = p.id and (${UNFINISHED} or g.updated_at >= ?))`;

/** It rests, and what it told of was removed. */
const EMPTY = `s.root_id is null and ${SUMMARY_AT_REST}
  and not exists (select 1 from flag_promotions.alerts a where a.summary_id = s.id)`;

/** How often AT_REST asks for its instant. */
const INSTANTS = 3;

export function pruning(knex: Knex): Pruning {
  return {
    async prunable(before, limit) {
      const each = Array.from({ length: 1 + INSTANTS }, () => before);
      const found = await knex.raw(
        `(select t.promotion_id, t.updated_at from flag_promotions.alerts t join console_flag_promotions p on p.id = t.promotion_id
           where t.state = 'closed' and t.updated_at < ? and ${AT_REST} order by t.updated_at limit ?)
         union all
         (select t.promotion_id, t.updated_at from flag_promotions.progress t join console_flag_promotions p on p.id = t.promotion_id
           where t.updated_at < ? and ${AT_REST} order by t.updated_at limit ?)
         order by 2 limit ?`,
        [...each, limit, ...each, limit, limit],
      );
      const ids = parseRows(found, promotionIdRow).map((row) => row.promotion_id);
      return [...new Set(ids)];
    },

    async prune(promotionId, before) {
      return knex.transaction(async (trx) => {
        // The promotion first, as every transaction locks, and to itself: its summary would count it for each who prunes it.
        // What somebody is at, another replica or who links its RCA, is left to them and to the next tick.
        const held = await trx.raw(
          'select 1 from console_flag_promotions where id = ?::bigint for no key update skip locked',
          [promotionId],
        );
        if (rowCount(held) === 0) return false;
        const rests = await trx.raw(`select 1 from console_flag_promotions p where p.id = ?::bigint and ${AT_REST}`, [
          promotionId,
          ...Array.from({ length: INSTANTS }, () => before),
        ]);
        if (rowCount(rests) === 0) return false;
        // The summary that told of it goes on counting it.
        await trx.raw(
          `${heldInOrder('s.id = any(array(select a.summary_id from flag_promotions.alerts a where a.promotion_id = ?::bigint))')}
           update flag_promotions.summaries s
              set pruned_completed = s.pruned_completed + case when p.state = 'deployed' then 1 else 0 end,
                  pruned_failed = s.pruned_failed + case when p.state = 'failed' then 1 else 0 end,
                  pruned_otherwise = s.pruned_otherwise + case when p.state in ('deployed', 'failed') then 0 else 1 end
             from held, console_flag_promotions p
            where s.id = held.id and p.id = ?::bigint`,
          [promotionId, promotionId],
        );
        // Together: a reply that is gone while its alert stands would be queued, and said, once more.
        for (const table of ['flag_promotions.replies', 'flag_promotions.alerts', 'flag_promotions.progress']) {
          await trx.raw('delete from ?? where promotion_id = ?::bigint', [table, promotionId]);
        }
        return true;
      });
    },

    async prunableSummaries(before, limit) {
      const found = await knex.raw(
        `select s.id from flag_promotions.summaries s where ${EMPTY} order by s.id limit ?`,
        [before, before, limit],
      );
      return parseRows(found, idRow).map((row) => row.id);
    },

    async pruneSummary(id, before) {
      await knex.raw(`delete from flag_promotions.summaries s where s.id = ?::bigint and ${EMPTY}`, [
        id,
        before,
        before,
      ]);
    },
  };
}
