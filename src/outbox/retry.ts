import type { Postponement } from '../db/leases.js';
import { backOffMs, type FailedAttempt } from '../promotions/back-off.js';
import { MESSAGE_GONE, SlackError } from '../slack/errors.js';

/** Until when a failed attempt has to wait, and why. `attempts` counts this one; `random` yields [0, 1). */
export function postponed(error: unknown, attempts: number, random: () => number): Postponement {
  return {
    waitMs: backOffMs(failureOf(error), attempts, random),
    lastError: error instanceof SlackError ? error.message : 'internal error; the log has its cause',
  };
}

/** null where Slack says that the message or its thread is not there. */
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
