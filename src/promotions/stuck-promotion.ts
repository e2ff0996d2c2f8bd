import type { Alert } from './alert.js';
import type { Promotion } from './promotion.js';

/** A promotion that is past the first threshold, with what was already said about it. */
export interface StuckPromotion {
  readonly promotion: Promotion;
  readonly alerts: readonly Alert[];
  /** When people were told that it is critical; null where they weren't. */
  readonly criticalToldAt: Date | null;
  /** The highest repetition queued so far (0: none), and whether one is still on its way. */
  readonly lastRepeat: number;
  readonly repeatPending: boolean;
}
