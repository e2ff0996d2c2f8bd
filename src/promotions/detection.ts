import { isOpen } from './alert.js';
import { type Attention, keepsBack } from './attention.js';
import { type Severity, severityDue, type Thresholds } from './stuck.js';
import type { StuckPromotion } from './stuck-promotion.js';

export interface AlertToOpen {
  readonly promotionId: string;
  readonly severity: Severity;
}

/** Alerts that go into one group. */
export interface AlertsToGroup {
  /** Where what is about their apps goes. */
  readonly channel: string;
  /** The group isn't posted before; null where it needn't wait. */
  readonly notBefore: Date | null;
  readonly alerts: readonly AlertToOpen[];
}

export type DetectionAction =
  /** An individual alert, which isn't posted before `notBefore`. */
  | ({ readonly kind: 'open_alert'; readonly notBefore?: Date } & AlertToOpen)
  /** Alerts for a group, as many as are recorded at once. */
  | ({ readonly kind: 'open_grouped_alerts' } & AlertsToGroup)
  | { readonly kind: 'repeat_critical'; readonly promotionId: string; readonly ordinal: number }
  | { readonly kind: 'close_alerts'; readonly promotionIds: readonly string[] };

/** However many individual alerts an hour may be configured: a message each is for few. */
export const MOST_INDIVIDUAL_PER_HOUR = 50;

/** What the watchdog looked at, `stuck` the oldest first. */
export interface Gathered {
  readonly stuck: readonly StuckPromotion[];
  /** Promotions that are no longer deploying, and are still shown as if they were. */
  readonly endedPromotionIds: readonly string[];
  readonly individualAlerts: readonly IndividualAlerts[];
}

/** How many individual alerts there are about a Heroku app. */
export interface IndividualAlerts {
  readonly herokuApp: string;
  /** Those that wait for the end of the quiet hours, however old; else those of the last hour. */
  readonly waits: boolean;
  readonly count: number;
}

/** What keeps the watchdog from saying all that it could. */
export interface Quiet {
  /** When the quiet hours of a Heroku app's warnings end; null where there are none now. */
  readonly quietUntil: (herokuApp: string) => Date | null;
  /** Who is on what, and what is snoozed, by the promotion. */
  readonly attention: ReadonlyMap<string, Attention>;
}

export interface Planning extends Quiet {
  /** How many individual alerts an hour each channel gets; the rest go into a group. */
  readonly individualPerHour: number;
  /** The channel to which what is about a Heroku app goes. */
  readonly channelOf: (herokuApp: string) => string;
}

/**
 * Decides what the watchdog has to record: alerts to open, criticals to repeat, and alerts to close because their promotion
 * ended without this app's help. The oldest promotions get individual alerts, up to `individualPerHour` per channel; the rest
 * go into a group there. Pure; the order of the answer is the order of the input, what goes into groups last.
 */
export function planDetection(
  gathered: Gathered,
  now: Date,
  thresholds: Thresholds,
  planning: Planning,
): DetectionAction[] {
  const actions: DetectionAction[] = byTheHundred(gathered.endedPromotionIds).map((promotionIds) => ({
    kind: 'close_alerts',
    promotionIds,
  }));
  const individual = individualBudget(gathered.individualAlerts, planning);
  const grouped = groups();
  for (const stuck of gathered.stuck) {
    const action = planOne(stuck, now, thresholds, planning);
    if (action === null) continue;
    if (action.kind !== 'open_alert') {
      actions.push(action);
      continue;
    }
    const { promotionId, severity, notBefore = null } = action;
    const channel = planning.channelOf(stuck.promotion.herokuApp);
    if (isGrouped(stuck) || (isFirst(stuck) && !individual.take(channel, notBefore !== null))) {
      grouped.add({ channel, notBefore }, { promotionId, severity });
    } else {
      actions.push(action);
    }
  }
  return [...actions, ...grouped.all().map((together) => ({ kind: 'open_grouped_alerts' as const, ...together }))];
}

