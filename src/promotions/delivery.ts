import type { Alert, MessageRef } from './alert.js';
import { rootOf } from './alert.js';
import { isDeploying, type Promotion } from './promotion.js';

/** What is known about an alert at the moment a delivery was claimed. */
export interface AlertWork {
  readonly alert: Alert;
  readonly promotion: Promotion;
  /** All alerts of the promotion, this one included. */
  readonly alerts: readonly Alert[];
}

export type AlertStep =
  /** Post it: as a root (thread null), or as a reply under the warning's message. */
  | { readonly kind: 'post'; readonly thread: MessageRef | null }
  /** An earlier attempt may have posted it: look for it first. */
  | { readonly kind: 'find'; readonly thread: MessageRef | null; readonly thenPost: boolean }
  /** It was never sent and is no longer wanted. */
  | { readonly kind: 'withdraw' }
  /** The warning of the same promotion has to be settled first. */
  | { readonly kind: 'wait' }
  /** The message stands but shows what was true before. */
  | { readonly kind: 'paint'; readonly message: MessageRef; readonly upTo: number }
  | { readonly kind: 'done' };

/** A critical does not wait for ever for a warning whose fate cannot be learned. */
const ATTEMPTS_TO_WAIT_FOR = 10;

/** Decides the next step of delivering one alert. Pure. */
export function nextAlertStep(work: AlertWork, attemptsBefore: number, now: Date): AlertStep {
  const { alert } = work;
  if (alert.state === 'pending') return stepBeforePost(work, attemptsBefore);
  const owesEvidence = alert.evidenceDueAt !== null && alert.evidenceDueAt <= now;
  if (alert.repaintWanted > alert.repaintDone || owesEvidence) {
    const { channel, messageTs } = alert;
    if (channel !== null && messageTs !== null && alert.threadTs === null) {
      return { kind: 'paint', message: { channel, ts: messageTs }, upTo: alert.repaintWanted };
    }
  }
  return { kind: 'done' };
}

function stepBeforePost({ alert, promotion, alerts }: AlertWork, attemptsBefore: number): AlertStep {
  const others = alerts.filter((other) => other.id !== alert.id && other.state !== 'closed');
  const root = rootOf(others);
  const thread = root === null ? null : { channel: root.channel, ts: root.messageTs };
  const superseded = alert.severity === 'warning' && others.some((other) => other.severity === 'critical');
  const wanted = isDeploying(promotion) && !superseded;
  if (!wanted) return attemptsBefore === 0 ? { kind: 'withdraw' } : { kind: 'find', thread, thenPost: false };
  const isUndecided = (other: Alert) =>
    other.severity === 'warning' && other.state === 'pending' && other.attempts < ATTEMPTS_TO_WAIT_FOR;
  if (others.some(isUndecided)) return { kind: 'wait' };
  return attemptsBefore === 0 ? { kind: 'post', thread } : { kind: 'find', thread, thenPost: true };
}

/** How the attempt to reach Slack ended, as far as the next attempt is concerned. */
export type FailedAttempt =
  /** Slack said no, or was never reached: nothing was posted. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number }
  /** Slack may still be working on it. */
  | { readonly kind: 'unknown_outcome' };

const BACK_OFF_FIRST_MS = 5_000;
const BACK_OFF_MOST_MS = 15 * 60_000;
/** A request that we gave up on can still take effect at Slack; looking for it any sooner could miss it. */
export const SETTLE_MS = 30_000;

/**
 * How long to wait, in milliseconds, before attempt number `attempts + 1`. Doubles up to a quarter of an hour, with
 * jitter so that replicas do not knock in step. `random` yields [0, 1).
 */
export function backOffMs(failure: FailedAttempt, attempts: number, random: () => number): number {
  const exponential = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** Math.max(0, attempts - 1));
  const jittered = exponential * (0.5 + random() / 2);
  switch (failure.kind) {
    case 'refused':
      return jittered;
    case 'rate_limited':
      return failure.retryAfterMs + random() * 1_000;
    case 'unknown_outcome':
      return Math.max(SETTLE_MS, jittered);
  }
}
