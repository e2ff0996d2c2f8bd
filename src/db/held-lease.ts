import type { Lease } from './leases.js';

/**
 * A lease as its holder knows it. Rows are fenced by the database; Heroku and Slack know no fence, so whoever is about to
 * change something there has to know by itself whether the lease may be gone.
 */
export interface HeldLease extends Lease {
  /** The database renewed it: it lasts from the moment at which it was asked to, not from its answer. */
  confirm(askedAtMs: number): void;
  /** Somebody else has it now. */
  lose(): void;
  /** Less than half of it has passed since it was last confirmed: no difference of two clocks' speed can have ended it. */
  isFresh(): boolean;
}

/** `askedAtMs`: before the database was asked for it, on the same monotonic clock. */
export function holdLease(lease: Lease, askedAtMs: number, monotonicMs: () => number): HeldLease {
  let confirmedAt = askedAtMs;
  let isLost = false;
  return {
    ...lease,
    // Renewals may overlap, and their answers overtake each other.
    confirm: (at) => {
      confirmedAt = Math.max(confirmedAt, at);
    },
    lose: () => {
      isLost = true;
    },
    isFresh: () => !isLost && monotonicMs() - confirmedAt < lease.durationMs / 2,
  };
}
