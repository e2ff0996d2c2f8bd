import type { Logger } from 'pino';
import {
  assess,
  type Evidence,
  type LookedAt,
  type ReleaseWalk,
  type UnavailableReason,
} from '../promotions/evidence.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { type Heroku, HerokuError, type HerokuErrorKind, type Release } from './heroku.js';

/** Asks Heroku for what a promotion's config var holds, and since when. Never rejects; answers within `deadlineMs`. */
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

/** How many releases back it is looked for the one that brought a value: each is a request. */
const RELEASES_LOOKED_AT = 10;
/** Of the time there is, what the value alone may take; the releases have the rest. */
const MARGIN_MS = 50;

/** `heroku` is null where no API key is configured: then nobody is asked, and the evidence says so. */
export function createEvidenceReader(heroku: Heroku | null, now: () => Date, log: Logger): ReadEvidence {
  return async (promotion, deadlineMs) => {
    if (heroku === null) return { kind: 'unavailable', checkedAt: now(), reason: 'not_configured' };
    const signal = AbortSignal.timeout(deadlineMs - MARGIN_MS);
    const { herokuApp, configVar } = promotion;
    // Together: where the releases take too long, the value alone is still an answer.
    const walking = walk(heroku, promotion, signal, log);
    try {
      const value = await heroku.readConfigVar(herokuApp, configVar, { deadlineMs });
      return assess(promotion, value, now(), await walking);
    } catch (error) {
      log.warn({ err: error, promotionId: promotion.id }, 'Heroku could not be asked for evidence');
      const reason = error instanceof HerokuError ? UNAVAILABLE[error.kind] : 'no_answer';
      return { kind: 'unavailable', checkedAt: now(), reason };
    }
  };
}

/** Walks back through the releases until the value changes or time is up; what was looked at by then is the answer. */
async function walk(heroku: Heroku, promotion: Promotion, signal: AbortSignal, log: Logger): Promise<ReleaseWalk> {
  const { herokuApp, configVar, targetValue } = promotion;
  const looked: LookedAt[] = [];
  const since = deployingSince(promotion).getTime();
  try {
    const releases = await heroku.releases(herokuApp, { max: RELEASES_LOOKED_AT }, { signal });
    for (const release of releases) {
      const value = await heroku.configVarAtRelease(herokuApp, release.id, configVar, { signal });
      looked.push({ release: told(release), carries: value === targetValue });
      if (tellsEnough(looked, since)) return { looked, complete: true };
    }
    return { looked, complete: releases.length < RELEASES_LOOKED_AT };
  } catch (error) {
    if (!(error instanceof HerokuError)) throw error;
    if (!signal.aborted) log.warn({ err: error, promotionId: promotion.id }, 'Heroku did not tell of its releases');
    return { looked, complete: false };
  }
}

/** Whether older releases tell nothing more: neither since when it is so, nor what became of it since it was promoted. */
function tellsEnough(looked: readonly LookedAt[], since: number): boolean {
  const last = looked.at(-1);
  if (last === undefined || last.release.status !== 'succeeded') return false;
  const newer = looked.slice(0, -1);
  if (last.carries) return newer.some(({ release, carries }) => release.status === 'succeeded' && !carries);
  return newer.some(({ carries }) => carries) || last.release.createdAt.getTime() < since;
}

function told({ version, status, createdAt, user }: Release): LookedAt['release'] {
  return { version, status, createdAt, by: user.slice(0, 200) };
}
