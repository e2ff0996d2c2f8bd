import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { AuditAction } from '../promotions/audit-actions.js';
import { appendAuditEvent } from './audit.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { count, parseRows, rowCount } from './rows.js';

export interface Denial {
  readonly at: Date;
  /** The audit log's action for the first of an hour. */
  readonly action?: Extract<AuditAction, 'console.flag.promotion.denied' | 'console.flag.promotion.totp_rejected'>;
  readonly actor: string;
  readonly promotionId: string | null;
  /** One of a few fixed words: refusals are counted by it. */
  readonly attempted: string;
  readonly reason: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Refusals that nothing else limits: a missing right, a code that is no guess. The log gets at most two events an hour. */
export interface Denials {
  /** Audits the first of its kind in an hour, counts the others. */
  record(denial: Denial): Promise<void>;
  /** Whether an hour with refusals has ended. */
  hasOver(): Promise<boolean>;
  /** Audits the count of each ended hour, unless there was only the first. */
  tellOver(at: Date): Promise<void>;
}

/** SQL: the hour of counting has ended. */
export const IS_OVER = `since <= ${CLOCK} - interval '1 hour'`;

const countedRow = z.object({ times: count });
const overRow = z.object({
  actor: z.string(),
  detail: z.record(z.string(), z.unknown()),
  since: z.date(),
  times: count,
});

export function denials(knex: Knex): Denials {
  return {
    record: (denial) => knex.transaction((trx) => recordDenial(trx, denial)),

    async hasOver() {
      return rowCount(await knex.raw(`select 1 from flag_promotions.denials where ${IS_OVER} limit 1`)) > 0;
    },

    tellOver: (at) => knex.transaction((trx) => endOver(trx, at, null)),
  };
}

/** The same near the end of a transaction. */
export async function recordDenial(
  trx: Knex.Transaction,
  { at, action = 'console.flag.promotion.denied', actor, promotionId, attempted, reason, detail = {} }: Denial,
): Promise<void> {
  // A hash has a fixed length and names nobody: forgetting a person needn't search here.
  const key = createHash('sha256')
    .update(JSON.stringify([actor, attempted, reason]))
    .digest('base64url');
  await endOver(trx, at, key);
  const counted = await trx.raw(
    `insert into flag_promotions.denials as d (key, since) values (?, ${CLOCK})
     on conflict (key) do update set times = d.times + 1 returning times`,
    [key],
  );
  if (parseRows(counted, countedRow)[0]?.times !== 1) return;
  const event = await appendAuditEvent(trx, {
    at,
    action,
    actor,
    promotionId,
    detail: { attempted, reason, ...detail },
  });
  await trx.raw('update flag_promotions.denials set event_id = ?::bigint where key = ?', [event, key]);
}

/** Removes ended hours, of one key or all, and audits their counts. */
async function endOver(trx: Knex.Transaction, at: Date, key: string | null): Promise<void> {
  const over = await trx.raw(
    `with held as (
       select key from flag_promotions.denials where ${IS_OVER} and (?::text is null or key = ?)
        order by key for update skip locked),
     ended as (
       delete from flag_promotions.denials d using held where d.key = held.key returning d.event_id, d.since, d.times)
     select a.actor, a.detail, e.since, e.times
       from ended e join flag_promotions.audit_log a on a.id = e.event_id where e.times > 1 order by a.id`,
    [key, key],
  );
  for (const { actor, detail, since, times } of parseRows(over, overRow)) {
    const { attempted, reason } = detail;
    await appendAuditEvent(trx, {
      at,
      action: 'console.flag.promotion.denied_again',
      actor,
      promotionId: null,
      detail: { attempted, reason, times, since, until: at },
    });
  }
}
