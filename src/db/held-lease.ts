import type { Lease } from './leases.js';

/**
 * A lease as its holder sees it. It fences the database's rows, but Heroku and Slack have no fence: before a change
 * there the holder must know whether it may be lost.
 */
export interface HeldLease extends Lease {
  /** Renewed in the database: it lasts from when that was asked, not from the answer. */
  confirm(askedAtMs: number): void;
  /** Another has it now. */
  lose(): void;
  /** Less than half of it has passed since the last confirmation: no difference in clock speed can have ended it. */
  isFresh(): boolean;
}

/** `askedAtMs`: on the same monotonic clock, read before asking the database. */
export function holdLease(lease: Lease, askedAtMs: number, monotonicMs: () => number): HeldLease {
  let confirmedAt = askedAtMs;
  let isLost = false;
  return {
    ...lease,
    // Renewals may overlap, and their answers arrive in any order.
    confirm: (at) => {
      confirmedAt = Math.max(confirmedAt, at);
    },
    lose: () => {
      isLost = true;
    },
    isFresh: () => !isLost && monotonicMs() - confirmedAt < lease.durationMs / 2,
  };
}
