import { type AcceptedRelease, wasHeldAlready } from './progress.js';
import { parseCheckpoint } from './promoting.js';
import type { Promotion } from './promotion.js';

/** What a config var held before a promotion changed it; null: it was not set. */
export interface SetBack {
  readonly value: string | null;
}

/**
 * What it takes to set a promotion back, as far as that is known: another system's row tells it by a recorded
 * `previous_value` alone, a row of ours also by having recorded none when it set the value. Null where nobody knows, or
 * where the value was there before the promotion began: then there is nothing to set back.
 */
export function setBackOf(promotion: Promotion, accepted: AcceptedRelease | null): SetBack | null {
  if (wasHeldAlready({ promotion, accepted })) return null;
  const { previousValue, targetValue } = promotion;
  const isOurs = accepted !== null && parseCheckpoint(promotion.checkpoint).kind === 'pending_commit';
  if (previousValue === null && !isOurs) return null;
  return previousValue === targetValue ? null : { value: previousValue };
}
