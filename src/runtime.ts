import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';

/** What the program is given: time, chance and the log. Tests and the demo pass in their own. */
export interface Runtime {
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** How many times its limit an answer may take before a person is told something else meanwhile: 1, and more in tests. */
  readonly patience: number;
  readonly log: Logger;
}

export function realRuntime(log: Logger): Runtime {
  return { now: () => new Date(), elapsed: () => performance.now(), random: Math.random, patience: 1, log };
}

/** By how many milliseconds this process's wall clock is ahead of the one that never jumps: it changes if the clock is set. */
export function wallClockAhead(): number {
  return Date.now() - performance.now();
}
