import { setTimeout as wait } from 'node:timers/promises';

/** How a job waits; passed in, so that the simulator can use virtual time. */
export interface Timers {
  /** Milliseconds on a clock that never jumps. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once if the signal is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` repeatedly, first after `ms`; returns a function that stops it. */
  every(ms: number, fn: () => void): () => void;
  /** Calls `fn` once; returns a function that cancels it. */
  after(ms: number, fn: () => void): () => void;
}

export function realTimers(elapsed: () => number): Timers {
  return {
    monotonicMs: elapsed,
    // It only rejects when aborted.
    sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
    every(ms, fn) {
      const timer = setInterval(fn, ms);
      return () => clearInterval(timer);
    },
    after(ms, fn) {
      const timer = setTimeout(fn, ms);
      return () => clearTimeout(timer);
    },
  };
}
