import { type Evidence, looksTheSame, presentableValue } from './evidence.js';
import { parseCheckpoint } from './promoting.js';
import type { Promotion } from './promotion.js';
import type { Severity } from './stuck.js';

/** Keeps the evidence of open alerts fresh. */

/** How often to ask Heroku again: ten seconds less than the period, because a tick may come early. */
export const REFRESH_EVERY_MS: Readonly<Record<Severity, number>> = {
  critical: 5 * 60_000 - 10_000,
  warning: 15 * 60_000 - 10_000,
  notice: 15 * 60_000 - 10_000,
};
/** After an alert that went out without an answer from Heroku. */
export const REFRESH_SOON_MS = 30_000;
/** A reading stands this long while Heroku doesn't answer: its time shows its age. */
const READING_STANDS_MS = 15 * 60_000;
/** Requests an hour kept for the promoter and people; below that, no evidence is refreshed. */
export const RESERVED_REQUESTS = 1_000;

export interface RefreshedPromotion {
  readonly promotion: Promotion;
  /** null: nothing is stored about the row as it is. */
  readonly stored: Evidence | null;
  /** A group shows only counts; the value is enough for those. */
  readonly isGrouped: boolean;
  /** Whether one of its open alerts is critical. */
  readonly isCritical: boolean;
}

/** What evidence is about; if the console changes one of these, it no longer applies. Holds no secret. */
export function subjectOfEvidence({ herokuApp, configVar, targetValue }: Promotion): string {
  return JSON.stringify([herokuApp, configVar, presentableValue(targetValue)]);
}

/** Whether the current value still means what was stored, so the releases needn't be read again. */
export function stillMeans({ promotion, stored }: RefreshedPromotion, byValue: Evidence): boolean {
  if (stored === null || stored.kind !== 'read' || stored.verdict === 'release_running') return false;
  // The promoter may start a release at any time, and until it ends the value is the old one.
  const isOurs = ['intent', 'pending_commit'].includes(parseCheckpoint(promotion.checkpoint).kind);
  return isSameValue(stored, byValue) && !(isOurs && stored.verdict === 'not_live');
}

/** Which evidence to keep: a weaker answer doesn't replace what was read before. */
export function settleEvidence(stored: Evidence | null, found: Evidence): Evidence {
  if (stored === null || stored.kind !== 'read') return found;
  if (found.kind === 'unavailable') {
    const isPassing = ['no_answer', 'rate_limited', 'over_budget', 'conflict'].includes(found.reason);
    const age = found.checkedAt.getTime() - stored.checkedAt.getTime();
    return isPassing && age < READING_STANDS_MS ? stored : found;
  }
  // Heroku gave the value but not the releases: keep what was known of them.
  if (found.release !== undefined || !isSameValue(stored, found)) return found;
  return stored.verdict === 'release_running' ? stored : { ...stored, checkedAt: found.checkedAt };
}

function isSameValue(stored: Extract<Evidence, { kind: 'read' }>, found: Evidence): boolean {
  if (found.kind !== 'read' || !looksTheSame(stored.value, found.value)) return false;
  // A masked value may be the target or not.
  return stored.verdict === 'release_running' || (stored.verdict === 'live') === (found.verdict === 'live');
}
