import { deployingSince, type Started } from './promotion.js';

/** Mildest first. A notice: not stuck yet, but Heroku or our own promoter proves that it won't end by itself. */
export const SEVERITIES = ['notice', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** How long a promotion may stay in `deploying`, in milliseconds. */
export interface Thresholds {
  /** When a notice is due, if something is proven; null: never. */
  readonly noticeAfterMs: number | null;
  readonly warningAfterMs: number;
  readonly criticalAfterMs: number;
  readonly repeatCriticalEveryMs: number;
}

/** Severity by age alone; null: not stuck yet. */
export function severityDue(promotion: Started, now: Date, thresholds: Thresholds): Exclude<Severity, 'notice'> | null {
  const elapsedMs = now.getTime() - deployingSince(promotion).getTime();
  if (elapsedMs >= thresholds.criticalAfterMs) return 'critical';
  if (elapsedMs >= thresholds.warningAfterMs) return 'warning';
  return null;
}
