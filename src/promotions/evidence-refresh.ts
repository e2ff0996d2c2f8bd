import { type Evidence, looksTheSame, presentableValue } from './evidence.js';
import { parseCheckpoint } from './promoting.js';
import type { Promotion } from './promotion.js';
import type { Severity } from './stuck.js';

/* How the evidence of open alerts is kept fresh. */

/** How often Heroku is asked again: ten seconds less than the period, because a tick may come a little early. */
export const REFRESH_EVERY_MS: Readonly<Record<Severity, number>> = {
  critical: 5 * 60_000 - 10_000,
  warning: 15 * 60_000 - 10_000,
};
/** After an alert that went out without an answer. */
export const REFRESH_SOON_MS = 30_000;
/** For so long a reading stands, although Heroku doesn't answer: its checked time shows its age. */
const READING_STANDS_MS = 15 * 60_000;
/** Requests an hour that are left to the promoter and to people: below them no evidence is refreshed. */
export const RESERVED_REQUESTS = 1_000;

/** A promotion whose evidence is refreshed, with what is stored. */
export interface RefreshedPromotion {
  readonly promotion: Promotion;
  /** null where nothing is stored of the row as it is. */
  readonly stored: Evidence | null;
  /** A group shows counts alone, for which the value is enough. */
  readonly isGrouped: boolean;
}

/** What evidence is about: where the console changes one of these, it is about another thing. Holds no secret. */
export function subjectOfEvidence({ herokuApp, configVar, targetValue }: Promotion): string {
  return JSON.stringify([herokuApp, configVar, presentableValue(targetValue)]);
}

/** Whether the value that Heroku holds now means what was stored, so that the release needn't be looked for again. */
export function stillMeans({ promotion, stored }: RefreshedPromotion, byValue: Evidence): boolean {
  if (stored === null || stored.kind !== 'read' || stored.verdict === 'release_running') return false;
  // The promoter may begin a release at any time, and until it ends the value is the old one.
  const isOurs = ['intent', 'pending_commit'].includes(parseCheckpoint(promotion.checkpoint).kind);
  return isSameValue(stored, byValue) && !(isOurs && stored.verdict === 'not_live');
}

/** The evidence that stands after a look: a weaker answer doesn't replace what was read before. */
export function settleEvidence(stored: Evidence | null, found: Evidence): Evidence {
  if (stored === null || stored.kind !== 'read') return found;
  if (found.kind === 'unavailable') {
    const isPassing = ['no_answer', 'rate_limited', 'conflict'].includes(found.reason);
    const age = found.checkedAt.getTime() - stored.checkedAt.getTime();
    return isPassing && age < READING_STANDS_MS ? stored : found;
  }
  // Where Heroku told the value and not the releases, what was known of them stands.
  if (found.release !== undefined || !isSameValue(stored, found)) return found;
  return stored.verdict === 'release_running' ? stored : { ...stored, checkedAt: found.checkedAt };
}

function isSameValue(stored: Extract<Evidence, { kind: 'read' }>, found: Evidence): boolean {
  if (found.kind !== 'read' || !looksTheSame(stored.value, found.value)) return false;
  // A masked value may be the target or not.
  return stored.verdict === 'release_running' || (stored.verdict === 'live') === (found.verdict === 'live');
}
