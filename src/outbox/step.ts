import type { OutboxMessage } from '../promotions/messages.js';
import type { Destination } from '../promotions/routing.js';
import type { Unchangeable } from '../slack/errors.js';

export type Step =
  | { readonly kind: 'post' }
  /**
   * An earlier attempt may have posted it: look first. `orPost`: post even if looking fails: twice is better than never
   * for a critical.
   */
  | { readonly kind: 'find'; readonly thenPost: boolean; readonly orPost: boolean }
  /** It is visible but out of date. */
  | { readonly kind: 'update' }
  /** It was never posted, and never will be. */
  | { readonly kind: 'close' }
  /** Its thread's root must be posted first. */
  | { readonly kind: 'wait' };

export interface Prospects {
  /** Whether it still has something to say. */
  readonly isWanted: boolean;
  /** What to do if an earlier attempt may have posted it: look for it, post it again, or give up. */
  readonly unknownOutcome: 'find' | 'post_again' | 'close';
}

/** After this many failed searches, a critical is posted without knowing. */
export const SEARCHES_BEFORE_POSTING = 10;

/** Decides the next step for a pending message. `attemptsBefore`: started before this one. Pure. */
export function nextStep(
  message: Pick<OutboxMessage, 'state' | 'root' | 'isUrgent'>,
  { isWanted, unknownOutcome }: Prospects,
  attemptsBefore: number,
): Step {
  if (message.state !== 'pending') return { kind: 'update' };
  if (attemptsBefore > 0 && unknownOutcome === 'find') {
    const orPost = isWanted && message.isUrgent && attemptsBefore >= SEARCHES_BEFORE_POSTING;
    return { kind: 'find', thenPost: isWanted, orPost };
  }
  if (attemptsBefore > 0 && unknownOutcome === 'close') return { kind: 'close' };
  if (!isWanted || message.root?.state === 'closed') return { kind: 'close' };
  return { kind: message.root?.state === 'pending' ? 'wait' : 'post' };
}

/**
 * Where to post a message again that can't be changed; null: leave it. What was refused and now is in the alert channel
 * stays there, or each change would post it once more. Pure.
 */
export function whereAgain(
  { channel, refusedRoute }: Pick<OutboxMessage, 'channel' | 'refusedRoute'>,
  { because, inWholeChannel }: Unchangeable,
  { route, alertChannel }: { readonly route: string; readonly alertChannel: string },
): Destination | null {
  if (channel === null || (refusedRoute !== null && channel === alertChannel)) return null;
  if (refusedRoute === null && route !== channel) return { channel: route, refused: null };
  const isOpen = refusedRoute === null && !inWholeChannel;
  return { channel: isOpen ? channel : alertChannel, refused: { channel, because } };
}
