import type { Alert } from './alert.js';
import { type Attention, keepsBack } from './attention.js';
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

export type DetectionAction =
  | {
      readonly kind: 'open_alert';
      readonly promotionId: string;
      readonly severity: Severity;
      /** It is not posted before. */
      readonly heldUntil?: Date;
    }
  | { readonly kind: 'repeat_critical'; readonly promotionId: string; readonly ordinal: number }
  | { readonly kind: 'close_alerts'; readonly promotionId: string };

/** What keeps the watchdog from saying all that it could. */
export interface Quiet {
  /** When the quiet hours of a Heroku app's warnings end; null where there are none now. */
  readonly heldUntil: (herokuApp: string) => Date | null;
  /** Who is on what, and what is snoozed, by the promotion. */
  readonly attention: ReadonlyMap<string, Attention>;
}

const NEVER_QUIET: Quiet = { heldUntil: () => null, attention: new Map() };

/**
 * Decides what the watchdog has to record: alerts to open, criticals to repeat, and alerts to close because their
 * promotion ended without this app's help. Pure; the order of the answer is the order of the input.
 */
export function planDetection(
  gathered: { readonly stuck: readonly StuckPromotion[]; readonly endedPromotionIds: readonly string[] },
  now: Date,
  thresholds: Thresholds,
  quiet: Quiet = NEVER_QUIET,
): DetectionAction[] {
  const actions: DetectionAction[] = gathered.endedPromotionIds.map((promotionId) => ({
    kind: 'close_alerts',
    promotionId,
  }));
  for (const stuck of gathered.stuck) {
    const action = planOne(stuck, now, thresholds, quiet);
    if (action !== null) actions.push(action);
  }
  return actions;
}

function planOne(stuck: StuckPromotion, now: Date, thresholds: Thresholds, quiet: Quiet): DetectionAction | null {
  const promotionId = stuck.promotion.id;
  const due = severityDue(stuck.promotion, now, thresholds);
  if (due === null) return null;

  // A closed alert on a row that is deploying belongs to an earlier life of the row: somebody set it back by hand.
  const open = stuck.alerts.filter((alert) => alert.state !== 'closed');
  const critical = open.find((alert) => alert.severity === 'critical');
  const warning = open.find((alert) => alert.severity === 'warning');
  // Once critical, always critical: a clock that jumps back must not open a milder alert beside it.
  if (critical === undefined && (due === 'critical' || warning === undefined)) {
    // A critical always goes out.
    const heldUntil = due === 'warning' ? quiet.heldUntil(stuck.promotion.herokuApp) : null;
    return { kind: 'open_alert', promotionId, severity: due, ...(heldUntil === null ? {} : { heldUntil }) };
  }
  if (critical === undefined || critical.postedAt === null || stuck.repeatPending) return null;

  // Counted from the post, so that an outage of days yields one repeat, and a clock that jumps back yields none.
  const ordinal = Math.floor((now.getTime() - critical.postedAt.getTime()) / thresholds.repeatCriticalEveryMs);
  const dueAt = new Date(critical.postedAt.getTime() + ordinal * thresholds.repeatCriticalEveryMs);
  if (ordinal <= stuck.lastRepeat || keepsBack(quiet.attention.get(promotionId), dueAt)) return null;
  return { kind: 'repeat_critical', promotionId, ordinal };
}
