import * as z from 'zod';
import {
  type AnnouncedPromotion,
  peopleIn,
  type Unannounced,
  type WebhookToQueue,
  withoutForgotten,
} from '../promotions/webhook.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { keepOperators } from './operators.js';
import { idColumn, parseManyRows, parseRows, text } from './rows.js';

/** Queued afterwards, from the rows, not in the transaction: only some installations send any. */
export interface Webhooks {
  /** Not queued yet, the oldest first. `promotionId` null: any promotion's. */
  unannounced(promotionId: string | null): Promise<readonly Unannounced[]>;
  /** Queues a webhook behind the promotion's earlier ones, once, without the ids of people forgotten since. */
  queue(webhook: WebhookToQueue): Promise<void>;
}

const time = z.unknown().transform((at) => (at instanceof Date && !Number.isNaN(at.getTime()) ? at : null));
const promotionOf = {
  promotion_id: idColumn,
  flag_key: text,
  heroku_app: text,
  config_var: text.nullable(),
  state: text.nullable(),
  promoted_at: time,
};
type PromotionRow = { readonly [K in keyof typeof promotionOf]: z.output<(typeof promotionOf)[K]> };

const toPromotion = (row: PromotionRow): AnnouncedPromotion => ({
  id: row.promotion_id,
  flagKey: row.flag_key,
  herokuApp: row.heroku_app,
  configVar: row.config_var,
  state: row.state,
  promotedAt: row.promoted_at,
});

const alertRow = z
  .object({
    ...promotionOf,
    id: idColumn,
    severity: text,
    is_grouped: z.boolean(),
    opened_at: z.date(),
    closed_at: z.date().nullable(),
    resolved_by: text.nullable(),
    is_opening_queued: z.boolean(),
  })
  .transform((row): readonly Unannounced[] => {
    const { id: alertId, severity } = row;
    const promotion = toPromotion(row);
    const opened = { what: 'opened', at: row.opened_at, alertId, severity, isGrouped: row.is_grouped } as const;
    return [
      ...(row.is_opening_queued ? [] : [{ ...opened, promotion: { ...promotion, state: 'deploying' } }]),
      ...(row.closed_at === null
        ? []
        : [{ what: 'ended' as const, at: row.closed_at, alertId, severity, by: row.resolved_by, promotion }]),
    ];
  });

const eventRow = z
  .object({ ...promotionOf, event_id: idColumn, at: z.date(), actor: text, over: text.nullable() })
  .transform(
    (row): Unannounced => ({
      what: 'acknowledged',
      at: row.at,
      eventId: row.event_id,
      by: row.actor,
      over: row.over,
      promotion: toPromotion({ ...row, state: 'deploying' }),
    }),
  );

/** SQL: the promotion's row, or what its alert `a` recorded of a deleted one. */
const OF_PROMOTION = `a.promotion_id, a.flag_key, a.heroku_app, p.config_var::text as config_var, {p.state} as state, {p.promoted_at} as promoted_at`;
const isQueued = (subject: string) =>
  `exists (select 1 from flag_promotions.messages m where m.kind = 'webhook' and m.subject = ${subject})`;
const OPENING_IS_QUEUED = isQueued(`'opened:' || a.id::text`);
/** SQL: leaves out what ended before webhooks were set up. */
const ENDED_LATELY = `(a.closed_at > (select ${CLOCK} - interval '7 days')
  and (a.closed_at > (select ${CLOCK} - interval '1 hour') or ${OPENING_IS_QUEUED}))`;

export function webhooks(knex: Knex): Webhooks {
  return {
    async unannounced(promotionId) {
      const about =
        promotionId === null
          ? { sql: '', values: [] }
          : { sql: 'a.promotion_id = ?::bigint and', values: [promotionId] };
      const alerts = await knex.raw(
        `select ${OF_PROMOTION}, p.resolved_by::text as resolved_by, a.id, a.severity, a.group_id is not null as is_grouped,
                a.opened_at, a.closed_at, ${OPENING_IS_QUEUED} as is_opening_queued
           from flag_promotions.alerts a left join {promotions} p on p.id = a.promotion_id
          where ${about.sql} ((a.closed_at is null and not ${OPENING_IS_QUEUED})
             or (not ${isQueued(`'ended:' || a.id::text`)} and ${ENDED_LATELY}))`,
        [...about.values],
      );
      const acknowledged = await knex.raw(
        `select distinct on (e.id) ${OF_PROMOTION}, e.id as event_id, e.at, e.actor, e.detail ->> 'from' as over
           from flag_promotions.alerts a
           join flag_promotions.audit_log e on e.promotion_id = a.promotion_id and e.at >= a.opened_at
                and e.action = 'console.flag.promotion.taken'
           left join {promotions} p on p.id = a.promotion_id
          where ${about.sql} (a.closed_at is null or ${ENDED_LATELY})
            and not ${isQueued(`'acknowledged:' || e.id::text`)}
          order by e.id`,
        [...about.values],
      );
      const happened = [
        ...(await parseManyRows(alerts, alertRow)).flat(),
        ...(await parseManyRows(acknowledged, eventRow)),
      ];
      return happened.toSorted(
        (one, other) => one.at.getTime() - other.at.getTime() || RANK[one.what] - RANK[other.what],
      );
    },

    async queue(webhook) {
      const people = peopleIn(webhook.event);
      if (people.length === 0) return insert(knex, webhook);
      await knex.transaction(async (trx) => {
        await keepOperators(trx);
        const forgotten = await forgottenOf(trx, webhook.promotionId, people);
        await insert(trx, { ...webhook, event: withoutForgotten(webhook.event, forgotten) });
      });
    },
  };
}

async function insert(knex: Knex, { subject, promotionId, event }: WebhookToQueue): Promise<void> {
  await knex.raw(
    `insert into flag_promotions.messages (kind, subject, promotion_id, root_id, detail)
     select 'webhook', ?, ?::bigint,
            (select max(m.id) from flag_promotions.messages m where m.kind = 'webhook' and m.promotion_id = ?::bigint), ?::jsonb
     on conflict do nothing`,
    [subject, promotionId, promotionId, JSON.stringify({ event })],
  );
}

/** People who acted here as operators and no longer are. The console may name people who never were. */
async function forgottenOf(
  trx: Knex.Transaction,
  promotionId: string,
  people: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = await trx.raw(
    `select who from unnest(?::text[]) as who
      where not exists (select 1 from flag_promotions.operators o where o.slack_user_id = who)
        and exists (
          select 1 from flag_promotions.audit_log e
           where e.promotion_id = ?::bigint and e.actor = who
             and e.action in ('console.flag.promotion.taken', 'console.flag.promotion.ops_complete',
                              'console.flag.promotion.ops_failed'))`,
    [[...people], promotionId],
  );
  return new Set(parseRows(found, whoRow).map(({ who }) => who));
}

const whoRow = z.object({ who: z.string() });

const RANK = { opened: 0, acknowledged: 1, ended: 2 } as const;
