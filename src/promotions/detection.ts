import { isOpen } from './alert.js';
import { type Attention, keepsBack } from './attention.js';
import type { Promotion } from './promotion.js';
import { oncePerApp } from './routing.js';
import { type Severity, severityDue, type Thresholds } from './stuck.js';
import type { StuckPromotion } from './stuck-promotion.js';

export interface AlertToOpen {
  readonly promotionId: string;
  readonly severity: Severity;
  /** Don't open it if somebody holds the promotion's lease: they are about to end it. */
  readonly unlessLeased?: boolean;
}

export interface AlertsToGroup {
  /** The channel of their apps' route. */
  readonly channel: string;
  /** When the group may be posted; null: at once. */
  readonly notBefore: Date | null;
  readonly alerts: readonly AlertToOpen[];
}

export type DetectionAction =
  /** An individual alert, posted no sooner than `notBefore`. */
  | ({ readonly kind: 'open_alert'; readonly notBefore?: Date } & AlertToOpen)
  /** Alerts for a group, as many as are recorded at once. */
  | ({ readonly kind: 'open_grouped_alerts' } & AlertsToGroup)
  | { readonly kind: 'repeat_critical'; readonly promotionId: string; readonly ordinal: number }
  | { readonly kind: 'close_alerts'; readonly promotionIds: readonly string[] };

/** The most individual alerts an hour that may be configured. */
export const MOST_INDIVIDUAL_PER_HOUR = 50;

/** What the watchdog found; `stuck` has the oldest first. */
export interface Gathered {
  readonly stuck: readonly StuckPromotion[];
  /** No longer deploying, but with alerts still open. */
  readonly endedPromotionIds: readonly string[];
  readonly individualAlerts: readonly IndividualAlerts[];
}

export interface IndividualAlerts {
  readonly herokuApp: string;
  /** Whether they wait for the end of the quiet hours (however old), or are of the last hour. */
  readonly waits: boolean;
  readonly count: number;
}

interface Quiet {
  /** When the quiet hours for an app's warnings end; null if there are none now. */
  readonly quietUntil: (herokuApp: string) => Date | null;
  /** By the promotion's id. */
  readonly attention: ReadonlyMap<string, Attention>;
}

export interface Planning extends Quiet {
  /** How many individual alerts an hour each channel gets; the rest are grouped. */
  readonly individualPerHour: number;
  readonly channelOf: (herokuApp: string) => string;
}

/**
 * Decides which alerts to open, which criticals to repeat, and which alerts of promotions that ended elsewhere to
 * close. The oldest get individual alerts, up to the channel's limit; the rest are grouped. Pure; in the input's order,
 * groups last.
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
  const routed = routedOnce(planning);
  const openings = sortOpenings(gathered.individualAlerts, routed);
  for (const stuck of gathered.stuck) {
    const action = planOne(stuck, now, thresholds, routed);
    if (action === null) continue;
    if (action.kind !== 'open_alert') actions.push(action);
    else if (openings.isIndividual(stuck.promotion, action, stuck)) actions.push(action);
  }
  return [...actions, ...openings.grouped()];
}

/** A promotion that a notice is due for. */
export interface NoticeDue {
  readonly promotion: Pick<Promotion, 'id' | 'herokuApp'>;
  readonly unlessLeased: boolean;
}

/** Decides how notices open: they wait and are grouped as {@link planDetection} does with warnings. */
export function planNotices(
  due: readonly NoticeDue[],
  individualAlerts: readonly IndividualAlerts[],
  planning: Omit<Planning, 'attention'>,
): DetectionAction[] {
  const routed = routedOnce(planning);
  const openings = sortOpenings(individualAlerts, routed);
  const individual = due.flatMap(({ promotion, unlessLeased }): DetectionAction[] => {
    const notBefore = routed.quietUntil(promotion.herokuApp);
    const action = {
      kind: 'open_alert' as const,
      promotionId: promotion.id,
      severity: 'notice' as const,
      ...(unlessLeased ? { unlessLeased } : {}),
      ...(notBefore === null ? {} : { notBefore }),
    };
    return openings.isIndividual(promotion, action, { alerts: [] }) ? [action] : [];
  });
  return [...individual, ...openings.grouped()];
}

function routedOnce<T extends Pick<Planning, 'channelOf' | 'quietUntil'>>(planning: T): T {
  return { ...planning, channelOf: oncePerApp(planning.channelOf), quietUntil: oncePerApp(planning.quietUntil) };
}

