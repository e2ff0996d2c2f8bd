import { EPOCH_MS, type Process } from './process.js';
import type { Scheduler } from './scheduler.js';

/** How often a statement fails, each in [0, 1]. */
export interface DatabaseWeather {
  /** Takes seconds, not milliseconds, before it runs or before its answer arrives. */
  readonly slow: number;
  /** The connection breaks before it runs. */
  readonly broken: number;
  /** It runs, and then the connection breaks. */
  readonly lostAnswer: number;
}

export const FAIR_DATABASE: DatabaseWeather = { slow: 0, broken: 0, lostAnswer: 0 };

/**
 * PostgreSQL, as far as the protocols rely on it: each statement takes effect at one moment, a locked row makes others
 * wait or is skipped, and all times are the server's. `models.test.ts` compares it with the real one.
 */
export interface DatabaseModel {
  /** By the server's clock. */
  now(): Date;
  nowMs(): number;
  /** Runs a statement for a process. Waits while another has locked one of its rows. */
  run<T>(process: Process, statement: () => T, locks?: readonly string[]): Promise<T>;
  /** Locks a row until the given function is called: as long as somebody else's transaction takes. */
  lock(row: string, then: (unlock: () => void) => void): void;
  isLocked(row: string): boolean;
}

export interface DatabaseOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  weather: DatabaseWeather;
  /** Milliseconds by which its clock is ahead; negative: behind. A correction or a failover sets it. */
  aheadMs: number;
}

/** Stored times of one table that things wait for, after the server's clock was set back: src/db/set-back-clock.ts. */
export interface Waits {
  /** The table's part of WAS_SET_BACK. */
  areFar(longestLeaseMs: number): boolean;
  /** The table's part of `shortenWaits`, in one statement. */
  shorten(longestLeaseMs: number): void;
}

export function createDatabaseModel(options: DatabaseOptions): DatabaseModel {
  const { scheduler, random } = options;
  /** By locked row: its waiters, in order. */
  const waiting = new Map<string, (() => void)[]>();

  const nowMs = (): number => scheduler.nowMs + options.aheadMs;

  /** Calls back once none of the rows is locked. */
  function whenFree(rows: readonly string[], then: () => void): void {
    const locked = rows.find((row) => waiting.has(row));
    if (locked === undefined) then();
    else waiting.get(locked)?.push(() => whenFree(rows, then));
  }

  function latency(): number {
    return random() < options.weather.slow ? 200 + random() * 25_000 : 0.5 + random() * 4;
  }

  function happens(chance: number): boolean {
    return chance > 0 && random() < chance;
  }

  return {
    now: () => new Date(EPOCH_MS + nowMs()),
    nowMs,
    isLocked: (row) => waiting.has(row),
    run: (process, statement, locks = []) =>
      new Promise((resolve, reject) => {
        const broken = happens(options.weather.broken);
        const lostAnswer = happens(options.weather.lostAnswer);
        const breaks = () => process.inside(latency(), () => reject(new Error('Connection terminated unexpectedly')));
        if (broken) {
          breaks();
          return;
        }
        scheduler.after(latency(), () =>
          whenFree(locks, () => {
            const result = statement();
            if (lostAnswer) breaks();
            else process.inside(latency(), () => resolve(result));
          }),
        );
      }),
    lock(row, then) {
      whenFree([row], () => {
        waiting.set(row, []);
        then(() => {
          const next = waiting.get(row) ?? [];
          waiting.delete(row);
          for (const go of next) go();
        });
      });
    },
  };
}
