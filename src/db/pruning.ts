import { z } from 'zod';
import type { Knex } from './connection.js';
import { UNFINISHED } from './progress.js';
import { ALERTS_LOOKED_AT } from './rca-debt.js';
import { idColumn, parseRows } from './rows.js';

/** What was told of promotions, once nobody needs it. The promotions themselves and the audit log stay for ever. */
export interface Pruning {
  /** Promotions that ended, of which nothing that was told changed since `before`; the longest untouched first. */
  prunable(before: Date, limit: number): Promise<readonly string[]>;
  /** Removes a promotion's alerts, replies and progress message. False where something came up meanwhile. */
  prune(promotionId: string, before: Date): Promise<boolean>;
}

/**
 * Whether all that was told of the promotion `p` came to rest before an instant (one parameter each): it ended, nothing is
 * to be said or painted, its reminder of an RCA is settled, and no RCA is owed that the list of debts shows.
 */
const AT_REST = `p.state not in ('marked', 'deploying')
  and not exists (
    select 1 from flag_promotion_alerts o where o.promotion_id = p.id and (
      o.state <> 'closed' or o.repaint_wanted > o.repaint_done or o.updated_at >= ?
      or (o.severity = 'critical' and not o.rca_settled)
      or (p.rca_url is null and o.message_ts is not null and o.id >= coalesce(
        (select n.id from flag_promotion_alerts n order by n.id desc offset ${ALERTS_LOOKED_AT - 1} limit 1), 0))))
  and not exists (
    select 1 from flag_promotion_replies r where r.promotion_id = p.id and (r.state = 'pending' or r.updated_at >= ?))
  and not exists (
    select 1 from flag_promotion_progress g where g.promotion_id = p.id and (${UNFINISHED} or g.updated_at >= ?))`;

export function pruning(knex: Knex): Pruning {
  return {
    async prunable(before, limit) {
      const found = await knex.raw(
        `(select t.promotion_id, t.updated_at from flag_promotion_alerts t join console_flag_promotions p on p.id = t.promotion_id
           where t.state = 'closed' and t.updated_at < ? and ${AT_REST} order by t.updated_at limit ?)
         union all
         (select t.promotion_id, t.updated_at from flag_promotion_progress t join console_flag_promotions p on p.id = t.promotion_id
           where t.updated_at < ? and ${AT_REST} order by t.updated_at limit ?)
         order by 2 limit ?`,
        [...[before, before, before, before, limit], ...[before, before, before, before, limit], limit],
      );
      const ids = parseRows(found, z.object({ promotion_id: idColumn })).map((row) => row.promotion_id);
      return [...new Set(ids)];
    },

    async prune(promotionId, before) {
      return knex.transaction(async (trx) => {
        // The promotion first, as every transaction locks: somebody may be setting it back to deploying, or linking its RCA.
        await trx.raw('select 1 from console_flag_promotions where id = ?::bigint for share', [promotionId]);
        const rests = await trx.raw(`select 1 from console_flag_promotions p where p.id = ?::bigint and ${AT_REST}`, [
          promotionId,
          ...[before, before, before],
        ]);
        if (parseRows(rests, z.unknown()).length === 0) return false;
        // Together: a reply that is gone while its alert stands would be queued, and said, once more.
        for (const table of ['flag_promotion_replies', 'flag_promotion_alerts', 'flag_promotion_progress']) {
          await trx.raw('delete from ?? where promotion_id = ?::bigint', [table, promotionId]);
        }
        return true;
      });
    },
  };
}
