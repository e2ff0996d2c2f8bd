import { type Attention, keepsBack } from './attention.js';
import { type Severity, severityDue, type Thresholds } from './stuck.js';
import type { StuckPromotion } from './stuck-promotion.js';

export interface Opening {
  readonly promotionId: string;
  readonly severity: Severity;
}

/** Alerts that one message in a channel tells of. */
export interface OpeningTogether {
  /** Where what is about their apps goes. */
  readonly channel: string;
  /** The summary is not posted before; null where it need not wait. */
  readonly heldUntil: Date | null;
  readonly alerts: readonly Opening[];
}

export type DetectionAction =
  /** An alert with a message of its own. */
  | ({
      readonly kind: 'open_alert';
      /** It is not posted before. */
      readonly heldUntil?: Date;
    } & Opening)
  /** Alerts that are told in a summary, so many as are recorded at once. */
  | ({ readonly kind: 'open_grouped_alerts' } & OpeningTogether)
  | { readonly kind: 'repeat_critical'; readonly promotionId: string; readonly ordinal: number }
  | { readonly kind: 'close_alerts'; readonly promotionIds: readonly string[] };

/** However many alerts of an hour may have a message of their own, as configured: a message each is for few. */
export const MOST_OWN_PER_HOUR = 50;

/** What the watchdog looked at, `stuck` the oldest first. */
export interface Gathered {
  readonly stuck: readonly StuckPromotion[];
  /** Promotions that are no longer deploying although an alert of theirs is open. */
  readonly endedPromotionIds: readonly string[];
  /** The alerts that were given a message of their own within the last hour, or wait for one. */
  readonly ownMessages: readonly OwnMessages[];
}

/** How many alerts about a Heroku app have a message of their own. */
export interface OwnMessages {
  readonly herokuApp: string;
  /** Whether they are those that are held back still, however old, or those of the last hour. */
  readonly held: boolean;
  readonly count: number;
}

/** What keeps the watchdog from saying all that it could. */
export interface Quiet {
  /** When the quiet hours of a Heroku app's warnings end; null where there are none now. */
  readonly heldUntil: (herokuApp: string) => Date | null;
  /** Who is on what, and what is snoozed, by the promotion. */
  readonly attention: ReadonlyMap<string, Attention>;
}

export interface Planning extends Quiet {
  /** How many alerts of an hour get a message of their own in each channel; what else there is, is told in a summary. */
  readonly ownPerHour: number;
  /** The channel to which what is about a Heroku app goes. */
  readonly channelOf: (herokuApp: string) => string;
}

/**
 * Decides what the watchdog has to record: alerts to open, criticals to repeat, and alerts to close because their
 * promotion ended without this app's help. Of many alerts, the oldest promotions' get a message of their own, up to
 * `ownPerHour` an hour and channel; the others are told in a summary in theirs. Pure; the order of the answer is the order
 * of the input, what goes into a summary last.
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
  const own = ownMessages(gathered.ownMessages, planning);
  const grouped = groups();
  for (const stuck of gathered.stuck) {
    const action = planOne(stuck, now, thresholds, planning);
    if (action === null) continue;
    if (action.kind !== 'open_alert') {
      actions.push(action);
      continue;
    }
    const { promotionId, severity, heldUntil = null } = action;
    const channel = planning.channelOf(stuck.promotion.herokuApp);
    if (isToldInSummary(stuck) || (isFirst(stuck) && !own.take(channel, heldUntil !== null))) {
      grouped.add({ channel, heldUntil }, { promotionId, severity });
    } else {
      actions.push(action);
    }
  }
  return [...actions, ...grouped.all().map((together) => ({ kind: 'open_grouped_alerts' as const, ...together }))];
}

/** Gives messages of their own away, to each channel as many as there may be. */
function ownMessages(given: readonly OwnMessages[], { ownPerHour, channelOf }: Planning) {
  // Those that wait for the end of the quiet hours come all at once then; until then they take nothing from a critical.
  const keyOf = (channel: string, held: boolean) => `${held ? 'held' : 'now'} ${channel}`;
  const taken = new Map<string, number>();
  const add = (key: string, count: number) => taken.set(key, (taken.get(key) ?? 0) + count);
  for (const { herokuApp, held, count } of given) add(keyOf(channelOf(herokuApp), held), count);
  return {
    /** Whether there was one left. */
    take(channel: string, held: boolean): boolean {
      const key = keyOf(channel, held);
      if ((taken.get(key) ?? 0) >= ownPerHour) return false;
      add(key, 1);
      return true;
    },
  };
}

/** Sorts what is told together by where and when it is told. */
function groups() {
  const found = new Map<string, { where: Omit<OpeningTogether, 'alerts'>; alerts: Opening[] }>();
  return {
    add(where: Omit<OpeningTogether, 'alerts'>, opening: Opening): void {
      const key = `${where.heldUntil?.getTime() ?? ''} ${where.channel}`;
      const group = found.get(key) ?? { where, alerts: [] };
      group.alerts.push(opening);
      found.set(key, group);
    },
    all: (): OpeningTogether[] =>
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
  return stuck.alerts.every(({ state }) => state === 'closed');
}

/** What comes later is told where the first was. */
function isToldInSummary(stuck: StuckPromotion): boolean {
  return stuck.alerts.some(({ state, summaryId }) => state !== 'closed' && summaryId !== null);
}

type SingleAction = Exclude<DetectionAction, { kind: 'open_grouped_alerts' }>;

function planOne(stuck: StuckPromotion, now: Date, thresholds: Thresholds, quiet: Quiet): SingleAction | null {
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
  // A summary calls again for all of its criticals at once.
  if (critical?.summaryId != null) return null;
  if (critical === undefined || critical.postedAt === null || stuck.repeatPending) return null;

  // Counted from the post, so that an outage of days yields one repeat, and a clock that jumps back yields none.
  const ordinal = Math.floor((now.getTime() - critical.postedAt.getTime()) / thresholds.repeatCriticalEveryMs);
  const dueAt = new Date(critical.postedAt.getTime() + ordinal * thresholds.repeatCriticalEveryMs);
  if (ordinal <= stuck.lastRepeat || keepsBack(quiet.attention.get(promotionId), dueAt)) return null;
  return { kind: 'repeat_critical', promotionId, ordinal };
}