/** Sorts individual alerts from grouped ones, and keeps the grouped. */
function sortOpenings(given: readonly IndividualAlerts[], planning: Omit<Planning, 'attention'>) {
  const individual = individualBudget(given, planning);
  const together = groups();
  return {
    isIndividual(
      { herokuApp }: Pick<Promotion, 'herokuApp'>,
      { promotionId, severity, unlessLeased, notBefore }: AlertToOpen & { readonly notBefore?: Date },
      told: Pick<StuckPromotion, 'alerts'>,
    ): boolean {
      const channel = planning.channelOf(herokuApp);
      if (!isGrouped(told) && (!isFirst(told) || individual.take(channel, notBefore !== undefined))) return true;
      const alert = { promotionId, severity, ...(unlessLeased === undefined ? {} : { unlessLeased }) };
      together.add({ channel, notBefore: notBefore ?? null }, alert);
      return false;
    },
    grouped: (): DetectionAction[] => together.all().map((group) => ({ kind: 'open_grouped_alerts', ...group })),
  };
}

/** Counts each channel's individual alerts against its limit. */
function individualBudget(
  given: readonly IndividualAlerts[],
  { individualPerHour, channelOf }: Pick<Planning, 'individualPerHour' | 'channelOf'>,
) {
  // Those that wait all come when the quiet hours end; until then they take no slot from a critical.
  const [waiting, atOnce] = [new Map<string, number>(), new Map<string, number>()];
  const add = (taken: Map<string, number>, channel: string, count: number) =>
    taken.set(channel, (taken.get(channel) ?? 0) + count);
  for (const { herokuApp, waits, count } of given) add(waits ? waiting : atOnce, channelOf(herokuApp), count);
  return {
    /** Whether one was left. */
    take(channel: string, waits: boolean): boolean {
      const taken = waits ? waiting : atOnce;
      if ((taken.get(channel) ?? 0) >= individualPerHour) return false;
      add(taken, channel, 1);
      return true;
    },
  };
}

/** Groups alerts by channel and time. */
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

/** Quick in total, yet a person who resolves one of them hardly waits for the lock. */
function byTheHundred<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / 100) }, (_, index) => all.slice(index * 100, (index + 1) * 100));
}

function isFirst(stuck: Pick<StuckPromotion, 'alerts'>): boolean {
  return !stuck.alerts.some(isOpen);
}

/** Later alerts of a grouped promotion stay in its group. */
function isGrouped(stuck: Pick<StuckPromotion, 'alerts'>): boolean {
  return stuck.alerts.some((alert) => isOpen(alert) && alert.groupId !== null);
}

type SingleAction = Exclude<DetectionAction, { kind: 'open_grouped_alerts' }>;

function planOne(stuck: StuckPromotion, now: Date, thresholds: Thresholds, quiet: Quiet): SingleAction | null {
  const promotionId = stuck.promotion.id;
  const due = severityDue(stuck.promotion, now, thresholds);
  if (due === null) return null;

  // A closed alert on a deploying row is from before somebody set it to deploying again by hand.
  const open = stuck.alerts.filter(isOpen);
  const critical = open.find((alert) => alert.severity === 'critical');
  const warning = open.find((alert) => alert.severity === 'warning');
  // Once critical, always critical: a clock that jumps back must not open a milder alert beside it.
  if (critical === undefined && (due === 'critical' || warning === undefined)) {
    // Quiet hours never delay a critical.
    const notBefore = due === 'warning' ? quiet.quietUntil(stuck.promotion.herokuApp) : null;
    return { kind: 'open_alert', promotionId, severity: due, ...(notBefore === null ? {} : { notBefore }) };
  }
  return critical === undefined || critical.groupId !== null ? null : planRepeat(stuck, now, thresholds, quiet);
}

/** Counted from the post: an outage of days yields one repetition, a clock that jumps back none. */
function planRepeat(stuck: StuckPromotion, now: Date, thresholds: Thresholds, quiet: Quiet): SingleAction | null {
  const { criticalToldAt: toldAt, promotion } = stuck;
  if (toldAt === null || stuck.repeatPending) return null;
  const every = thresholds.repeatCriticalEveryMs;
  const ordinal = Math.floor((now.getTime() - toldAt.getTime()) / every);
  const dueAt = new Date(toldAt.getTime() + ordinal * every);
  if (ordinal <= stuck.lastRepeat || keepsBack(quiet.attention.get(promotion.id), dueAt)) return null;
  return { kind: 'repeat_critical', promotionId: promotion.id, ordinal };
}
