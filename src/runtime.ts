import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';

/** Time, randomness and the log. Tests and the demo pass in their own. */
export interface Runtime {
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Multiplies the time limits for answers: 1, and more in tests. */
  readonly patience: number;
  /** Multiplies the pauses that Slack demands between messages: 1, and less in tests whose Slack demands none. */
  readonly slackPauses: number;
  readonly log: Logger;
}

export function realRuntime(log: Logger): Runtime {
  return {
    now: () => new Date(),
    elapsed: () => performance.now(),
    random: Math.random,
    patience: 1,
    slackPauses: 1,
    log,
  };
}

/**
 * Milliseconds by which this process's wall clock is ahead of the one that never jumps: changes if the clock is set.
 */
export function wallClockAhead(): number {
  return Date.now() - performance.now();
}
