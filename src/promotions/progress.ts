import type { Promotion } from './promotion.js';
import type { Verification } from './running.js';

/** The release in which Heroku applied the change, from the audit log. */
export interface AcceptedRelease {
  readonly at: Date;
  readonly version: number | null;
  /** When Heroku made it, in whole seconds; null if the event doesn't say. */
  readonly createdAt: Date | null;
}

/** A promotion started from a deployed one: back to the value before it, or to its target again. */
export type FollowUp = 'revert' | 'set_again';

/** What this app has done to a deployed promotion's config var since. */
export interface Since {
  /** The newest deployed promotion; null: none. */
  readonly newest: Promotion | null;
  /** The marked or deploying one. */
  readonly active: Promotion | null;
  /** The last follow-up started from it. */
  readonly followedBy: {
    readonly followUp: FollowUp;
    readonly promotionId: string;
    readonly operatorId: string;
  } | null;
}

export interface ProgressFacts {
  readonly promotion: Promotion;
  readonly accepted: AcceptedRelease | null;
  readonly driftNoticedAt: Date | null;
  /** What happened since it was deployed; null: it isn't. */
  readonly since?: Since | null;
  /** Whether its release runs; null: not checked. */
  readonly verification?: Verification | null;
}

/** Whether nothing later is deployed or deploying for its config var. Marking alone changes nothing. */
export function isRevertible({ promotion, since }: Pick<ProgressFacts, 'promotion' | 'since'>): boolean {
  if (promotion.state !== 'deployed' || since == null) return false;
  return since.active?.state !== 'deploying' && since.newest?.id === promotion.id;
}

/** Whether Heroku held the target before the promotion began, so that nothing was set or restarted. */
export function wasHeldAlready(facts: {
  readonly promotion: Pick<Promotion, 'promotedAt'>;
  readonly accepted: Pick<AcceptedRelease, 'createdAt'> | null;
}): boolean {
  const madeAt = facts.accepted?.createdAt ?? null;
  const { promotedAt } = facts.promotion;
  return madeAt !== null && promotedAt !== null && madeAt.getTime() + CLOCK_SKEW_MS < promotedAt.getTime();
}

/** Heroku cuts times to whole seconds, and its clock may be a little behind ours. */
export const CLOCK_SKEW_MS = 5_000;
