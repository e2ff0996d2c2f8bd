import { type AcceptedRelease, wasHeldAlready } from './progress.js';
import { parseCheckpoint } from './promoting.js';
import type { Promotion } from './promotion.js';

/** What reverting a promotion would set. */
export type SetBack =
  /** The previous value; null: the config var wasn't set. */
  | { readonly kind: 'known'; readonly value: string | null }
  /** It held the target before: nothing to revert. */
  | { readonly kind: 'held_already' }
  /** This app may not set its config var. */
  | { readonly kind: 'not_allowed' }
  | { readonly kind: 'unknown' };

/** The prefix of a sealed value on record. If it is still there on reading, the key is lost. */
export const SEALED_VALUE = 'sealed:';

/**
 * What reverting would set, as far as known. Another system's row tells only by its `previous_value`; in a row of ours,
 * none recorded means that the config var wasn't set.
 */
export function setBackOf(promotion: Promotion, accepted: AcceptedRelease | null): SetBack {
  if (wasHeldAlready({ promotion, accepted })) return { kind: 'held_already' };
  const { previousValue, targetValue } = promotion;
  const isOurs = accepted !== null && parseCheckpoint(promotion.checkpoint).kind === 'pending_commit';
  if (previousValue === null && !isOurs) return { kind: 'unknown' };
  if (previousValue?.startsWith(SEALED_VALUE)) return { kind: 'unknown' };
  return previousValue === targetValue ? { kind: 'held_already' } : { kind: 'known', value: previousValue };
}
