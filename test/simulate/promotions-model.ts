import type { Lease } from '../../src/db/leases.js';
import type {
  Announcement,
  ClaimedPromotion,
  NothingToClaim,
  PreviousValue,
  Promoting,
} from '../../src/db/promoting.js';
import { SETTLE_MS } from '../../src/promotions/back-off.js';
import { INTENT, pendingCommit, SEND_AGAIN_AFTER_MS } from '../../src/promotions/promoting.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { DatabaseModel, Waits } from './database-model.js';
import type { Process } from './process.js';
import type { Sabotage } from './sabotage.js';
import { atMost, isFarAhead, isFarLease } from './set-back-model.js';

/** A row of the promotions' table, with the promoter's lease. Times are the database's, in milliseconds. */
export interface PromotionRow {
  readonly promotion: Promotion;
  readonly leaseOwner: string | null;
  readonly leaseUntilMs: number | null;
  readonly attempts: number;
  readonly nextAttemptMs: number | null;
  /** Since when its promoter can't go on; null if it can. */
  readonly heldUpSinceMs: number | null;
}

/** The events of a PATCH about to be sent, and of one that certainly changed nothing. */
export const ANNOUNCED = 'heroku_patching';
export const UNCHANGED = 'heroku_unchanged';

/** A row in words, if a change matters to a reader of a trace. */
export function rowInWords(before: PromotionRow | null, { promotion, leaseOwner }: PromotionRow): string | null {
  const { id, state, checkpoint, lastError } = promotion;
  const was = before?.promotion;
  const isSame = was?.state === state && was.checkpoint === checkpoint && was.lastError === lastError;
  if (isSame && before?.leaseOwner === leaseOwner) return null;
  const lease = leaseOwner === null ? 'free' : `leased to ${leaseOwner}`;
  return `row ${id}: ${state} ${checkpoint ?? ''}, ${lease}${lastError === null ? '' : `, ${lastError}`}`;
}

/** Whether a promoter may work on it at all. */
export function isOurs({ promotion: { state, checkpoint } }: PromotionRow): boolean {
  return state === 'deploying' && (checkpoint === INTENT || checkpoint?.startsWith('PENDING_COMMIT:') === true);
}

/** In how many milliseconds a promoter may claim it. */
export function dueInMs({ leaseUntilMs, nextAttemptMs }: PromotionRow, nowMs: number): number {
  return Math.max(0, (leaseUntilMs ?? nowMs) - nowMs, (nextAttemptMs ?? nowMs) - nowMs);
}

type Target = Pick<Promotion, 'herokuApp' | 'configVar' | 'targetValue'>;

/** SQL's order of times that may be missing. */
function nullsFirst(one: number | null, other: number | null): number {
  return one === null || other === null ? Number(one !== null) - Number(other !== null) : one - other;
}

export interface PromotionsModel extends Waits {
  readonly rows: ReadonlyMap<string, PromotionRow>;
  /** The promoter's side of the table, for one process. */
  promotingOf(process: Process): Promoting;
  /** LISTEN: calls back whenever a promotion becomes due earlier than was known. */
  listen(process: Process, onDue: () => void): void;
  /** A person promotes: the row is ready to be claimed. */
  promote(promotion: Promotion): void;
  /** Anybody's change of a row with its events; also requests the update of its messages. */
  change(id: string, change: Partial<PromotionRow>, actions: readonly string[]): void;
}

