import type { Logger } from 'pino';
import {
  assess,
  type Evidence,
  type EvidenceRelease,
  type ReleaseWalk,
  type UnavailableReason,
} from '../promotions/evidence.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { type Heroku, HerokuError, type HerokuErrorKind, type Release } from './heroku.js';

/** Asks Heroku for what a promotion's config var holds, and since when. Never rejects; answers within `deadlineMs`. */
export type ReadEvidence = (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;

/** What an error means for people who wait for evidence: Heroku's own reason where it gave one. */
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
  withheld: 'no_answer',
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
      const walked = await walking;
      // A release came in between: which of the two answers is the older one shows by asking once more.
      const newest = walked.looked.find(({ release }) => release.status === 'succeeded');
      const isAtOdds = newest !== undefined && newest.value !== value;
      const settled =
        isAtOdds && !signal.aborted ? await heroku.readConfigVar(herokuApp, configVar, { signal }) : value;
      return assess(promotion, settled, now(), compared(walked, promotion, settled));
    } catch (error) {
      log.warn({ err: error, promotionId: promotion.id }, 'Heroku could not be asked for evidence');
      return { kind: 'unavailable', checkedAt: now(), reason: unavailableReason(error) };
    }
  };
}

/** A release with what the config var holds at it, which may be a secret: it goes no further than this file. */
interface Read {
  readonly release: Omit<EvidenceRelease, 'orEarlier'>;
  readonly value: string | null;
}

interface Walked {
  readonly looked: readonly Read[];
  readonly complete: boolean;
}

/** Walks back through the releases until the value changes or time is up; what was looked at by then is the answer. */
async function walk(heroku: Heroku, promotion: Promotion, signal: AbortSignal, log: Logger): Promise<Walked> {
  const { herokuApp, configVar, targetValue } = promotion;
  const looked: Read[] = [];
  const since = deployingSince(promotion).getTime();
  try {
    const releases = await heroku.releases(herokuApp, { max: RELEASES_LOOKED_AT }, { signal });
    for (const release of releases) {
      const value = await heroku.configVarAtRelease(herokuApp, release.id, configVar, { signal });
      looked.push({ release: told(release), value });
      if (tellsEnough(looked, targetValue, since)) return { looked, complete: false };
    }
    return { looked, complete: releases.length < RELEASES_LOOKED_AT };
  } catch (error) {
    if (!(error instanceof HerokuError)) throw error;
    if (!signal.aborted) log.warn({ err: error, promotionId: promotion.id }, 'Heroku did not tell of its releases');
    return { looked, complete: false };
  }
}

/** Whether older releases tell nothing more: neither since when it is so, nor what became of it since it was promoted. */
function tellsEnough(looked: readonly Read[], target: string | null, since: number): boolean {
  const last = looked.at(-1);
  if (last === undefined || last.release.status !== 'succeeded') return false;
  const newer = looked.slice(0, -1);
  if (last.value === target)
    return newer.some(({ release, value }) => release.status === 'succeeded' && value !== target);
  return newer.some(({ value }) => value === target) || last.release.createdAt.getTime() < since;
}

function compared({ looked, complete }: Walked, { targetValue }: Promotion, inForce: string | null): ReleaseWalk {
  return {
    looked: looked.map(({ release, value }) => ({
      release,
      carries: value === targetValue,
      isInForce: value === inForce,
    })),
    complete,
  };
}

function told({ version, status, createdAt, user }: Release): Read['release'] {
  return { version, status, createdAt, by: user.slice(0, 200) };
}
