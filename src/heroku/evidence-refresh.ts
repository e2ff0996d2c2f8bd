import type { Logger } from 'pino';
import { assess, type Evidence } from '../promotions/evidence.js';
import {
  type RefreshedPromotion,
  RESERVED_REQUESTS,
  settleEvidence,
  stillMeans,
} from '../promotions/evidence-refresh.js';
import { type ReadEvidence, unavailableReason } from './evidence.js';
import { type Heroku, HerokuError } from './heroku.js';

/** What a look at one app found. */
export interface Refreshed {
  /** By the promotion's id; what wasn't reached in time is missing. */
  readonly evidence: ReadonlyMap<string, Evidence>;
  /** How long Heroku wants nothing to be asked, in milliseconds; null where it doesn't say so. */
  readonly waitMs: number | null;
}

/** Looks at one app's promotions again. Never rejects; answers within about twice `deadlineMs`. */
export interface EvidenceRefresher {
  /** Whether so few requests are left that others need them. */
  isShort(): boolean;
  refresh(herokuApp: string, claimed: readonly RefreshedPromotion[], deadlineMs: number): Promise<Refreshed>;
}

/** Heroku limits an account by the hour, and names the time in most answers. */
const RATE_LIMITED_MS = 60_000;

/**
 * One request for all of an app's promotions. Only where a value no longer means what is stored, its releases are asked for as
 * well.
 */
export function createEvidenceRefresher(
  heroku: Heroku,
  readEvidence: ReadEvidence,
  now: () => Date,
  log: Logger,
): EvidenceRefresher {
  const isShort = () => (heroku.rateLimitRemaining() ?? Number.POSITIVE_INFINITY) < RESERVED_REQUESTS;

  return {
    isShort,
    async refresh(herokuApp, claimed, deadlineMs) {
      const signal = AbortSignal.timeout(deadlineMs);
      const names = [...new Set(claimed.map(({ promotion }) => promotion.configVar))];
      try {
        const values = await heroku.readConfigVars(herokuApp, names, { signal });
        const evidence = new Map<string, Evidence>();
        for (const one of claimed) {
          const byValue = assess(one.promotion, values.get(one.promotion.configVar) ?? null, now());
          const found = await look(one, byValue, deadlineMs, signal);
          if (found !== null) evidence.set(one.promotion.id, settleEvidence(one.stored, found));
        }
        return { evidence, waitMs: null };
      } catch (error) {
        log.warn({ err: error, herokuApp }, 'Heroku could not be asked again about an app');
        return unanswered(claimed, error, now());
      }
    },
  };

  /** null where there is no time left for it, or no request. */
  async function look(
    one: RefreshedPromotion,
    byValue: Evidence,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Evidence | null> {
    const { promotion, stored, isGrouped } = one;
    if (stored !== null && stored.kind === 'read' && stillMeans(one, byValue)) {
      return { ...stored, checkedAt: byValue.checkedAt };
    }
    if (isGrouped) return byValue;
    return signal.aborted || isShort() ? null : readEvidence(promotion, deadlineMs);
  }
}

function unanswered(claimed: readonly RefreshedPromotion[], error: unknown, checkedAt: Date): Refreshed {
  const found: Evidence = { kind: 'unavailable', checkedAt, reason: unavailableReason(error) };
  const isLimited = error instanceof HerokuError && error.kind === 'rate_limited';
  return {
    evidence: new Map(claimed.map(({ promotion, stored }) => [promotion.id, settleEvidence(stored, found)])),
    waitMs: isLimited ? (error.retryAfterMs ?? RATE_LIMITED_MS) : null,
  };
}
