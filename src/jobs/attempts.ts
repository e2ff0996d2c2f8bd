import type { Postponement } from '../db/leases.js';
import { backOffMs, type FailedAttempt } from '../promotions/delivery.js';
import { MESSAGE_GONE, SlackError } from '../slack/errors.js';

/* What every attempt to say something in Slack shares: its lease, and what its failure means for the next one. */

/** Longer than a request to Slack may take with the database's writes around it; a successor waits this long. */
export const LEASE_MS = 40_000;
/** An attempt's message can only be newer than its row; Slack's clock and the database's may differ by this much. */
export const CLOCK_SKEW_MS = 5 * 60_000;

/** Until when a failed attempt has to wait, and why. `attempts` counts this one; `random` yields [0, 1). */
export function postponed(
  error: unknown,
  attempts: number,
  around: { readonly now: () => Date; readonly random: () => number },
): Postponement {
  const wait = backOffMs(failureOf(error), attempts, around.random);
  return {
    nextAttemptAt: new Date(around.now().getTime() + wait),
    lastError: error instanceof SlackError ? error.message : 'internal error; the log has its cause',
  };
}

/** null where Slack says that the message or thread is not there. */
export async function unlessGone<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SlackError && MESSAGE_GONE.has(error.code)) return null;
    throw error;
  }
}

function failureOf(error: unknown): FailedAttempt {
  if (!(error instanceof SlackError)) return { kind: 'unknown_outcome' };
  switch (error.kind) {
    case 'rate_limited':
      return { kind: 'rate_limited', retryAfterMs: error.retryAfterMs };
    case 'refused':
    case 'unreachable':
      return { kind: 'refused' };
    case 'unknown_outcome':
      return { kind: 'unknown_outcome' };
  }
}
