import * as z from 'zod';
import { INTENT, pendingCommit, type ReleaseFacts } from '../promotions/promoting.js';
import type { Promotion } from '../promotions/promotion.js';
import { ALERTED, endAlerting } from './alerts.js';
import { changeAudited, type NewAuditEvent } from './audit.js';
import { type Knex, runPrepared } from './connection.js';
import { fromNow, isFree, LEASED_UNTIL, type Lease, mayTryAgain, type Postponement } from './leases.js';
import { requestUpdates, UPDATE_PROGRESS } from './messages.js';
import { noteDrift } from './progress.js';
import { attemptsRow, idRow, PROMOTION_COLUMNS, parseRows, promotionRow, rowCount, type Value } from './rows.js';

const changedRow = z.object({ changed: z.boolean() });

/** `actor` of what the promoter does. */
export const PROMOTER = 'promoter';

export interface ClaimedPromotion {
  readonly promotion: Promotion;
  /** How many times it was taken up since it last came on unhindered, this one included. */
  readonly attempts: number;
}

/** What Heroku held before the promoter set a value: null where it was unset; and its newest release's version then. */
export interface PreviousValue {
  readonly value: string | null;
  readonly release: number;
}

/** How a promotion ended on Heroku. */
export type PromotionEnd = { readonly state: 'deployed' } | { readonly state: 'failed'; readonly reason: string };

/**
 * The promoter's side of the promotions' table: a lease on the row, and writes that only its holder can make. Each
 * write answers false where the lease was lost or the promotion ended, and then wrote nothing.
 */
export interface Promoting {
  /** Takes the next promotion that carries a checkpoint of ours and is due. */
  claimNext(lease: Lease): Promise<ClaimedPromotion | null>;
  renew(id: string, lease: Lease): Promise<boolean>;
  /** Keeps what Heroku held before the change, and its newest release then: the first of each that is known. */
  recordPreviousValue(id: string, lease: Lease, before: PreviousValue): Promise<boolean>;
  /** Heroku took the change, as this release. */
  writePendingCommit(id: string, lease: Lease, release: ReleaseFacts, at: Date): Promise<boolean>;
  /** `found`: the release that Heroku took the change as, where no checkpoint says so yet. */
  commit(id: string, lease: Lease, outcome: PromotionEnd, at: Date, found: ReleaseFacts | null): Promise<boolean>;
  /** Releases the lease until later. Answers whether what holds it up is another than before, and so has to be told. */
  postpone(
    id: string,
    lease: Lease,
    postponement: Postponement | { readonly waitMs: number; readonly lastError: null },
  ): Promise<boolean>;
  /** Releases the lease until later, and has it told that Heroku holds another value than what was set. */
  reportDrift(id: string, lease: Lease, postponement: Postponement): Promise<boolean>;
}

type Event = Pick<NewAuditEvent, 'action' | 'detail' | 'at'>;

/** What is written of a promotion, and recorded. */
interface Written {
  readonly assignments: string;
  readonly values: readonly Value[];
  readonly events: readonly Event[];
}

const HELD = `p.id = ?::bigint and p.state = 'deploying' and p.lease_owner = ?`;
/**
 * The same, where nothing was alerted, as far as this statement sees. It cannot see what is alerted by whoever has the row
 * locked, so it waits for nobody.
 */
const HELD_UNALERTED = `p.id = (select p.id from console_flag_promotions p
  where ${HELD} and not ${ALERTED} for update skip locked)`;
const ENDED = 'lease_owner = null, lease_until = null, next_attempt_at = null, last_error = null, updated_at = now()';

