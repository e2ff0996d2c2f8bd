import type { RefusedRoute } from './routing.js';
import type { Severity } from './stuck.js';

/**
 * An alert: one per promotion and severity. It is one Slack message: either a message of its own in the channel
 * (the root, which carries the buttons), or, where a warning already stands there, a reply in that message's thread.
 * Where too many were opened at once it has no message: a summary tells of it.
 */
export interface Alert {
  readonly id: string;
  readonly promotionId: string;
  readonly severity: Severity;
  readonly state: 'pending' | 'posted' | 'closed';
  /** Where it is, or where the attempt that was begun last was sent. */
  readonly channel: string | null;
  /** The channel that it was meant for, where Slack did not let the app post there. */
  readonly refusedRoute: RefusedRoute | null;
  readonly messageTs: string | null;
  /** The root it was posted under, or the summary that tells of it; null where the alert is itself the root. */
  readonly threadTs: string | null;
  /** The summary it is told in; null where it has a message of its own. */
  readonly summaryId: string | null;
  readonly postedAt: Date | null;
  /** How often a delivery was begun. Above zero, Slack may hold a message that the row does not know of. */
  readonly attempts: number;
  /** A commit that changes what the root shows raises `repaintWanted`; painting brings `repaintDone` up to it. */
  readonly repaintWanted: number;
  readonly repaintDone: number;
  /** It went out without Heroku's answer, for which Heroku is asked again then; null where nothing is owed. */
  readonly evidenceDueAt: Date | null;
  /** When the row was inserted, by the database's own clock. */
  readonly createdAt: Date;
}

/** Where a promotion's conversation lives in Slack. */
export interface MessageRef {
  readonly channel: string;
  readonly ts: string;
}

/** The message that carries the buttons, where one was posted: the newest root wins. */
export function rootOf(alerts: readonly Alert[]): (Alert & { channel: string; messageTs: string }) | null {
  let root: (Alert & { channel: string; messageTs: string }) | null = null;
  for (const alert of alerts) {
    const { channel, messageTs } = alert;
    if (alert.threadTs !== null || channel === null || messageTs === null) continue;
    if (root === null || alert.createdAt.getTime() >= root.createdAt.getTime()) root = { ...alert, channel, messageTs };
  }
  return root;
}

/** Where replies about a promotion go: under its own message, else under the summary that tells of it. */
export function threadOf(alerts: readonly Alert[]): MessageRef | null {
  const root = rootOf(alerts);
  if (root !== null) return { channel: root.channel, ts: root.messageTs };
  const told = alerts.filter(({ summaryId }) => summaryId !== null).at(-1);
  return told?.channel == null || told.threadTs === null ? null : { channel: told.channel, ts: told.threadTs };
}

/** The gravest severity among the alerts that were opened. */
export function worstSeverity(alerts: readonly Pick<Alert, 'severity'>[]): Severity {
  return alerts.some((alert) => alert.severity === 'critical') ? 'critical' : 'warning';
}
