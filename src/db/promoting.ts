import { configVarOf } from './console/columns.js';
import * as z from 'zod';
import { pendingCommit, type ReleaseFacts, SEND_AGAIN_AFTER_MS } from '../promotions/promoting.js';
import type { Promotion } from '../promotions/promotion.js';
import { changeAudited, type NewAuditEvent } from './audit.js';
import { authorisedTarget, isAsAuthorised } from './authorised.js';
import { type Knex, runPrepared } from './connection.js';
import { ENDED, ending } from './ending.js';
import type { Part } from './parts.js';
import { DUE_CHANNEL } from './due.js';
import { CLOCK, fromNow, isFree, LEASED_UNTIL, type Lease, mayTryAgain, type Postponement } from './leases.js';
import { noteHeldUp } from './looks.js';
import { sealedValuesOf } from './sealed-values.js';
import { QUEUE_VERIFICATION } from './verifications.js';
import { requestUpdates, UPDATE_PROGRESS, WITH_BUTTONS } from './queueing.js';
import { noteDrift } from './progress.js';
import {
  attemptsRow,
  IS_OURS,
  idRow,
  PROMOTION_COLUMNS,
  parseRows,
  promotionRow,
  rowCount,
  type Sql,
  type Value,
} from './rows.js';

const changedRow = z.object({ changed: z.boolean(), went_on: z.boolean() });
/** `id` null: nothing to claim. */
const claimedRow = attemptsRow.extend({ settles_in_ms: z.coerce.number() });
const claimRow = z.object({ id: z.unknown(), due_in_ms: z.coerce.number().nullable() });
const waitRow = z.object({ wait_ms: z.coerce.number() });

/** `actor` of what the promoter does. */
export const PROMOTER = 'promoter';

export interface ClaimedPromotion {
  readonly promotion: Promotion;
  /** How often it was claimed since it last made progress, this time included. */
  readonly attempts: number;
  /**
   * How many milliseconds an earlier announced PATCH may still take effect; 0 if there is none. More than
   * SEND_AGAIN_AFTER_MS: the clock was set back since, so nobody knows when it was sent.
   */
  readonly settlesInMs: number;
  /** Whether it is still what its code authorised; true without one. */
  readonly isAsAuthorised: boolean;
}

export interface NothingToClaim {
  readonly promotion: null;
  /** In how many milliseconds something will be due, as far as known; null if nothing will. */
  readonly dueInMs: number | null;
}

/** Heroku's value before (null: unset), and its newest release's version then. */
export interface PreviousValue {
  readonly value: string | null;
  readonly release: number;
}

export type Announcement =
  /** Recorded, and the lease is renewed: send it. */
  | { readonly kind: 'announced' }
  /** The outcome of the one before is unknown, and it may still take effect. 0 ms: the row was changed since its claim. */
  | { readonly kind: 'too_soon'; readonly waitMs: number }
  /** The lease was lost, or the promotion ended. */
  | { readonly kind: 'lost' };

export type PromotionEnd =
  /** `verify`: check afterwards whether `release` runs. */
  | { readonly state: 'deployed'; readonly verify?: boolean; readonly release?: ReleaseFacts | null }
  | { readonly state: 'failed'; readonly reason: string };

/**
 * The promoter's side of the promotions' table: a lease, and writes that it fences. Each answers false, and writes
 * nothing, if the lease was lost or the promotion ended.
 */
export interface Promoting {
  /** Claims the next due promotion that has one of our checkpoints. */
  claimNext(lease: Lease): Promise<ClaimedPromotion | NothingToClaim>;
  renew(id: string, lease: Lease): Promise<boolean>;
  /**
   * Call it right before each PATCH, with the promotion as it will be sent. Unless it is too soon or the row changed,
   * records the announcement, renews the lease, and stores Heroku's previous value and newest release if not stored.
   * `hasWaited`: the lease was held for SEND_AGAIN_AFTER_MS since an announcement dated later than now.
   */
  announcePatch(
    promotion: Promotion,
    lease: Lease,
    before: PreviousValue,
    options?: { readonly hasWaited: boolean },
  ): Promise<Announcement>;
  /** The last announced PATCH certainly changed nothing: the next one needn't wait for it. */
  recordUnchanged(id: string, lease: Lease, reason: string, at: Date): Promise<boolean>;
  /** Heroku made the change. */
  writePendingCommit(id: string, lease: Lease, release: ReleaseFacts, at: Date): Promise<boolean>;
  /** `found`: the release with the change, if no checkpoint has it yet. */
  commit(id: string, lease: Lease, outcome: PromotionEnd, at: Date, found: ReleaseFacts | null): Promise<boolean>;
  /** Releases the lease until later. Answers whether the reason is new, and so has to be told. */
  postpone(
    id: string,
    lease: Lease,
    postponement: Postponement | { readonly waitMs: number; readonly lastError: null },
  ): Promise<boolean>;
  /** The same, and tells people that Heroku has another value than was set. */
  reportDrift(id: string, lease: Lease, postponement: Postponement): Promise<boolean>;
}

