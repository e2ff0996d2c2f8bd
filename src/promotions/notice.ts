import { isProvenLive } from './auto-complete.js';
import type { Evidence } from './evidence.js';
import { parseCheckpoint } from './promoting.js';
import type { Promotion } from './promotion.js';

/** Reports a promotion before it is stuck, once Heroku or our promoter proves that it won't end by itself. */

/** A deploying promotion without an alert. */
export interface WatchedPromotion {
  readonly promotion: Promotion;
  /** null: nobody holds its lease. */
  readonly leasedUntil: Date | null;
  /** When its promoter will try again; null: unknown. */
  readonly nextAttemptAt: Date | null;
  /** Since when our own promoter can't go on; null: it can. */
  readonly heldUpSince: Date | null;
}

/** What Heroku says of one, and when the release behind that ended. */
export interface Look {
  readonly evidence: Evidence;
  readonly releaseEndedAt: Date | null;
}

export type Conclusion = 'live' | 'release_failed' | 'changed_since' | 'held_up';

/** A promoter needs a moment to record a release that ended. */
const RECORDED_WITHIN_MS = 2 * 60_000;
/** An end further ahead than this only shows that two clocks differ. */
const CLOCKS_DIFFER_MS = 5 * 60_000;
/** A next attempt further ahead than this came from a wrong clock: no Heroku limit lasts longer. */
const LONGEST_WAIT_MS = 3_600_000;
/** Heroku cuts times to whole seconds, and its clock may be a little behind ours. */
const CLOCK_SKEW_MS = 5_000;

/**
 * What is proven after `noticeAfterMs` in deploying; null: nothing, so it stays quiet. `look`: null if Heroku wasn't
 * asked. Pure.
 */
export function conclude(
  watched: WatchedPromotion,
  look: Look | null,
  now: Date,
  noticeAfterMs: number,
): Conclusion | null {
  const { promotion } = watched;
  const { promotedAt, oddStart = null } = promotion;
  // Without a known start, nothing can be said to have happened since.
  if (promotedAt === null || oddStart !== null || now.getTime() - promotedAt.getTime() < noticeAfterMs) return null;
  if (isHeldUp(watched, now, noticeAfterMs)) return 'held_up';
  if (look === null || look.evidence.kind !== 'read' || !isSettled(look.releaseEndedAt, now)) return null;
  const { verdict } = look.evidence;
  switch (verdict) {
    case 'live':
      return isLiveByIt(promotion, look.evidence) && !isWorkedOn(watched, now) ? verdict : null;
    case 'release_failed':
    case 'changed_since':
      return verdict;
    case 'not_live':
    case 'release_running':
      return null;
  }
}

function isHeldUp({ promotion, heldUpSince }: WatchedPromotion, now: Date, noticeAfterMs: number): boolean {
  if (!isOurs(promotion) || promotion.lastError === null || heldUpSince === null) return false;
  return now.getTime() - heldUpSince.getTime() >= noticeAfterMs;
}

function isOurs({ checkpoint }: Promotion): boolean {
  const { kind } = parseCheckpoint(checkpoint);
  return kind === 'intent' || kind === 'pending_commit';
}

/** Live by a release made since it began: what was live before proves nothing. */
function isLiveByIt(promotion: Promotion, evidence: Evidence): boolean {
  if (evidence.kind !== 'read' || promotion.promotedAt === null) return false;
  const since = new Date(promotion.promotedAt.getTime() - CLOCK_SKEW_MS - 1);
  return isProvenLive({ promotedAt: since }, evidence);
}

/** Somebody holds its lease, or our promoter is about to go on: it ends by itself. */
function isWorkedOn({ promotion, leasedUntil, nextAttemptAt }: WatchedPromotion, now: Date): boolean {
  if (leasedUntil !== null && leasedUntil > now) return true;
  if (!isOurs(promotion) || nextAttemptAt === null) return false;
  const waitsMs = nextAttemptAt.getTime() - now.getTime();
  return waitsMs > -RECORDED_WITHIN_MS && waitsMs <= LONGEST_WAIT_MS;
}

function isSettled(endedAt: Date | null, now: Date): boolean {
  if (endedAt === null) return true;
  const agoMs = now.getTime() - endedAt.getTime();
  return agoMs >= RECORDED_WITHIN_MS || agoMs < -CLOCKS_DIFFER_MS;
}

/** A tick may come a little early. */
const EARLY_MS = 10_000;
const LEAST_MS = 60_000;
const MOST_MS = 15 * 60_000;

/** Milliseconds until Heroku is asked again after a check that proved nothing: ever longer. */
export function lookAgainAfterMs(deployingForMs: number): number {
  return Math.min(MOST_MS, Math.max(LEAST_MS, deployingForMs / 15)) - EARLY_MS;
}
