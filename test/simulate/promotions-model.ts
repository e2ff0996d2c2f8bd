import type { Lease } from '../../src/db/leases.js';
import type {
  Announcement,
  ClaimedPromotion,
  NothingToClaim,
  PreviousValue,
  Promoting,
} from '../../src/db/promoting.js';
import { INTENT, pendingCommit, SEND_AGAIN_AFTER_MS } from '../../src/promotions/promoting.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { DatabaseModel } from './database-model.js';
import type { Process } from './process.js';
import type { Sabotage } from './sabotage.js';

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

export interface ModelEvent {
  readonly promotionId: string;
  readonly action: string;
  readonly atMs: number;
}

/** The events of a PATCH about to be sent, and of one that certainly changed nothing. */
export const ANNOUNCED = 'heroku_patching';
const UNCHANGED = 'heroku_unchanged';

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
  return Math.max(0, (leaseUntilMs ?? 0) - nowMs, (nextAttemptMs ?? 0) - nowMs);
}

export interface PromotionsModel {
  readonly rows: ReadonlyMap<string, PromotionRow>;
  readonly events: readonly ModelEvent[];
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
  const events: ModelEvent[] = [];
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
    rows.set(after.promotion.id, after);
    for (const action of actions) events.push({ promotionId: after.promotion.id, action, atMs: db.nowMs() });
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
    const open = [...rows.values()].filter(isOurs);
    const due = open.filter((row) => waitMs(row) === 0 && !db.isLocked(row.promotion.id));
    due.sort(
      (one, other) =>
        (one.nextAttemptMs ?? 0) - (other.nextAttemptMs ?? 0) || Number(one.promotion.id) - Number(other.promotion.id),
    );
    const [row] = due;
    if (row === undefined)
      return { promotion: null, dueInMs: open.length === 0 ? null : Math.min(...open.map(waitMs)) };
    const attempts = row.attempts + 1;
    change(row.promotion.id, { leaseOwner: owner, leaseUntilMs: db.nowMs() + durationMs, attempts }, []);
    return { promotion: row.promotion, attempts, settlesInMs: settlesInMs(row.promotion.id), isAsAuthorised: true };
  }

  /** How long the last announced PATCH may still take effect. */
  function settlesInMs(id: string): number {
    if (sabotage === 'early second PATCH') return 0;
    const last = events.findLast(
      ({ promotionId, action }) => promotionId === id && (action === ANNOUNCED || action === UNCHANGED),
    );
    return last?.action === ANNOUNCED ? Math.max(0, last.atMs + SEND_AGAIN_AFTER_MS - db.nowMs()) : 0;
  }

  function announce({ id }: Promotion, lease: Lease, { value, release }: PreviousValue): Announcement {
    const promotion = held(id, lease.owner)?.promotion;
    if (promotion === undefined) return { kind: 'lost' };
    const waitMs = settlesInMs(id);
    if (waitMs > 0) return { kind: 'too_soon', waitMs };
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
      announcePatch: (sent, lease, before) => db.run(process, () => announce(sent, lease, before), [sent.id]),
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
    events,
    change,
    promotingOf,
    listen(process, onDue) {
      listeners.add(() => void process.inside(1, onDue));
    },
    promote(promotion) {
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
