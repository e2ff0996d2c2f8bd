import type { Promotion } from './promotion.js';

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

/** Whether Heroku held the target before the promotion began, so that nothing was set and nothing restarted. */
export function wasHeldAlready(facts: Pick<ProgressFacts, 'promotion' | 'accepted'>): boolean {
  const madeAt = facts.accepted?.createdAt ?? null;
  const { promotedAt } = facts.promotion;
  return madeAt !== null && promotedAt !== null && madeAt.getTime() + CLOCK_SKEW_MS < promotedAt.getTime();
}

/** Heroku cuts times to whole seconds, and its clock may be behind the app's by a little. */
export const CLOCK_SKEW_MS = 5_000;
