import { deployingSince, type Started } from './promotion.js';

export const SEVERITIES = ['warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How long a promotion may stay in `deploying`; all in milliseconds. */
export interface Thresholds {
  readonly warningAfterMs: number;
  readonly criticalAfterMs: number;
  readonly repeatCriticalEveryMs: number;
}

/** The severity that a promotion in `deploying` has earned by `now`; null while it is within its time. */
export function severityDue(promotion: Started, now: Date, thresholds: Thresholds): Severity | null {
  const elapsedMs = now.getTime() - deployingSince(promotion).getTime();
  if (elapsedMs >= thresholds.criticalAfterMs) return 'critical';
  if (elapsedMs >= thresholds.warningAfterMs) return 'warning';
  return null;
}
