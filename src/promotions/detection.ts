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

/** Whether an alert gets a message of its own, or is told in a summary. */
export type Placement = 'own' | 'grouped';

export type DetectionAction =
  | {
      readonly kind: 'open_alert';
      readonly promotionId: string;
      readonly severity: Severity;
      readonly placement: Placement;
    }
  | { readonly kind: 'repeat_critical'; readonly promotionId: string; readonly ordinal: number }
  | { readonly kind: 'close_alerts'; readonly promotionId: string };

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
 * `ownPerHour` an hour; the others are told in a summary. Pure; the order of the answer is the order of the input.
 */
export function planDetection(
  gathered: Gathered,
  now: Date,
  thresholds: Thresholds,
  ownPerHour: number,
): DetectionAction[] {
  const actions: DetectionAction[] = gathered.endedPromotionIds.map((promotionId) => ({
    kind: 'close_alerts',
    promotionId,
  }));
  let ownLeft = ownPerHour - gathered.ownLastHour;
  for (const stuck of gathered.stuck) {
    const action = planOne(stuck, now, thresholds, ownLeft > 0 ? 'own' : 'grouped');
    if (action === null) continue;
    actions.push(action);
    if (action.kind === 'open_alert' && action.placement === 'own' && isFirst(stuck)) ownLeft -= 1;
  }
  return actions;
}

/** Whether nothing is open about a promotion so far: what comes later goes where the first went. */
function isFirst(stuck: StuckPromotion): boolean {
  return stuck.alerts.every(({ state }) => state === 'closed');
}

function planOne(
  stuck: StuckPromotion,
  now: Date,
  thresholds: Thresholds,
  placementOfFirst: Placement,
): DetectionAction | null {
  const promotionId = stuck.promotion.id;
  const due = severityDue(stuck.promotion, now, thresholds);
  if (due === null) return null;

  // A closed alert on a row that is deploying belongs to an earlier life of the row: somebody set it back by hand.
  const open = stuck.alerts.filter((alert) => alert.state !== 'closed');
  const critical = open.find((alert) => alert.severity === 'critical');
  const warning = open.find((alert) => alert.severity === 'warning');
  // Once critical, always critical: a clock that jumps back must not open a milder alert beside it.
  if (critical === undefined && (due === 'critical' || warning === undefined)) {
    const placement =
      warning === undefined ? placementOfFirst : warning.summaryId === null ? 'own' : ('grouped' as const);
    return { kind: 'open_alert', promotionId, severity: due, placement };
  }
  // A summary calls again for all of its criticals at once.
  if (critical?.summaryId != null) return null;
  if (critical === undefined || critical.postedAt === null || stuck.repeatPending) return null;

  // Counted from the post, so that an outage of days yields one repeat, and a clock that jumps back yields none.
  const ordinal = Math.floor((now.getTime() - critical.postedAt.getTime()) / thresholds.repeatCriticalEveryMs);
  return ordinal > stuck.lastRepeat ? { kind: 'repeat_critical', promotionId, ordinal } : null;
}
