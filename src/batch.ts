import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

interface Clock {
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

const REAL: Clock = { elapsed: () => performance.now(), sleep: (milliseconds) => sleep(milliseconds) };

/**
 * Does work once for all who ask within `everyMs`. No answer is older than its question: a call during the work waits
 * for the next run.
 */
export function createBatch<T>(work: () => Promise<T>, everyMs: number, clock = REAL): () => Promise<T> {
  let next: Promise<T> | null = null;
  let lastAt = Number.NEGATIVE_INFINITY;

  async function begin(): Promise<T> {
    await clock.sleep(Math.max(0, lastAt + everyMs - clock.elapsed()));
    next = null;
    lastAt = clock.elapsed();
    return work();
  }

  return () => {
    next ??= begin();
    return next;
  };
}
