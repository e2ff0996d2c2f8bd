import type { Severity } from './stuck.js';

/** A promotion is stuck: one alert per promotion and severity. What is said of it in Slack is the outbox's. */
export interface Alert {
  readonly id: string;
  readonly promotionId: string;
  /** As they were when it was opened: they say what it was about once the console deleted the promotion's row. */
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly severity: Severity;
  /** The group's message that tells of it; null where the promotion has an individual alert. */
  readonly groupId: string | null;
  readonly openedAt: Date;
  /** null while it is open. */
  readonly closedAt: Date | null;
  /** When the promotion's row was found deleted; null while it is there. */
  readonly vanishedAt: Date | null;
}

/** Where a message stands in Slack. */
export interface MessageRef {
  readonly channel: string;
  readonly ts: string;
}

export function isOpen(alert: Pick<Alert, 'closedAt'>): boolean {
  return alert.closedAt === null;
}

/** The gravest severity among some alerts. */
export function worstSeverity(alerts: readonly Pick<Alert, 'severity'>[]): Severity {
  return alerts.some((alert) => alert.severity === 'critical') ? 'critical' : 'warning';
}
