import type { FailedDelivery } from '../db/messages.js';
import { PagingError } from '../paging/post.js';
import { backOffMs, type FailedAttempt } from '../promotions/back-off.js';
import type { OutboxMessage } from '../promotions/messages.js';
import { MESSAGE_GONE, SlackError } from '../slack/errors.js';

/** How long a failed attempt waits, and why. `attempts` counts this one; `random` yields [0, 1). */
export function postponed(
  error: unknown,
  { attempts, channel }: Pick<OutboxMessage, 'attempts' | 'channel'>,
  random: () => number,
): FailedDelivery {
  if (error instanceof PagingError) {
    return {
      waitMs: error.waits === null ? null : backOffMs(error.waits, attempts, random),
      lastError: error.says,
      // What an earlier attempt may have opened must still be resolved there.
      arrivedNowhere: channel === null && !error.mayHaveArrived,
    };
  }
  return {
    waitMs: backOffMs(failureOf(error), attempts, random),
    lastError: error instanceof SlackError ? error.message : 'internal error; the log has its cause',
  };
}

/** null if Slack says that the message or its thread is gone. */
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
