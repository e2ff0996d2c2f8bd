import type { MessageRef } from './alert.js';

/** The next step of a message that is posted once and then painted in place. */
export type MessageStep =
  | { readonly kind: 'post' }
  /** An earlier attempt may have posted it: look for it first. */
  | { readonly kind: 'find'; readonly thenPost: boolean }
  | { readonly kind: 'paint'; readonly message: MessageRef; readonly upTo: number }
  /** It was never sent and is no longer wanted. */
  | { readonly kind: 'withdraw' }
  | { readonly kind: 'done' };