export function promoting(knex: Knex): Promoting {
  /** One fenced UPDATE with its audit events, told in Slack; false where the lease was lost or the promotion ended. */
  async function write(runner: Knex, id: string, lease: Lease, written: Written, which = HELD): Promise<boolean> {
    const changed = await changeAudited(runner, {
      change: {
        sql: `update console_flag_promotions p set ${written.assignments} where ${which} returning p.id::bigint`,
        values: [...written.values, id, lease.owner],
      },
      alongside: UPDATE_PROGRESS,
      events: written.events.map((event) => ({ ...event, actor: PROMOTER })),
    });
    return parseRows(changed, idRow).length === 1;
  }

  /** Ends a promotion with what was alerted about it: where nothing was, as most of them, in one statement. */
  async function end(id: string, lease: Lease, written: Written): Promise<boolean> {
    if (await write(knex, id, lease, written, HELD_UNALERTED)) return true;
    return knex.transaction(async (trx) => {
      if (!(await lockHeld(trx, id, lease))) return false;
      await endAlerting(trx, [id]);
      return write(trx, id, lease, written);
    });
  }

  return {
    async claimNext(lease) {
      const claimed = await runPrepared(knex, {
        sql: `update console_flag_promotions p
            set lease_owner = ?, ${LEASED_UNTIL}, attempts = p.attempts + 1
          where p.id = (
            select p.id from console_flag_promotions p
             where p.state = 'deploying' and (p.checkpoint = ? or p.checkpoint like 'PENDING\\_COMMIT:%')
               and ${isFree('p')} and ${mayTryAgain('p')}
             order by p.next_attempt_at nulls first, p.id for update skip locked limit 1)
          returning ${PROMOTION_COLUMNS}, p.attempts::integer`,
        values: [lease.owner, lease.durationMs, INTENT],
      });
      const [promotion] = parseRows(claimed, promotionRow);
      const [row] = parseRows(claimed, attemptsRow);
      return promotion === undefined || row === undefined ? null : { promotion, attempts: row.attempts };
    },
    renew: (id, lease) => update(knex, id, lease, LEASED_UNTIL, [lease.durationMs]),
    recordPreviousValue: (id, lease, { value, release }) =>
      update(
        knex,
        id,
        lease,
        `previous_value = case when p.base_release is null then coalesce(p.previous_value, ?) else p.previous_value end,
         base_release = coalesce(p.base_release, ?), updated_at = now()`,
        [value, release],
      ),
    writePendingCommit: (id, lease, release, at) =>
      write(knex, id, lease, {
        assignments: 'checkpoint = ?, attempts = 0, last_error = null, updated_at = now()',
        values: [pendingCommit(release.id)],
        events: [taken(release, at)],
      }),
    commit(id, lease, outcome, at, found) {
      const ending =
        outcome.state === 'deployed'
          ? { assignments: `state = 'deployed', deployed_at = ?`, values: [at], detail: {} }
          : {
              assignments: `state = 'failed', failed_at = ?, failure_reason = ?`,
              values: [at, outcome.reason],
              detail: { reason: outcome.reason },
            };
      return end(id, lease, {
        assignments: `${ending.assignments}, checkpoint = coalesce(?, p.checkpoint), ${ENDED}`,
        values: [...ending.values, found === null ? null : pendingCommit(found.id)],
        events: [
          ...(found === null ? [] : [taken(found, at)]),
          { action: `console.flag.promotion.${outcome.state}`, detail: ending.detail, at },
        ],
      });
    },
    postpone: (id, lease, postponement) => knex.transaction((trx) => releaseUntil(trx, id, lease, postponement)),
    reportDrift: (id, lease, postponement) =>
      knex.transaction(async (trx) => {
        const told = await releaseUntil(trx, id, lease, postponement);
        if (told) await noteDrift(trx, id);
        return told;
      }),
  };
}

/** A write that only the holder of the lease may make. */
async function update(
  knex: Knex,
  id: string,
  lease: Lease,
  assignments: string,
  values: readonly Value[],
): Promise<boolean> {
  const updated = await runPrepared(knex, {
    sql: `update console_flag_promotions p set ${assignments} where ${HELD}`,
    values: [...values, id, lease.owner],
  });
  return rowCount(updated) === 1;
}

/** Keeps the row as it is, where the lease is held still, until the transaction ends. */
async function lockHeld(trx: Knex.Transaction, id: string, lease: Lease): Promise<boolean> {
  const held = await trx.raw(`select p.id from console_flag_promotions p where ${HELD} for update`, [id, lease.owner]);
  return parseRows(held, idRow).length === 1;
}

/** Heroku took the change, as this release. */
function taken(release: ReleaseFacts, at: Date): Event {
  const { id, version, createdAt } = release;
  const detail = { release_id: id, release_version: version, release_created_at: createdAt };
  return { action: 'console.flag.promotion.heroku_patched', detail, at };
}

async function releaseUntil(
  trx: Knex.Transaction,
  id: string,
  lease: Lease,
  { waitMs, lastError }: { readonly waitMs: number; readonly lastError: string | null },
): Promise<boolean> {
  const updated = await trx.raw(
    `with before as (select p.id, p.last_error from console_flag_promotions p where ${HELD} for update)
     update console_flag_promotions p
        set lease_owner = null, lease_until = null, next_attempt_at = ${fromNow()}, last_error = ?, updated_at = now(),
            attempts = case when ? then p.attempts else 0 end
       from before where p.id = before.id returning before.last_error is distinct from p.last_error as changed`,
    [id, lease.owner, waitMs, lastError, lastError !== null],
  );
  const changed = parseRows(updated, changedRow)[0]?.changed ?? false;
  if (changed) await requestUpdates(trx, [id], ['progress']);
  return changed;
}
