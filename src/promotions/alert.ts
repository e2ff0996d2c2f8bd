import { SEVERITIES, type Severity } from './stuck.js';

/** One alert per promotion and severity. The outbox holds its messages. */
export interface Alert {
  readonly id: string;
  readonly promotionId: string;
  /** As of its opening: they name it even if the console deletes the row. */
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly severity: Severity;
  /** The group that its message is in; null: it has an individual alert. */
  readonly groupId: string | null;
  readonly openedAt: Date;
  /** null while it is open. */
  readonly closedAt: Date | null;
  /** When the promotion's row was found deleted; null: it is there. */
  readonly vanishedAt: Date | null;
}

export interface MessageRef {
  readonly channel: string;
  readonly ts: string;
}

export function isOpen(alert: Pick<Alert, 'closedAt'>): boolean {
  return alert.closedAt === null;
}

/** The gravest severity among the alerts; `warning` if there are none. */
export function worstSeverity(alerts: readonly Pick<Alert, 'severity'>[]): Severity {
  return SEVERITIES.findLast((severity) => alerts.some((alert) => alert.severity === severity)) ?? 'warning';
}
