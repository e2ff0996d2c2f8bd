import { EPOCH_MS, type Process } from './process.js';
import type { Scheduler } from './scheduler.js';

/** How often a statement goes wrong, each in [0, 1]. */
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
 * PostgreSQL, as far as the protocols rest on it: each statement takes effect at one moment, a row that a transaction
 * has locked makes others wait or is skipped, and all times are the server's. `database-model.test.ts` holds it against the real one.
 */
export interface DatabaseModel {
  /** The present, by the clock of the server. */
  now(): Date;
  nowMs(): number;
  /** Runs a statement for a process. It waits while one of the rows it locks is another's. */
  run<T>(process: Process, statement: () => T, locks?: readonly string[]): Promise<T>;
  /** Locks a row until the answered function is called: how long a transaction of somebody else's takes. */
  lock(row: string, then: (unlock: () => void) => void): void;
  isLocked(row: string): boolean;
}

export interface DatabaseOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  weather: DatabaseWeather;
}

export function createDatabaseModel(options: DatabaseOptions): DatabaseModel {
  const { scheduler, random } = options;
  /** By locked row, who waits for it, in order. */
  const waiting = new Map<string, (() => void)[]>();

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
    now: () => new Date(EPOCH_MS + scheduler.nowMs),
    nowMs: () => scheduler.nowMs,
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
