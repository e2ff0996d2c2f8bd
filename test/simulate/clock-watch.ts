import { LONGEST_WAIT_MS } from '../../src/promotions/back-off.js';
import type { DatabaseModel } from './database-model.js';
import type { Process } from './process.js';
import { OVERDUE_AFTER_MS } from './replica.js';
import type { Scheduler } from './scheduler.js';
import { isAhead } from './set-back-model.js';

/** A row's stored times, by the database's clock. */
interface Leased {
  readonly leaseOwner: string | null;
  readonly leaseUntilMs: number | null;
  readonly nextAttemptMs: number | null;
}
type Column = 'leaseUntilMs' | 'nextAttemptMs';

/** What stored times mean while the database's clock is set now and then; `key`: of a promotion or message. */
export interface ClockWatch {
  /** A row was written. */
  onRow(key: string, before: Leased | null, after: Leased): void;
  onClock(byMs: number): void;
  /** A tick has ended: its time shows to the next that the clock was set back. */
  onTick(): void;
  /** A process begins to shorten all waits. Returns what to call at its end. */
  onShortening(): () => void;
  /** Whether a process holds a row's lease, in real time. */
  holds(process: Process, key: string, row: Pick<Leased, 'leaseOwner'>): boolean;
  /** A clock that was set forward ended a wait for a late request, or a lease: what happens twice is nobody's fault. */
  isHurried(key: string): boolean;
  hurry(key: string): void;
  /** In real time, when a stored time comes. -Infinity if there is none. */
  comesMs(key: string, row: Leased, column: Column): number;
  /** From when messages are owed that were owed before the clock was set back. */
  readonly countsFromMs: number;
  /** How much longer anything may take, because nobody could notice that the clock was set back. */
  readonly lateByMs: number;
}

export function createClockWatch(
  scheduler: Scheduler,
  db: Pick<DatabaseModel, 'nowMs'>,
  count: (what: string) => void,
): ClockWatch {
  /** By column and key: in real time, what a stored time meant when it was written. */
  const meant = new Map<string, number>();
  /** By key: leases that ended early, and until when they should last. */
  const cutShort = new Map<string, { readonly owner: string; readonly untilMs: number }[]>();
  const hurried = new Set<string>();
  let tickedMs = Number.NEGATIVE_INFINITY;
  let setBackMs = Number.NEGATIVE_INFINITY;
  /** When the clock was set back so that the next tick has to notice, unless all waits were shortened since. */
  let noticeableMs: readonly number[] = [];
  let lateByMs = 0;

  const meantMs = (key: string, column: Column) => meant.get(`${column} of ${key}`) ?? Number.NEGATIVE_INFINITY;
  const isYetToCome = (key: string, column: Column) => meantMs(key, column) > scheduler.nowMs;

  function noteMeaning(key: string, before: Leased | null, after: Leased): void {
    for (const column of ['leaseUntilMs', 'nextAttemptMs'] as const) {
      const ms = after[column];
      if (ms === before?.[column]) continue;
      const comesMs = ms === null ? Number.NEGATIVE_INFINITY : scheduler.nowMs + ms - db.nowMs();
      meant.set(`${column} of ${key}`, comesMs);
    }
  }

  function noteHurry(key: string, { leaseOwner, nextAttemptMs }: Leased, after: Leased): void {
    const isTaken = leaseOwner !== null && after.leaseOwner !== null && after.leaseOwner !== leaseOwner;
    if (isTaken && isYetToCome(key, 'leaseUntilMs')) {
      count('leases cut short');
      cutShort.set(key, [...(cutShort.get(key) ?? []), { owner: leaseOwner, untilMs: meantMs(key, 'leaseUntilMs') }]);
      hurried.add(key);
    }
    const isDue = nextAttemptMs !== null && nextAttemptMs <= db.nowMs();
    if (isDue && isYetToCome(key, 'nextAttemptMs')) hurried.add(key);
  }

  return {
    onRow(key, before, after) {
      if (before !== null) noteHurry(key, before, after);
      noteMeaning(key, before, after);
    },
    onClock(byMs) {
      const isNoticeable = isAhead(tickedMs, db.nowMs());
      if (!isNoticeable) noticeableMs = [];
      if (byMs > 0) return;
      setBackMs = scheduler.nowMs;
      if (isNoticeable) noticeableMs = [...noticeableMs, scheduler.nowMs];
      // Nobody can tell a wait that got longer from one that was asked for.
      else lateByMs = LONGEST_WAIT_MS;
    },
    onTick() {
      tickedMs = Math.max(tickedMs, db.nowMs());
    },
    onShortening() {
      const beganMs = scheduler.nowMs;
      return () => {
        noticeableMs = noticeableMs.filter((ms) => ms > beganMs);
        if (noticeableMs.length === 0) tickedMs = Math.min(tickedMs, db.nowMs());
      };
    },
    holds({ name }, key, { leaseOwner }) {
      const isIts = (owner: string) => owner.startsWith(`${name}/`);
      const isHeld = leaseOwner !== null && isIts(leaseOwner) && isYetToCome(key, 'leaseUntilMs');
      // Nobody can notice in time.
      return (
        isHeld || (cutShort.get(key) ?? []).some(({ owner, untilMs }) => isIts(owner) && untilMs > scheduler.nowMs)
      );
    },
    isHurried: (key) => hurried.has(key),
    hurry: (key) => void hurried.add(key),
    comesMs(key, row, column) {
      const stored = row[column];
      const isNoticed =
        isAhead(tickedMs, db.nowMs()) && noticeableMs.some((ms) => ms <= scheduler.nowMs - OVERDUE_AFTER_MS);
      if (stored === null || isNoticed) return meantMs(key, column);
      return Math.max(meantMs(key, column), stored - db.nowMs() + scheduler.nowMs);
    },
    get countsFromMs() {
      return setBackMs + OVERDUE_AFTER_MS;
    },
    get lateByMs() {
      return lateByMs;
    },
  };
}
