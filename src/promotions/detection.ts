import type { Alert } from './alert.js';
import type { Promotion } from './promotion.js';
import { type Severity, severityDue, type Thresholds } from './stuck.js';

/** A promotion that is past the first threshold, with what was already said about it. */
export interface StuckPromotion {
  readonly promotion: Promotion;
  readonly alerts: readonly Alert[];
  /** The highest repeat queued so far (0: none), and whether one still waits for its delivery. */
  readonly lastRepeat: number;
  readonly repeatPending: boolean;
}

export interface Opening {
  readonly promotionId: string;
  readonly severity: Severity;
}

export type DetectionAction =
  /** An alert with a message of its own. */
  | ({ readonly kind: 'open_alert' } & Opening)
  /** Alerts that are told in a summary, so many as are recorded at once. */
  | { readonly kind: 'open_grouped_alerts'; readonly alerts: readonly Opening[] }
  | { readonly kind: 'repeat_critical'; readonly promotionId: string; readonly ordinal: number }
  | { readonly kind: 'close_alerts'; readonly promotionIds: readonly string[] };

/** However many alerts of an hour may have a message of their own, as configured: a message each is for few. */
export const MOST_OWN_PER_HOUR = 50;

/** What the watchdog looked at, `stuck` the oldest first. */
export interface Gathered {
  readonly stuck: readonly StuckPromotion[];
  /** Promotions that are no longer deploying although an alert of theirs is open. */
  readonly endedPromotionIds: readonly string[];
  /** How many alerts were given a message of their own within the last hour, as far as it matters. */
  readonly ownLastHour: number;
}

/**
 * Decides what the watchdog has to record: alerts to open, criticals to repeat, and alerts to close because their
 * promotion ended without this app's help. Of many alerts, the oldest promotions' get a message of their own, up to
 * `ownPerHour` an hour; the others are told in a summary. Pure; the order of the answer is the order of the input, what
 * goes into a summary last.
 */
export function planDetection(
  gathered: Gathered,
  now: Date,
  thresholds: Thresholds,
  ownPerHour: number,
): DetectionAction[] {
  const actions: DetectionAction[] = byTheHundred(gathered.endedPromotionIds).map((promotionIds) => ({
    kind: 'close_alerts',
    promotionIds,
  }));
  const grouped: Opening[] = [];
  let ownLeft = ownPerHour - gathered.ownLastHour;
  for (const stuck of gathered.stuck) {
    const action = planOne(stuck, now, thresholds);
    if (action === null) continue;
    if (action.kind !== 'open_alert') actions.push(action);
    else if (isToldInSummary(stuck) || (isFirst(stuck) && ownLeft <= 0)) {
      grouped.push({ promotionId: action.promotionId, severity: action.severity });
    } else {
      actions.push(action);
      if (isFirst(stuck)) ownLeft -= 1;
    }
  }
  return [...actions, ...byTheHundred(grouped).map((alerts) => ({ kind: 'open_grouped_alerts' as const, alerts }))];
}

/** What is recorded at once: enough to be quick, and so little that whoever resolves one of them hardly waits. */
function byTheHundred<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / 100) }, (_, index) => all.slice(index * 100, (index + 1) * 100));
}

/** Whether nothing is open about a promotion so far. */
function isFirst(stuck: StuckPromotion): boolean {
  return stuck.alerts.every(({ state }) => state === 'closed');
}

/** What comes later is told where the first was. */
function isToldInSummary(stuck: StuckPromotion): boolean {
  return stuck.alerts.some(({ state, summaryId }) => state !== 'closed' && summaryId !== null);
}

type SingleAction = Exclude<DetectionAction, { kind: 'open_grouped_alerts' }>;

function planOne(stuck: StuckPromotion, now: Date, thresholds: Thresholds): SingleAction | null {
  const promotionId = stuck.promotion.id;
  const due = severityDue(stuck.promotion, now, thresholds);
  if (due === null) return null;

  // A closed alert on a row that is deploying belongs to an earlier life of the row: somebody set it back by hand.
  const open = stuck.alerts.filter((alert) => alert.state !== 'closed');
  const critical = open.find((alert) => alert.severity === 'critical');
  const warning = open.find((alert) => alert.severity === 'warning');
  // Once critical, always critical: a clock that jumps back must not open a milder alert beside it.
  if (critical === undefined && (due === 'critical' || warning === undefined)) {
    return { kind: 'open_alert', promotionId, severity: due };
  }
  // A summary calls again for all of its criticals at once.
  if (critical?.summaryId != null) return null;
  if (critical === undefined || critical.postedAt === null || stuck.repeatPending) return null;

  // Counted from the post, so that an outage of days yields one repeat, and a clock that jumps back yields none.
  const ordinal = Math.floor((now.getTime() - critical.postedAt.getTime()) / thresholds.repeatCriticalEveryMs);
  return ordinal > stuck.lastRepeat ? { kind: 'repeat_critical', promotionId, ordinal } : null;
}