/** `at` null: now, by the database's clock. */
type Event = Pick<NewAuditEvent, 'action' | 'detail'> & { readonly at: Date | null };

interface Written {
  readonly assignments: string;
  readonly values: readonly Value[];
  readonly events: readonly Event[];
  /** A further condition on `p`. */
  readonly onlyIf?: Sql;
  /** What it changes in Slack; default: the progress message. */
  readonly shows?: 'nothing' | 'end';
  readonly verify?: boolean;
}

const SHOWING: Readonly<Record<'nothing' | 'progress' | 'end', readonly Part[]>> = {
  nothing: [],
  progress: [UPDATE_PROGRESS],
  end: [ENDED, ...ending([...WITH_BUTTONS, 'progress'])],
};

/** SQL: the promotion `p` is under way, by this app. */
export const OURS = `{p.state} = 'deploying' and ${IS_OURS}`;
const HELD = `p.id = ?::bigint and {p.state} = 'deploying' and p.lease_owner = ?`;
const PATCHING = 'console.flag.promotion.heroku_patching';
const UNCHANGED = 'console.flag.promotion.heroku_unchanged';
/** SQL: when `p`'s PATCH with an unknown outcome was announced, or null. It counts as sent. */
const SENT_AT = `(select case when a.action = '${PATCHING}' then a.at end from flag_promotions.audit_log a
  where a.promotion_id = p.id and a.action in ('${PATCHING}', '${UNCHANGED}') order by a.id desc limit 1)`;
const SEND_AGAIN_AT = `${SENT_AT} + interval '${SEND_AGAIN_AFTER_MS} milliseconds'`;
/** SQL: for how many milliseconds a sent PATCH of `p` may still take effect. */
const SETTLES_IN_MS = `greatest(0, coalesce(extract(epoch from ${SEND_AGAIN_AT} - ${CLOCK}) * 1000, 0))::float`;
/** SQL: the row is still what will be sent. */
const AS_SENT = `coalesce(p.heroku_app::text, '') = ? and ${configVarOf('p')}::text = ?
  and case when p.target_unset then null else coalesce(p.target_value::text, 'true') end is not distinct from ?::text`;
/**
 * SQL: nothing sent earlier can still take effect. One parameter: `hasWaited`, which counts if the clock was set back
 * since: only a holder announces, so nobody has since its claim.
 */
const SETTLED = `coalesce(${SEND_AGAIN_AT} <= ${CLOCK} or (${SENT_AT} > ${CLOCK} and ?::boolean), true)`;
const RELEASED =
  'lease_owner = null, lease_until = null, next_attempt_at = null, last_error = null, updated_at = now()';

