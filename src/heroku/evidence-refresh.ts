import type { Logger } from 'pino';
import { assess, type Evidence } from '../promotions/evidence.js';
import {
  type RefreshedPromotion,
  RESERVED_REQUESTS,
  settleEvidence,
  stillMeans,
} from '../promotions/evidence-refresh.js';
import { type ReadEvidence, unavailableReason } from './evidence.js';
import { HerokuError, type HerokuUse, type SharedHeroku } from './heroku.js';

interface Refreshed {
  /** By the promotion's id; what wasn't reached in time is missing. */
  readonly evidence: ReadonlyMap<string, Evidence>;
  /** How many milliseconds Heroku asks to wait; null if it doesn't say. */
  readonly waitMs: number | null;
}

/** Looks at one app's promotions again. Never rejects; resolves within about twice `deadlineMs`. */
export interface EvidenceRefresher {
  /** Whether so few requests are left that others need them. */
  isShort(): boolean;
  refresh(herokuApp: string, claimed: readonly RefreshedPromotion[], deadlineMs: number): Promise<Refreshed>;
}

/** Heroku's limit is hourly, and most of its answers name the wait. */
const RATE_LIMITED_MS = 60_000;

/**
 * One request for all of an app's promotions. Asks for its releases only if a value no longer means what is stored. An
 * app with an open critical may use more of the hour's requests than others.
 */
export function createEvidenceRefresher(
  heroku: SharedHeroku,
  readEvidenceFor: (use: HerokuUse) => ReadEvidence,
  now: () => Date,
  log: Logger,
): EvidenceRefresher {
  const isShort = () => (heroku.rateLimitRemaining() ?? Number.POSITIVE_INFINITY) < RESERVED_REQUESTS;

  return {
    isShort,
    async refresh(herokuApp, claimed, deadlineMs) {
      const signal = AbortSignal.timeout(deadlineMs);
      const use = claimed.some(({ isCritical }) => isCritical) ? 'critical' : 'watching';
      const readEvidence = readEvidenceFor(use);
      const names = [...new Set(claimed.map(({ promotion }) => promotion.configVar))];
      try {
        const values = await heroku.usedFor(use).readConfigVars(herokuApp, names, { signal });
        const evidence = new Map<string, Evidence>();
        for (const one of claimed) {
          const byValue = assess(one.promotion, values.get(one.promotion.configVar) ?? null, now());
          const found = await look(one, byValue, readEvidence, deadlineMs, signal);
          if (found !== null) evidence.set(one.promotion.id, settleEvidence(one.stored, found));
        }
        return { evidence, waitMs: null };
      } catch (error) {
        log.warn({ err: error, herokuApp }, 'Heroku could not be asked again about an app');
        return unanswered(claimed, error, now());
      }
    },
  };

  /** null if there is no time or no request left for it. */
  async function look(
    one: RefreshedPromotion,
    byValue: Evidence,
    readEvidence: ReadEvidence,
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
