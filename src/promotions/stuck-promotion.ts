import type { Alert } from './alert.js';
import type { Promotion } from './promotion.js';

export interface StuckPromotion {
  readonly promotion: Promotion;
  readonly alerts: readonly Alert[];
  /** When people were told that it is critical; null: not yet. */
  readonly criticalToldAt: Date | null;
  /** The highest repetition queued so far (0: none), and whether one is still pending. */
  readonly lastRepeat: number;
  readonly repeatPending: boolean;
}
