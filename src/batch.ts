import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does work once for all who ask within `everyMs`. No answer is older than its question: who asks while the work is done waits for
 * the next time.
 */
export function createBatch<T>(work: () => Promise<T>, everyMs: number): () => Promise<T> {
  let next: Promise<T> | null = null;
  let lastAt = Number.NEGATIVE_INFINITY;

  async function begin(): Promise<T> {
    await sleep(Math.max(0, lastAt + everyMs - performance.now()));
    next = null;
    lastAt = performance.now();
    return work();
  }

  return () => {
    next ??= begin();
    return next;
  };
}