export function promoting(knex: Knex): Promoting {
  /** One fenced UPDATE with its audit events, shown in Slack. */
  async function write(runner: Knex, id: string, lease: Lease, written: Written): Promise<boolean> {
    const { onlyIf = { sql: 'true', values: [] } } = written;
    const changed = await changeAudited(runner, {
      promotionId: id,
      change: {
        sql: `update {promotions} p set ${written.assignments}
               where ${HELD} and ${onlyIf.sql} returning p.id::bigint, p.heroku_app::text, p.resolved_by::text`,
        values: [...written.values, id, lease.owner, ...onlyIf.values],
      },
      alongside: [...SHOWING[written.shows ?? 'progress'], ...(written.verify === true ? [QUEUE_VERIFICATION] : [])],
      events: written.events.map((event) => ({ ...event, actor: PROMOTER })),
    });
    return parseRows(changed, idRow).length === 1;
  }

  /** Ends a promotion and its alerts, including any opened just before the row was locked. */
  async function end(id: string, lease: Lease, written: Written): Promise<boolean> {
    return knex.transaction(async (trx) => {
      if (!(await lockHeld(trx, id, lease))) return false;
      return write(trx, id, lease, { ...written, shows: 'end' });
    });
  }

  return {
    async claimNext(lease) {
      const claimed = await runPrepared(knex, {
        sql: `with claimed as (
            update {promotions} p
               set lease_owner = ?, ${LEASED_UNTIL}, attempts = coalesce(p.attempts, 0) + 1
             where p.id = (
               select p.id from {promotions} p
                where ${OURS} and ${isFree('p')} and ${mayTryAgain('p')}
                order by p.next_attempt_at nulls first, p.id for update skip locked limit 1)
             returning ${PROMOTION_COLUMNS}, p.attempts::integer, ${SETTLES_IN_MS} as settles_in_ms)
          select c.*, case when c.id is null then (
                   select extract(epoch from min(coalesce(greatest(p.next_attempt_at, p.lease_until), ${CLOCK})) - ${CLOCK}) * 1000
                     from {promotions} p where ${OURS}) end as due_in_ms
            from (select 1) one left join claimed c on true`,
        values: [lease.owner, lease.durationMs],
      });
      const [claim] = parseRows(claimed, claimRow);
      if (claim?.id === null) return { promotion: null, dueInMs: claim.due_in_ms };
      const [promotion] = parseRows(claimed, promotionRow);
      const [row] = parseRows(claimed, claimedRow);
      if (promotion === undefined || row === undefined) throw new Error('A claim had no row.');
      return {
        promotion,
        attempts: row.attempts,
        settlesInMs: row.settles_in_ms,
        isAsAuthorised: await isAsAuthorised(knex, promotion),
      };
    },
    renew: (id, lease) => update(knex, id, lease, LEASED_UNTIL, [lease.durationMs]),
    async announcePatch(promotion, lease, { value, release }, { hasWaited } = { hasWaited: false }) {
      const { id, herokuApp, configVar, targetValue } = promotion;
      const announced = await write(knex, id, lease, {
        assignments: `previous_value = case when p.base_release is null then coalesce(p.previous_value, ?) else p.previous_value end,
          base_release = coalesce(p.base_release, ?), ${LEASED_UNTIL}, updated_at = now()`,
        values: [sealedValuesOf(knex).seal(value, id), release, lease.durationMs],
        events: [{ action: PATCHING, detail: authorisedTarget(knex, promotion), at: null }],
        onlyIf: { sql: `${AS_SENT} and ${SETTLED}`, values: [herokuApp, configVar, targetValue, hasWaited] },
        shows: 'nothing',
      });
      return announced ? { kind: 'announced' } : whyNotAnnounced(knex, id, lease);
    },
    recordUnchanged: (id, lease, reason, at) =>
      write(knex, id, lease, {
        assignments: 'updated_at = now()',
        values: [],
        events: [{ action: UNCHANGED, detail: { reason }, at }],
        shows: 'nothing',
      }),
    writePendingCommit: (id, lease, release, at) =>
      write(knex, id, lease, {
        assignments: 'checkpoint = ?, attempts = 0, last_error = null, updated_at = now()',
        values: [pendingCommit(release.id)],
        events: [taken(release, at)],
      }),
    commit(id, lease, outcome, at, found) {
      const ending =
        outcome.state === 'deployed'
          ? {
              assignments: `state = {'deployed'}, deployed_at = ?::timestamptz`,
              values: [at],
              detail: releaseDetail(outcome.release ?? null),
            }
          : {
              assignments: `state = {'failed'}, failed_at = ?::timestamptz, failure_reason = ?`,
              values: [at, outcome.reason],
              detail: { reason: outcome.reason },
            };
      return end(id, lease, {
        verify: outcome.state === 'deployed' && outcome.verify === true,
        assignments: `${ending.assignments}, checkpoint = coalesce(?, p.checkpoint), ${RELEASED}`,
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

async function update(
  knex: Knex,
  id: string,
  lease: Lease,
  assignments: string,
  values: readonly Value[],
): Promise<boolean> {
  const updated = await runPrepared(knex, {
    sql: `update {promotions} p set ${assignments} where ${HELD}`,
    values: [...values, id, lease.owner],
  });
  return rowCount(updated) === 1;
}

async function whyNotAnnounced(knex: Knex, id: string, lease: Lease): Promise<Announcement> {
  const waits = await knex.raw(
    `select ${SETTLES_IN_MS} as wait_ms
       from {promotions} p where ${HELD}`,
    [id, lease.owner],
  );
  const [row] = parseRows(waits, waitRow);
  return row === undefined ? { kind: 'lost' } : { kind: 'too_soon', waitMs: row.wait_ms };
}

/** Locks the row until the transaction ends, if the lease still holds. */
async function lockHeld(trx: Knex.Transaction, id: string, lease: Lease): Promise<boolean> {
  const held = await trx.raw(`select p.id from {promotions} p where ${HELD} for update`, [id, lease.owner]);
  return parseRows(held, idRow).length === 1;
}

function taken(release: ReleaseFacts, at: Date): Event {
  return { action: 'console.flag.promotion.heroku_patched', detail: releaseDetail(release), at };
}

function releaseDetail(release: ReleaseFacts | null): Event['detail'] {
  if (release === null) return {};
  return { release_id: release.id, release_version: release.version, release_created_at: release.createdAt };
}

/** Notifies every promoter, so that it knows when to look next. */
async function releaseUntil(
  trx: Knex.Transaction,
  id: string,
  lease: Lease,
  { waitMs, lastError }: { readonly waitMs: number; readonly lastError: string | null },
): Promise<boolean> {
  const updated = await trx.raw(
    `with before as (select p.id, p.last_error from {promotions} p where ${HELD} for update)
     update {promotions} p
        set lease_owner = null, lease_until = null, next_attempt_at = ${fromNow()}, last_error = ?, updated_at = now(),
            attempts = case when ? then p.attempts else 0 end
       from before where p.id = before.id
      returning before.last_error is distinct from p.last_error as changed, before.last_error is null as went_on, pg_notify(?, '')`,
    [id, lease.owner, waitMs, lastError, lastError !== null, DUE_CHANNEL],
  );
  const [row] = parseRows(updated, changedRow);
  const changed = row?.changed ?? false;
  if (row !== undefined && lastError !== null) await noteHeldUp(trx, id, row.went_on);
  if (changed) await requestUpdates(trx, [id], ['progress']);
  return changed;
}
