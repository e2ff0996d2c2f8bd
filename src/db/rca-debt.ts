import * as z from 'zod';
import type { Promotion } from '../promotions/promotion.js';
import type { UnsettledCritical } from '../promotions/rca-debt.js';
import type { Knex } from './connection.js';
import { queueReplies } from './queueing.js';
import { IS_TOLD } from './promotions.js';
import { count, idColumn, PROMOTION_COLUMNS, parseRows, promotionRow, rowCount } from './rows.js';

const aboutRow = z.object({ alert_id: idColumn, was_posted: z.boolean() });
const totalRow = z.object({ total: count });

/** Promotions that alerted, ended, and have no RCA. */
export interface RcaDebts {
  /** Closed criticals whose reminder is undecided, the oldest first. */
  unsettled(limit: number): Promise<readonly UnsettledCritical[]>;
  /** Queues a promotion's one reminder, unless another process did. */
  remind(promotionId: string, alertId: string): Promise<void>;
  /** Marks it as needing no reminder. */
  settle(alertId: string): Promise<void>;
  /** The newest `limit`, as far as the newest 500 alerts tell; `isAtLeast`: there may be more. */
  owed(limit: number): Promise<{
    readonly rows: readonly Promotion[];
    readonly total: number;
    readonly isAtLeast: boolean;
  }>;
}

/** SQL: only an individual alert has a thread for a reminder; grouped ones are in the list. */
const HAS_THREAD = `coalesce((select m.message_ts is not null from flag_promotions.messages m
  where m.kind = 'alert' and m.subject = a.promotion_id::text and m.ordinal = 0), false)`;
/** Through the alerts, which are few: without an alert no RCA is owed. */
export const ALERTS_LOOKED_AT = 500;

export function rcaDebts(knex: Knex): RcaDebts {
  return {
    async unsettled(limit) {
      const found = await knex.raw(
        `select ${PROMOTION_COLUMNS}, a.id as alert_id, ${HAS_THREAD} as was_posted
           from flag_promotions.alerts a join {promotions} p on p.id = a.promotion_id
          where a.severity = 'critical' and a.closed_at is not null and not a.is_rca_reminder_done order by a.id limit ?`,
        [limit],
      );
      const about = parseRows(found, aboutRow);
      return parseRows(found, promotionRow).flatMap((promotion, index) => {
        const row = about[index];
        return row === undefined ? [] : [{ alertId: row.alert_id, wasPosted: row.was_posted, promotion }];
      });
    },

    async remind(promotionId, alertId) {
      await knex.transaction(async (trx) => {
        // Lock order: promotion first. Somebody may be linking its RCA.
        await trx.raw(`select 1 from {promotions} where id = ?::bigint for no key update`, [promotionId]);
        const done = await trx.raw(
          `update flag_promotions.alerts set is_rca_reminder_done = true
            where id = ? and promotion_id = ? and closed_at is not null and not is_rca_reminder_done`,
          [alertId, promotionId],
        );
        if (rowCount(done) === 1) await queueReplies(trx, [promotionId], 'rca_reminder');
      });
    },

    async settle(alertId) {
      await knex.raw(
        `update flag_promotions.alerts set is_rca_reminder_done = true where id = ? and closed_at is not null`,
        [alertId],
      );
    },

    async owed(limit) {
      const found = await knex.raw(
        `select ${PROMOTION_COLUMNS}, count(*) over () as total from {promotions} p
          where p.rca_url is null and {p.state} is distinct from 'deploying' and p.id in (
            select promotion_id from (
              select promotion_id from flag_promotions.alerts order by id desc limit ${ALERTS_LOOKED_AT}
            ) newest) and ${IS_TOLD}
          order by p.id desc limit ?`,
        [limit],
      );
      const older = await knex.raw(`select 1 from flag_promotions.alerts order by id desc offset ? limit 1`, [
        ALERTS_LOOKED_AT,
      ]);
      return {
        rows: parseRows(found, promotionRow),
        total: parseRows(found, totalRow)[0]?.total ?? 0,
        isAtLeast: rowCount(older) > 0,
      };
    },
  };
}
