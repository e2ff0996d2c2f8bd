import { type AttentionRefusal, admit, type HeldAlert } from './ownership.js';
import type { Promotion } from './promotion.js';

/** A stuck promotion about which nothing is repeated for a while. */
export interface Snooze {
  /** A Slack user's id. */
  readonly by: string;
  readonly at: Date;
  readonly until: Date;
}

/** `09:00`: until the next morning, where the person is. */
export const SNOOZE_CHOICES = ['1h', '4h', '09:00'] as const;
export type SnoozeChoice = (typeof SNOOZE_CHOICES)[number];
export const MORNING_HOUR = 9;
/** A morning nearer than this is no snooze: the next one is meant. */
export const MORNING_AT_LEAST_MS = 3_600_000;

const HOUR_MS = 3_600_000;
/** A critical can be silent for this long after it became one, in however many snoozes, and no longer. */
export const CRITICAL_SNOOZE_MOST_MS = 24 * HOUR_MS;

/** Until when; null where that depends on a time zone that nobody knows. */
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
  /** Since when it is critical; null while it is a warning. */
  readonly criticalSince: Date | null;
  readonly snooze: Snooze | null;
}

export type SnoozeRefusal =
  | AttentionRefusal
  | { readonly kind: 'unknown_time_zone'; readonly promotion: Promotion }
  /** A critical; `latest` may have passed. */
  | { readonly kind: 'too_long'; readonly promotion: Promotion; readonly latest: Date };
export type SnoozeDecision =
  | { readonly kind: 'snooze'; readonly promotion: Promotion; readonly until: Date }
  | SnoozeRefusal;

/**
 * Decides a snooze. One that is too long for a critical is refused rather than cut: whoever goes to sleep has to know until
 * when it is quiet. A later snooze takes the place of an earlier one.
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

/** Whether a snooze has run out. */
export function isOver(snooze: Snooze, now: Date): boolean {
  return now >= snooze.until;
}
