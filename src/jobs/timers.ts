import { setTimeout as wait } from 'node:timers/promises';

/** Everything by which a job waits. Passed in, so that a simulator can drive it by virtual time. */
export interface Timers {
  /** Milliseconds on a clock that never jumps. */
  monotonicMs(): number;
  /** Resolves after so long, or at once when the signal is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` again and again, first after `ms`; answers what stops it. */
  every(ms: number, fn: () => void): () => void;
  /** Calls `fn` once; answers what cancels it. */
  after(ms: number, fn: () => void): () => void;
}

/** Real time. */
export function realTimers(elapsed: () => number): Timers {
  return {
    monotonicMs: elapsed,
    // It rejects for one reason: it was aborted.
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
