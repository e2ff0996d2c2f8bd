import { LONGEST_WAIT_MS } from '../../src/promotions/back-off.js';
import type { ClockWatch } from './clock-watch.js';
import type { DatabaseModel, Waits } from './database-model.js';
import type { Process } from './process.js';

/** The watchdog's look for a clock that was set back; `models.test.ts` compares it with PostgreSQL. */
export interface SetBackModel {
  /** As WAS_SET_BACK. */
  wasSetBack(longestLeaseMs: number): boolean;
  /** Statement by statement, so that a process may end between two. */
  shortenWaits(process: Process, longestLeaseMs: number): Promise<void>;
  /** The end of a tick. */
  recordTick(): void;
}

type SetBackObserver = Pick<ClockWatch, 'onTick' | 'onShortening'>;

/** As isAhead: less does no harm. */
const HARMLESS_MS = 60_000;
/** SQL's isAhead. False for null. */
export const isAhead = (ms: number | null, nowMs: number): boolean => ms !== null && ms > nowMs + HARMLESS_MS;
/** SQL's isFar: later than any writer waits. What never comes waits for something else. */
export const isFarAhead = (ms: number | null, nowMs: number): boolean =>
  isAhead(ms, nowMs + LONGEST_WAIT_MS) && ms !== Number.POSITIVE_INFINITY;
/** SQL's isFarLease. */
export const isFarLease = (ms: number | null, nowMs: number, longestLeaseMs: number): boolean =>
  isAhead(ms, nowMs + longestLeaseMs);
/** SQL's least, of a time that may be missing. */
export const atMost = (ms: number | null, mostMs: number): number | null => (ms === null ? null : Math.min(ms, mostMs));

export function createSetBackModel(
  db: Pick<DatabaseModel, 'nowMs' | 'run'>,
  tables: readonly Waits[],
  observer: SetBackObserver = { onTick: () => undefined, onShortening: () => () => undefined },
): SetBackModel {
  let completedMs: number | null = null;
  return {
    wasSetBack: (longestLeaseMs) =>
      isAhead(completedMs, db.nowMs()) || tables.some((table) => table.areFar(longestLeaseMs)),
    async shortenWaits(process, longestLeaseMs) {
      const shortened = observer.onShortening();
      const beganMs = await db.run(process, db.nowMs);
      for (const table of tables) await db.run(process, () => table.shorten(longestLeaseMs));
      await db.run(process, () => {
        if (completedMs !== null) completedMs = Math.min(completedMs, beganMs);
        shortened();
      });
    },
    recordTick() {
      if (!isAhead(completedMs, db.nowMs())) completedMs = db.nowMs();
      observer.onTick();
    },
  };
}
