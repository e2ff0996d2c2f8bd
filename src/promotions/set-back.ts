import { type AcceptedRelease, wasHeldAlready } from './progress.js';
import { parseCheckpoint } from './promoting.js';
import type { Promotion } from './promotion.js';

/** What it takes to set a promotion back. */
export type SetBack =
  /** What the config var held before; null: it was not set. */
  | { readonly kind: 'known'; readonly value: string | null }
  /** It held the target before: there is nothing to set back. */
  | { readonly kind: 'held_already' }
  /** This app may not set its config var. */
  | { readonly kind: 'not_allowed' }
  | { readonly kind: 'unknown' };

/**
 * What it takes to set a promotion back, as far as that is known: another system's row tells it by a recorded
 * `previous_value` alone, a row of ours also by having recorded none when it set the value.
 */
export function setBackOf(promotion: Promotion, accepted: AcceptedRelease | null): SetBack {
  if (wasHeldAlready({ promotion, accepted })) return { kind: 'held_already' };
  const { previousValue, targetValue } = promotion;
  const isOurs = accepted !== null && parseCheckpoint(promotion.checkpoint).kind === 'pending_commit';
  if (previousValue === null && !isOurs) return { kind: 'unknown' };
  return previousValue === targetValue ? { kind: 'held_already' } : { kind: 'known', value: previousValue };
}
