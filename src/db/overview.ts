import * as z from 'zod';
import type { Alert } from '../promotions/alert.js';
import type { Attention } from '../promotions/attention.js';
import type { Promotion } from '../promotions/promotion.js';
import { ATTENTION_COLUMNS, attentionRow } from './attention-rows.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { UNDELIVERED_OF } from './paging.js';
import { alertRow, joined, PROMOTION_COLUMNS, parseRows, promotionRow } from './rows.js';

/** All from one snapshot. */
export interface PromotionOverview {
  readonly promotion: Promotion;
  readonly alerts: readonly Alert[];
  /** null: nobody was ever on it, and nobody snoozed it. */
  readonly attention: Attention | null;
  /** What couldn't be delivered outside Slack so far: `page not delivered: 403`. */
  readonly undelivered?: readonly string[];
  /** The snapshot's time, by the database's clock. */
  readonly asOf: Date;
}

/** Ids as text: JSON numbers can't hold every bigint. */
const ALERTS = `array(
  select jsonb_build_object('id', a.id::text, 'promotion_id', a.promotion_id::text, 'flag_key', a.flag_key,
           'heroku_app', a.heroku_app, 'severity', a.severity, 'group_id', a.group_id::text,
           'opened_at', a.opened_at, 'closed_at', a.closed_at, 'vanished_at', a.vanished_at)
    from flag_promotions.alerts a where a.promotion_id = p.id order by a.id)`;

const restRow = z.object({ as_of: z.date(), alerts: z.array(alertRow), undelivered: z.array(z.string()) });

/** In one statement; null if the promotion is gone. */
export async function overviewOf(knex: Knex, promotionId: string): Promise<PromotionOverview | null> {
  const found = await knex.raw(
    `select ${CLOCK} as as_of, ${PROMOTION_COLUMNS}, ${ALERTS} as alerts, ${UNDELIVERED_OF('p.id')} as undelivered, ${ATTENTION_COLUMNS}
       from {promotions} p left join flag_promotions.attention t on t.promotion_id = p.id
      where p.id = ?::bigint`,
    [promotionId],
  );
  const [promotion] = parseRows(found, promotionRow);
  const [attended = null] = parseRows(found, joined('promotion_id', attentionRow));
  const [rest] = parseRows(found, restRow);
  if (promotion === undefined || rest === undefined) return null;
  const { alerts, undelivered, as_of: asOf } = rest;
  return { promotion, alerts, attention: attended?.attention ?? null, undelivered, asOf };
}
