import { type AttentionRefusal, admit, type HeldAlert } from './ownership.js';
import type { Promotion } from './promotion.js';

/** While snoozed, nothing is repeated about a stuck promotion. */
export interface Snooze {
  /** A Slack user's id. */
  readonly by: string;
  readonly at: Date;
  readonly until: Date;
}

/** `09:00`: the next morning, in the person's time zone. */
export const SNOOZE_CHOICES = ['1h', '4h', '09:00'] as const;
export type SnoozeChoice = (typeof SNOOZE_CHOICES)[number];
export const MORNING_HOUR = 9;
/** If the next morning is nearer than this, take the one after it. */
export const MORNING_AT_LEAST_MS = 3_600_000;

const HOUR_MS = 3_600_000;
/** A critical can be snoozed for this long in all after it became critical. */
const CRITICAL_SNOOZE_MOST_MS = 24 * HOUR_MS;

/** null: it depends on an unknown time zone. */
export function snoozeUntil(choice: SnoozeChoice, now: Date, morning: () => Date | null): Date | null {
  switch (choice) {
    case '1h':
      return new Date(now.getTime() + HOUR_MS);
    case '4h':
      return new Date(now.getTime() + 4 * HOUR_MS);
    case '09:00':
      return morning();
  }
}

export interface HeldSnooze extends HeldAlert {
  /** Since when it is critical; null: it is a warning. */
  readonly criticalSince: Date | null;
  readonly snooze: Snooze | null;
}

export type SnoozeRefusal =
  | AttentionRefusal
  | { readonly kind: 'unknown_time_zone'; readonly promotion: Promotion }
  /** For a critical; `latest` may have passed. */
  | { readonly kind: 'too_long'; readonly promotion: Promotion; readonly latest: Date };
export type SnoozeDecision =
  | { readonly kind: 'snooze'; readonly promotion: Promotion; readonly until: Date }
  | SnoozeRefusal;

/**
 * A snooze too long for a critical is refused, not cut: whoever goes to sleep has to know how long it is quiet. A later
 * snooze replaces an earlier one.
 */
export function decideSnooze(held: HeldSnooze, until: Date | null): SnoozeDecision {
  const admitted = admit(held);
  if (admitted.kind !== 'admitted') return admitted;
  const { promotion } = admitted;
  if (until === null) return { kind: 'unknown_time_zone', promotion };
  if (held.criticalSince !== null) {
    const latest = new Date(held.criticalSince.getTime() + CRITICAL_SNOOZE_MOST_MS);
    if (until > latest) return { kind: 'too_long', promotion, latest };
  }
  return { kind: 'snooze', promotion, until };
}

export type UnsnoozeRefusal = AttentionRefusal | { readonly kind: 'not_snoozed'; readonly promotion: Promotion };
export type UnsnoozeDecision = { readonly kind: 'unsnooze'; readonly promotion: Promotion } | UnsnoozeRefusal;

export function decideUnsnooze(held: HeldSnooze): UnsnoozeDecision {
  const admitted = admit(held);
  if (admitted.kind !== 'admitted') return admitted;
  const { promotion } = admitted;
  return held.snooze === null ? { kind: 'not_snoozed', promotion } : { kind: 'unsnooze', promotion };
}

export function isOver(snooze: Snooze, now: Date): boolean {
  return now >= snooze.until;
}
