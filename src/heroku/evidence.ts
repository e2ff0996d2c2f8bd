import type { Logger } from 'pino';
import { assess, type Evidence, type UnavailableReason } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { type Heroku, HerokuError, type HerokuErrorKind } from './heroku.js';

/** Asks Heroku for what a promotion's config var holds. Never rejects; answers within `deadlineMs` (milliseconds). */
export type ReadEvidence = (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;

/** What an error of Heroku’s means for whoever waits for evidence. */
export const UNAVAILABLE: Readonly<Record<HerokuErrorKind, UnavailableReason>> = {
  unauthorized: 'refused',
  forbidden: 'refused',
  invalid: 'refused',
  not_found: 'app_not_found',
  rate_limited: 'rate_limited',
  unavailable: 'no_answer',
  unreachable: 'no_answer',
  unknown_outcome: 'no_answer',
  unexpected: 'no_answer',
};

/** `heroku` is null where no API key is configured: then nobody is asked, and the evidence says so. */
export function createEvidenceReader(heroku: Heroku | null, now: () => Date, log: Logger): ReadEvidence {
  return async (promotion, deadlineMs) => {
    if (heroku === null) return { kind: 'unavailable', checkedAt: now(), reason: 'not_configured' };
    try {
      const value = await heroku.readConfigVar(promotion.herokuApp, promotion.configVar, { deadlineMs });
      return assess(promotion, value, now());
    } catch (error) {
      log.warn({ err: error, promotionId: promotion.id }, 'Heroku could not be asked for evidence');
      const reason = error instanceof HerokuError ? UNAVAILABLE[error.kind] : 'no_answer';
      return { kind: 'unavailable', checkedAt: now(), reason };
    }
  };
}
