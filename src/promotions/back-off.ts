export type FailedAttempt =
  /** Slack refused, or was never reached: nothing was posted. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number }
  /** Slack may still be working on it. */
  | { readonly kind: 'unknown_outcome' };

const BACK_OFF_FIRST_MS = 5_000;
const BACK_OFF_MOST_MS = 15 * 60_000;
/** Nobody asks for more. A stored time further ahead is of a clock that was set back since. */
export const LONGEST_WAIT_MS = 60 * 60_000;
/** A request that timed out can still take effect; looking for it sooner could miss it. */
export const SETTLE_MS = 30_000;

/**
 * Milliseconds before attempt `attempts + 1`: doubles up to a quarter of an hour, with jitter so that replicas don't
 * retry in step. `random` yields [0, 1).
 */
export function backOffMs(failure: FailedAttempt, attempts: number, random: () => number): number {
  const exponential = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** Math.max(0, attempts - 1));
  const jittered = exponential * (0.5 + random() / 2);
  switch (failure.kind) {
    case 'refused':
      return jittered;
    case 'rate_limited':
      return Math.min(LONGEST_WAIT_MS, failure.retryAfterMs + random() * 1_000);
    case 'unknown_outcome':
      return Math.max(SETTLE_MS, jittered);
  }
}
