import type { MessageRef } from './alert.js';
import type { MessageStep } from './message.js';
import type { Promotion } from './promotion.js';
import type { RefusedRoute } from './routing.js';

/** The one message that tells how a promotion goes, as its row stands. */
export interface Progress {
  readonly promotionId: string;
  readonly state: 'pending' | 'posted' | 'closed';
  /** Since when another value is known to be on Heroku than the one that was set. */
  readonly driftNoticedAt: Date | null;
  /** Where the attempt that was begun last was sent. */
  readonly channel: string | null;
  /** The channel that it was meant for, where Slack did not let the app post there. */
  readonly refusedRoute: RefusedRoute | null;
  /** Where it stands in Slack; null before it was posted. */
  readonly message: MessageRef | null;
  /** A commit that changes what the message shows raises `repaintWanted`; painting brings `repaintDone` up to it. */
  readonly repaintWanted: number;
  readonly repaintDone: number;
  /** The promotion's state as the message shows it; null before it was first painted. */
  readonly shownState: string | null;
  /** When the row was inserted, by the database's own clock. */
  readonly createdAt: Date;
}

/** The release in which Heroku holds the change, as the audit trail has it. */
export interface AcceptedRelease {
  readonly at: Date;
  readonly version: number | null;
  /** When Heroku made it, in whole seconds; null where the event does not say. */
  readonly createdAt: Date | null;
}

/** Everything that the message says. */
export interface ProgressFacts {
  readonly promotion: Promotion;
  readonly accepted: AcceptedRelease | null;
  readonly driftNoticedAt: Date | null;
}

/** Decides the next step of delivering a progress message. Pure. */
export function nextProgressStep(
  progress: Progress,
  promotion: Pick<Promotion, 'state'>,
  attemptsBefore: number,
): MessageStep {
  if (progress.state === 'pending') return attemptsBefore === 0 ? { kind: 'post' } : { kind: 'find', thenPost: true };
  const behind = progress.repaintWanted > progress.repaintDone || progress.shownState !== promotion.state;
  if (progress.state === 'posted' && progress.message !== null && behind) {
    return { kind: 'paint', message: progress.message, upTo: progress.repaintWanted };
  }
  return { kind: 'done' };
}

/** Whether Heroku held the target before the promotion began, so that nothing was set and nothing restarted. */
export function wasHeldAlready(facts: Pick<ProgressFacts, 'promotion' | 'accepted'>): boolean {
  const madeAt = facts.accepted?.createdAt ?? null;
  const { promotedAt } = facts.promotion;
  return madeAt !== null && promotedAt !== null && madeAt.getTime() + CLOCK_SKEW_MS < promotedAt.getTime();
}

/** Heroku cuts times to whole seconds, and its clock may be behind the app's by a little. */
export const CLOCK_SKEW_MS = 5_000;