/** `onChange`: a change took effect, with its events, in one transaction. */
export function createPromotionsModel(
  db: DatabaseModel,
  onChange: (before: PromotionRow | null, after: PromotionRow, actions: readonly string[]) => void,
  sabotage?: Sabotage,
): PromotionsModel {
  const rows = new Map<string, PromotionRow>();
  /** Those that a promoter may work on. */
  const open = new Map<string, PromotionRow>();
  /** When each promotion's PATCH with an unknown outcome was announced. */
  const sentMs = new Map<string, number>();
  /** By promotion: what its code authorised, as its event says. */
  const authorised = new Map<string, Target>();
  const listeners = new Set<() => void>();
  const notify = (): void => {
    for (const listener of listeners) listener();
  };

  function change(id: string, changes: Partial<PromotionRow>, actions: readonly string[]): void {
    const before = rows.get(id) ?? null;
    if (before === null) throw new Error(`There is no promotion ${id}.`);
    write(before, { ...before, ...changes }, actions);
  }

  function write(before: PromotionRow | null, after: PromotionRow, actions: readonly string[]): void {
    const { id } = after.promotion;
    rows.set(id, after);
    if (isOurs(after)) open.set(id, after);
    else open.delete(id);
    if (actions.includes(ANNOUNCED)) sentMs.set(id, db.nowMs());
    if (actions.includes(UNCHANGED)) sentMs.delete(id);
    onChange(before, after, actions);
  }

  /** The row, if the owner holds it and it is still in `deploying`. */
  function held(id: string, owner: string): PromotionRow | null {
    const row = rows.get(id);
    if (row !== undefined && sabotage === 'no fence of promotions') return row;
    return row !== undefined && row.leaseOwner === owner && row.promotion.state === 'deploying' ? row : null;
  }

  function heldUpSince({ promotion, heldUpSinceMs }: PromotionRow, lastError: string | null): number | null {
    if (lastError === null) return null;
    return promotion.lastError === null ? db.nowMs() : (heldUpSinceMs ?? db.nowMs());
  }

  function claimNext(owner: string, durationMs: number): ClaimedPromotion | NothingToClaim {
    const waitMs = (row: PromotionRow) => dueInMs(row, db.nowMs());
    const due = [...open.values()].filter((row) => waitMs(row) === 0 && !db.isLocked(row.promotion.id));
    due.sort(
      (one, other) =>
        nullsFirst(one.nextAttemptMs, other.nextAttemptMs) || Number(one.promotion.id) - Number(other.promotion.id),
    );
    const [row] = due;
    if (row === undefined)
      return { promotion: null, dueInMs: open.size === 0 ? null : Math.min(...[...open.values()].map(waitMs)) };
    const attempts = row.attempts + 1;
    const { id } = row.promotion;
    change(id, { leaseOwner: owner, leaseUntilMs: db.nowMs() + durationMs, attempts }, []);
    return {
      promotion: row.promotion,
      attempts,
      settlesInMs: settlesInMs(id),
      isAsAuthorised: isSame(row.promotion, authorised.get(id)),
    };
  }

  /** How long the last announced PATCH may still take effect. */
  function settlesInMs(id: string): number {
    if (sabotage === 'early second PATCH') return 0;
    const sent = sentMs.get(id);
    if (sent !== undefined && sent > db.nowMs() && sabotage === 'announcement from the future') return 0;
    return sent === undefined ? 0 : Math.max(0, sent + SEND_AGAIN_AFTER_MS - db.nowMs());
  }

  /** Whether the row's app, config var and value are those of `target`: what its code authorised, or what is being sent. */
  function isSame(promotion: Promotion, target: Target | undefined): boolean {
    const { herokuApp, configVar, targetValue } = promotion;
    return (
      sabotage === 'unauthorised PATCH' ||
      (target?.herokuApp === herokuApp && target.configVar === configVar && target.targetValue === targetValue)
    );
  }

  function announce(
    sent: Promotion,
    lease: Lease,
    { value, release }: PreviousValue,
    { hasWaited }: { readonly hasWaited: boolean } = { hasWaited: false },
  ): Announcement {
    const { id } = sent;
    const promotion = held(id, lease.owner)?.promotion;
    if (promotion === undefined) return { kind: 'lost' };
    const waitMs = settlesInMs(id);
    if (!isSame(promotion, sent)) return { kind: 'too_soon', waitMs };
    // If the clock was set back since, only a holder that waited knows how long ago that was.
    const isSettled = waitMs === 0 || (hasWaited && (sentMs.get(id) ?? Number.NEGATIVE_INFINITY) > db.nowMs());
    if (!isSettled) return { kind: 'too_soon', waitMs };
    const isFirst = promotion.baseRelease === null;
    const previousValue = isFirst ? (promotion.previousValue ?? value) : promotion.previousValue;
    const baseRelease = recordedRelease(promotion.baseRelease ?? release);
    change(
      id,
      { promotion: { ...promotion, previousValue, baseRelease }, leaseUntilMs: db.nowMs() + lease.durationMs },
      sabotage === 'unannounced PATCH' ? [] : [ANNOUNCED],
    );
    return { kind: 'announced' };
  }

  function recordedRelease(release: number): number | null {
    if (sabotage === 'old base release') return -1;
    return sabotage === 'no base release' ? null : release;
  }

  function promotingOf(process: Process): Promoting {
    /** A write by the holder; false if the lease is another's, or the promotion ended. */
    const fenced = (id: string, owner: string, work: (row: PromotionRow) => boolean | undefined) =>
      db.run(process, () => {
        const row = held(id, owner);
        return row !== null && work(row) !== false;
      }, [id]);
    const FREE = { leaseOwner: null, leaseUntilMs: null };
    return {
      claimNext: (lease) => db.run(process, () => claimNext(lease.owner, lease.durationMs)),
      renew: (id, lease) =>
        fenced(id, lease.owner, () => {
          change(id, { leaseUntilMs: db.nowMs() + lease.durationMs }, []);
          return true;
        }),
      announcePatch: (sent, lease, before, options) =>
        db.run(process, () => announce(sent, lease, before, options), [sent.id]),
      recordUnchanged: (id, lease) =>
        fenced(id, lease.owner, () => {
          change(id, {}, [UNCHANGED]);
          return true;
        }),
      writePendingCommit: (id, lease, release) =>
        fenced(id, lease.owner, ({ promotion }) => {
          const checkpoint = pendingCommit(release.id);
          change(id, { promotion: { ...promotion, checkpoint, lastError: null }, attempts: 0 }, ['heroku_patched']);
          return true;
        }),
      commit: (id, lease, outcome, at, found) =>
        fenced(id, lease.owner, ({ promotion }) => {
          const ended = {
            ...promotion,
            state: outcome.state,
            lastError: null,
            checkpoint: found === null ? promotion.checkpoint : pendingCommit(found.id),
            ...(outcome.state === 'deployed' ? { deployedAt: at } : { failedAt: at, failureReason: outcome.reason }),
          };
          const actions = [...(found === null ? [] : ['heroku_patched']), outcome.state];
          change(id, { promotion: ended, ...FREE, nextAttemptMs: null }, actions);
          return true;
        }),
      postpone: (id, lease, { waitMs, lastError }) =>
        fenced(id, lease.owner, (row) => {
          const { promotion, attempts } = row;
          const told = promotion.lastError !== lastError;
          const nextAttemptMs = db.nowMs() + waitMs;
          const counted = lastError === null ? 0 : attempts;
          const heldUpSinceMs = heldUpSince(row, lastError);
          change(
            id,
            { promotion: { ...promotion, lastError }, ...FREE, nextAttemptMs, attempts: counted, heldUpSinceMs },
            [],
          );
          notify();
          return told;
        }),
      reportDrift: (id, lease, { waitMs, lastError }) =>
        fenced(id, lease.owner, (row) => {
          const { promotion } = row;
          const told = promotion.lastError !== lastError;
          const nextAttemptMs = db.nowMs() + waitMs;
          const heldUpSinceMs = heldUpSince(row, lastError);
          change(id, { promotion: { ...promotion, lastError }, ...FREE, nextAttemptMs, heldUpSinceMs }, []);
          notify();
          return told;
        }),
    };
  }

  return {
    rows,
    change,
    promotingOf,
    areFar: (longestLeaseMs) =>
      [...rows.values()].some(
        (row) =>
          isOurs(row) &&
          (isFarLease(row.leaseUntilMs, db.nowMs(), longestLeaseMs) || isFarAhead(row.nextAttemptMs, db.nowMs())),
      ),
    shorten(longestLeaseMs) {
      const leasedMs = db.nowMs() + longestLeaseMs;
      const nextMs = db.nowMs() + SETTLE_MS;
      for (const row of rows.values()) {
        const { id } = row.promotion;
        // What is locked is left out.
        const waits =
          isOurs(row) && !db.isLocked(id)
            ? { leaseUntilMs: atMost(row.leaseUntilMs, leasedMs), nextAttemptMs: atMost(row.nextAttemptMs, nextMs) }
            : {};
        change(id, { ...waits, heldUpSinceMs: atMost(row.heldUpSinceMs, db.nowMs()) }, []);
      }
    },
    listen(process, onDue) {
      listeners.add(() => void process.inside(1, onDue));
    },
    promote(promotion) {
      authorised.set(promotion.id, promotion);
      const row: PromotionRow = {
        promotion,
        leaseOwner: null,
        leaseUntilMs: null,
        attempts: 0,
        nextAttemptMs: null,
        heldUpSinceMs: null,
      };
      write(null, row, ['promoted']);
      notify();
    },
  };
}
