import type { Alert } from './alert.js';
import type { Promotion } from './promotion.js';

/** A promotion past the first threshold, with its alerts so far. */
export interface StuckPromotion {
  readonly promotion: Promotion;
  readonly alerts: readonly Alert[];
  /** The highest repeat queued so far (0: none), and whether one still waits for its delivery. */
  readonly lastRepeat: number;
  readonly repeatPending: boolean;
}
