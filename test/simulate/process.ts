import type { Timers } from '../../src/jobs/timers.js';
import type { Scheduler } from './scheduler.js';

/**
 * A process that can be killed or paused at any moment. While it is paused, its timers and everything addressed to it
 * wait, as after SIGSTOP or on a frozen machine; after its death they are lost.
 */
export interface Process extends Timers {
  readonly name: string;
  readonly isAlive: boolean;
  /** Its machine's wall clock, which may be wrong. */
  now(): Date;
  kill(): void;
  pause(ms: number): void;
  /** Runs something inside the process after this long, or once it runs again. */
  inside(ms: number, happen: () => void): () => void;
}

/** The wall clock at the beginning of a run. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

export function createProcess(scheduler: Scheduler, name: string, clockErrorMs: number): Process {
  let isAlive = true;
  let runsFrom = 0;

  function inside(ms: number, happen: () => void): () => void {
    let cancelled = false;
    const enter = () => {
      if (cancelled || !isAlive) return;
      if (runsFrom > scheduler.nowMs) scheduler.after(runsFrom - scheduler.nowMs, enter);
      else happen();
    };
    scheduler.after(ms, enter);
    return () => {
      cancelled = true;
    };
  }

  function every(ms: number, fn: () => void): () => void {
    let cancel = (): void => undefined;
    const again = () => {
      cancel = inside(ms, () => {
        again();
        fn();
      });
    };
    again();
    return () => cancel();
  }

  return {
    name,
    get isAlive() {
      return isAlive;
    },
    now: () => new Date(EPOCH_MS + scheduler.nowMs + clockErrorMs),
    kill() {
      isAlive = false;
    },
    pause(ms) {
      runsFrom = Math.max(runsFrom, scheduler.nowMs + ms);
    },
    inside,
    monotonicMs: () => scheduler.nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const end = () => {
          cancel();
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const cancel = inside(ms, end);
        signal?.addEventListener('abort', end, { once: true });
      }),
    every,
    after: inside,
  };
}
