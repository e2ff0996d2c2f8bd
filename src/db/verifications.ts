import * as z from 'zod';
import type { MessageKind } from '../promotions/messages.js';
import type { DynoReport, Verification, VerifiedAs } from '../promotions/running.js';
import { appendAuditEvents, type NewAuditEvent, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { dynoReport } from './evidence-state.js';
import { standsAlone } from './follow-ups.js';
import { CLOCK, fromNow, isReached, presentOf } from './leases.js';
import type { Part } from './parts.js';
import { lockPromotion } from './promotions.js';
import { requestUpdates } from './queueing.js';
import { idColumn, parseRows, rowCount } from './rows.js';

interface DueVerifications {
  readonly herokuApp: string;
  readonly promotionIds: readonly string[];
}

/** Times are milliseconds. */
export interface ClaimedVerification {
  readonly promotionId: string;
  readonly sinceMs: number;
  readonly answeredMs: number;
  /** The version of the release to verify; null: nobody recorded it. */
  readonly version: number | null;
}

/** Promotions whose release is to be verified as running, each by one replica at a time. */
export interface Verifications {
  /** By app, the longest waiting first. */
  due(limit: number): Promise<readonly DueVerifications[]>;
  /** Leases them for one look. */
  claim(promotionIds: readonly string[], owner: string): Promise<readonly ClaimedVerification[]>;
  /** `report`: what was seen, if anything. False if the lease was lost. */
  postpone(promotionId: string, owner: string, waitMs: number, report: DynoReport | null): Promise<boolean>;
  /**
   * Ends it with its audit event and message; `superseded` if a later promotion of the config var counts by now. False
   * if the lease was lost; nothing was written then.
   */
  end(promotionId: string, owner: string, as: VerifiedAs, report: DynoReport | null): Promise<boolean>;
  /** null: it was never to be verified. */
  of(promotionId: string): Promise<Verification | null>;
}

/** Beside the change that deploys promotions: queues their verification. */
export const QUEUE_VERIFICATION: Part = {
  name: 'to_verify',
  sql: `insert into flag_promotions.verifications (promotion_id, heroku_app)
        select id, heroku_app from changed on conflict do nothing returning 1`,
  values: [],
};

/** SQL, for a verification `v`. That it isn't null lets the planner use the index, which holds only those. */
export const IS_DUE = `v.due_at is not null and ${isReached('v.due_at')}`;

/** A look's lease. */
const LOOK_WITHIN_MS = 60_000;
const SHOWING: readonly MessageKind[] = ['progress', 'crashed'];

const STATES = [
  'owed',
  'running',
  'scaled_to_zero',
  'crashed',
  'late',
  'forbidden',
  'unknown',
  'superseded',
] as const satisfies readonly Verification['state'][];

const verificationRow = z
  .object({ state: z.enum(STATES).catch('unknown'), report: dynoReport.nullable().catch(null), is_told: z.boolean() })
  .transform((row): Verification => ({ state: row.state, report: row.report, isTold: row.is_told }));
const dueRow = z
  .object({ heroku_app: z.string(), promotion_ids: z.array(idColumn) })
  .transform((row): DueVerifications => ({ herokuApp: row.heroku_app, promotionIds: row.promotion_ids }));
const claimedRow = z
  .object({
    promotion_id: idColumn,
    since_ms: z.coerce.number(),
    answered_ms: z.coerce.number(),
    version: z.number().int().nullable().catch(null),
  })
  .transform(
    (row): ClaimedVerification => ({
      promotionId: row.promotion_id,
      sinceMs: row.since_ms,
      answeredMs: row.answered_ms,
      version: row.version,
    }),
  );

/** SQL: milliseconds from a column until now; 0 for null. */
const since = (column: string) => `coalesce(extract(epoch from ${CLOCK} - ${column}) * 1000, 0)::float`;
const LEASED = `promotion_id = ?::bigint and lease_owner = ? and state = 'owed'`;

export function verifications(knex: Knex): Verifications {
  return {
    async due(limit) {
      const found = await knex.raw(
        `select v.heroku_app, array_agg(v.promotion_id) as promotion_ids from flag_promotions.verifications v
          where ${IS_DUE}
          group by v.heroku_app order by min(v.due_at) limit ?`,
        [limit],
      );
      return parseRows(found, dueRow);
    },

    async claim(promotionIds, owner) {
      const claimed = await knex.raw(
        `update flag_promotions.verifications v set due_at = ${fromNow()}, lease_owner = ?
          where v.promotion_id = any(?::bigint[]) and ${IS_DUE}
         returning v.promotion_id, ${since('v.since')} as since_ms, ${since('v.answered_since')} as answered_ms,
                (select a.detail -> 'release_version' from flag_promotions.audit_log a
                  where a.promotion_id = v.promotion_id and a.detail ->> 'release_version' is not null
                    and a.action in ('console.flag.promotion.heroku_patched', 'console.flag.promotion.deployed')
                  order by a.id desc limit 1) as version`,
        [LOOK_WITHIN_MS, owner, [...promotionIds]],
      );
      return parseRows(claimed, claimedRow);
    },

    async postpone(promotionId, owner, waitMs, seen) {
      const updated = await knex.raw(
        `update flag_promotions.verifications
            set due_at = ${fromNow()}, lease_owner = null, report = coalesce(?::jsonb, report),
                answered_since = coalesce(answered_since, case when ? then ${CLOCK} end)
          where ${LEASED}`,
        [waitMs, seen === null ? null : JSON.stringify(seen), seen !== null, promotionId, owner],
      );
      return rowCount(updated) === 1;
    },

    end: (promotionId, owner, as, seen) =>
      knex.transaction(async (trx) => {
        const promotion = await lockPromotion(trx, promotionId);
        const counts = promotion?.state === 'deployed' && (await standsAlone(trx, promotion));
        return endWithin(trx, promotionId, owner, counts ? as : 'superseded', seen);
      }),

    async of(promotionId) {
      const found = await knex.raw(
        'select v.state, v.report, v.is_told from flag_promotions.verifications v where v.promotion_id = ?::bigint',
        [promotionId],
      );
      return parseRows(found, verificationRow)[0] ?? null;
    },
  };
}

async function endWithin(
  trx: Knex.Transaction,
  promotionId: string,
  owner: string,
  as: VerifiedAs,
  seen: DynoReport | null,
): Promise<boolean> {
  const updated = await trx.raw(
    `update flag_promotions.verifications v
        set state = ?, report = coalesce(?::jsonb, v.report), due_at = null, lease_owner = null,
            is_told = not (?::text = 'forbidden' and exists (
              select 1 from flag_promotions.verifications o
               where o.heroku_app = v.heroku_app and o.state = 'forbidden' and o.promotion_id <> v.promotion_id))
      where ${LEASED}`,
    [as, seen === null ? null : JSON.stringify(seen), as, promotionId, owner],
  );
  if (rowCount(updated) !== 1) return false;
  if (as === 'superseded') return true;
  await requestUpdates(trx, [promotionId], SHOWING);
  if (isTrouble(as)) await queueCrashed(trx, promotionId);
  await appendAuditEvents(trx, eventsOf(promotionId, as, seen, await presentOf(trx)));
  return true;
}

function isTrouble(state: VerifiedAs): boolean {
  return state === 'crashed' || state === 'late';
}

function eventsOf(promotionId: string, as: VerifiedAs, seen: DynoReport | null, at: Date): readonly NewAuditEvent[] {
  if (as !== 'running' && !isTrouble(as)) return [];
  return [
    {
      at,
      action: as === 'running' ? 'console.flag.promotion.running' : 'console.flag.promotion.crashed',
      actor: WATCHDOG,
      promotionId,
      detail: { dynos: seen },
    },
  ];
}

async function queueCrashed(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages (kind, subject, promotion_id) values ('crashed', ?, ?::bigint) on conflict do nothing`,
    [promotionId, promotionId],
  );
}