/** Hands out individual alerts, to each channel as many as it may have. */
function individualBudget(given: readonly IndividualAlerts[], { individualPerHour, channelOf }: Planning) {
  // Those that wait for the end of the quiet hours come all at once then; until then they take nothing from a critical.
  const keyOf = (channel: string, waits: boolean) => `${waits} ${channel}`;
  const taken = new Map<string, number>();
  const add = (key: string, count: number) => taken.set(key, (taken.get(key) ?? 0) + count);
  for (const { herokuApp, waits, count } of given) add(keyOf(channelOf(herokuApp), waits), count);
  return {
    /** Whether there was one left. */
    take(channel: string, waits: boolean): boolean {
      const key = keyOf(channel, waits);
      if ((taken.get(key) ?? 0) >= individualPerHour) return false;
      add(key, 1);
      return true;
    },
  };
}

/** Sorts what is grouped by where and when it is posted. */
function groups() {
  const found = new Map<string, { where: Omit<AlertsToGroup, 'alerts'>; alerts: AlertToOpen[] }>();
  return {
    add(where: Omit<AlertsToGroup, 'alerts'>, alert: AlertToOpen): void {
      const key = `${where.notBefore?.getTime()} ${where.channel}`;
      const group = found.get(key) ?? { where, alerts: [] };
      group.alerts.push(alert);
      found.set(key, group);
    },
    all: (): AlertsToGroup[] =>
      [...found.values()].flatMap(({ where, alerts }) =>
        byTheHundred(alerts).map((part) => ({ ...where, alerts: part })),
      ),
  };
}

/** What is recorded at once: enough to be quick, and so little that whoever resolves one of them hardly waits. */
function byTheHundred<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / 100) }, (_, index) => all.slice(index * 100, (index + 1) * 100));
}

/** Whether nothing is open about a promotion so far. */
function isFirst(stuck: StuckPromotion): boolean {
  return !stuck.alerts.some(isOpen);
}

/** What comes later is told where the first was. */
function isGrouped(stuck: StuckPromotion): boolean {
  return stuck.alerts.some((alert) => isOpen(alert) && alert.groupId !== null);
}

type SingleAction = Exclude<DetectionAction, { kind: 'open_grouped_alerts' }>;

function planOne(stuck: StuckPromotion, now: Date, thresholds: Thresholds, quiet: Quiet): SingleAction | null {
  const promotionId = stuck.promotion.id;
  const due = severityDue(stuck.promotion, now, thresholds);
  if (due === null) return null;

  // A closed alert on a row that is deploying belongs to an earlier life of the row: somebody set it back by hand.
  const open = stuck.alerts.filter(isOpen);
  const critical = open.find((alert) => alert.severity === 'critical');
  const warning = open.find((alert) => alert.severity === 'warning');
  // Once critical, always critical: a clock that jumps back must not open a milder alert beside it.
  if (critical === undefined && (due === 'critical' || warning === undefined)) {
    // A critical always goes out.
    const notBefore = due === 'warning' ? quiet.quietUntil(stuck.promotion.herokuApp) : null;
    return { kind: 'open_alert', promotionId, severity: due, ...(notBefore === null ? {} : { notBefore }) };
  }
  return critical === undefined || critical.groupId !== null ? null : planRepeat(stuck, now, thresholds, quiet);
}

/** Counted from the post, so that an outage of days yields one repetition, and a clock that jumps back yields none. */
function planRepeat(stuck: StuckPromotion, now: Date, thresholds: Thresholds, quiet: Quiet): SingleAction | null {
  const { criticalToldAt: toldAt, promotion } = stuck;
  if (toldAt === null || stuck.repeatPending) return null;
  const every = thresholds.repeatCriticalEveryMs;
  const ordinal = Math.floor((now.getTime() - toldAt.getTime()) / every);
  const dueAt = new Date(toldAt.getTime() + ordinal * every);
  if (ordinal <= stuck.lastRepeat || keepsBack(quiet.attention.get(promotion.id), dueAt)) return null;
  return { kind: 'repeat_critical', promotionId: promotion.id, ordinal };
}
