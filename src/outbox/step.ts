import type { OutboxMessage } from '../promotions/messages.js';

export type Step =
  | { readonly kind: 'post' }
  /**
   * An earlier attempt may have posted it: look for it first. `orPost`: also where it can't be looked for, since being told
   * twice of a critical is better than never.
   */
  | { readonly kind: 'find'; readonly thenPost: boolean; readonly orPost: boolean }
  /** It is visible, and shows what was true before. */
  | { readonly kind: 'update' }
  /** It was never posted, and never will be. */
  | { readonly kind: 'close' }
  /** Its thread has to begin first. */
  | { readonly kind: 'wait' };

/** What a kind says of a message, as far as the next step depends on it. */
export interface Prospects {
  /** Whether it still has something to say. */
  readonly isWanted: boolean;
  /** What to do where an earlier attempt may have posted it: look for it, post it again, or give it up. */
  readonly unknownOutcome: 'find' | 'post_again' | 'close';
}

/** After so many attempts to find out what became of it, a critical is posted without knowing. */
export const SEARCHES_BEFORE_POSTING = 10;

/** Decides what to do next about a message that is owed. `attemptsBefore`: begun before this one. Pure. */
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
