import type { Logger } from 'pino';
import { assess, type Evidence, type UnavailableReason } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { type Heroku, HerokuError, type HerokuErrorKind } from './heroku.js';
import { compared, isAtOdds, type Read, RELEASES_LOOKED_AT, tellsEnough, told, type Walked } from './release-walk.js';

/** Asks Heroku what a promotion's config var holds, and since when. Never rejects; resolves within `deadlineMs`. */
export type ReadEvidence = (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;

/** What an error means to people waiting for evidence: Heroku's own reason if it gave one. */
export function unavailableReason(error: unknown): UnavailableReason {
  return error instanceof HerokuError ? (error.reason ?? UNAVAILABLE[error.kind]) : 'no_answer';
}

const UNAVAILABLE: Readonly<Record<HerokuErrorKind, UnavailableReason>> = {
  unauthorized: 'refused',
  forbidden: 'refused',
  invalid: 'refused',
  not_found: 'app_not_found',
  rate_limited: 'rate_limited',
  unavailable: 'no_answer',
  unreachable: 'no_answer',
  over_budget: 'over_budget',
  withheld: 'no_answer',
  unknown_outcome: 'no_answer',
  unexpected: 'no_answer',
};

/** The releases stop this long before the deadline. */
const MARGIN_MS = 50;

/** `heroku` is null if no API key is configured: then the evidence says so. */
export function createEvidenceReader(heroku: Heroku | null, now: () => Date, log: Logger): ReadEvidence {
  return async (promotion, deadlineMs) => {
    if (heroku === null) return { kind: 'unavailable', checkedAt: now(), reason: 'not_configured' };
    const signal = AbortSignal.timeout(deadlineMs - MARGIN_MS);
    const { herokuApp, configVar } = promotion;
    // In parallel: if the releases take too long, the value alone is still an answer.
    const walking = walk(heroku, promotion, signal, log);
    try {
      const value = await heroku.readConfigVar(herokuApp, configVar, { deadlineMs });
      const walked = await walking;
      // A release came in between: asking once more shows which of the two answers is older.
      const settled =
        isAtOdds(walked, value) && !signal.aborted
          ? await heroku.readConfigVar(herokuApp, configVar, { signal })
          : value;
      return assess(promotion, settled, now(), compared(walked, promotion, settled));
    } catch (error) {
      log.warn({ err: error, promotionId: promotion.id }, 'Heroku could not be asked for evidence');
      return { kind: 'unavailable', checkedAt: now(), reason: unavailableReason(error) };
    }
  };
}

/** Walks back through the releases until the value changes or time is up; returns what it saw. */
async function walk(heroku: Heroku, promotion: Promotion, signal: AbortSignal, log: Logger): Promise<Walked> {
  const { herokuApp, configVar } = promotion;
  const looked: Read[] = [];
  try {
    const releases = await heroku.releases(herokuApp, { max: RELEASES_LOOKED_AT }, { signal });
    for (const release of releases) {
      const value = await heroku.configVarAtRelease(herokuApp, release.id, configVar, { signal });
      looked.push({ release: told(release), value });
      if (tellsEnough(looked, promotion)) return { looked, complete: false };
    }
    return { looked, complete: releases.length < RELEASES_LOOKED_AT };
  } catch (error) {
    if (!(error instanceof HerokuError)) throw error;
    if (!signal.aborted) log.warn({ err: error, promotionId: promotion.id }, 'Heroku did not tell of its releases');
    return { looked, complete: false };
  }
}
