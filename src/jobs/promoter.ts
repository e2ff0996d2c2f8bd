import type { Logger } from 'pino';
import { type HeldLease, holdLease } from '../db/held-lease.js';
import type { ClaimedPromotion, Promoting, PromotionEnd } from '../db/promoting.js';
import { type Heroku, HerokuError } from '../heroku/heroku.js';
import { type CurrentValue, readPromotionFacts } from '../heroku/promotion-facts.js';
import { backOffMs, type FailedAttempt } from '../promotions/back-off.js';
import {
  DRIFT_LOOK_AGAIN_MS,
  INTENT,
  lookAgainMs,
  nextPromotionStep,
  pendingCommit,
  type ReleaseFacts,
  SEND_AGAIN_AFTER_MS,
} from '../promotions/promoting.js';
import { wasHeldAlready } from '../promotions/progress.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Timers } from './timers.js';

export interface PromoterDependencies {
  readonly db: Promoting;
  readonly heroku: Heroku;
  readonly now: () => Date;
  readonly timers: Timers;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** A new lease owner per call: a process that lost a lease can't use it through a later claim. */
  readonly newOwner: () => string;
  /** Why this app may not set the config var, in words; null: it may. */
  readonly whyNotSet: (promotion: Promotion) => string | null;
  readonly leaseMs: number;
  readonly verifies: boolean;
  /** The minimum wait before it looks for work again, unless woken. */
  readonly pollMs: number;
  /** The longest wait while nobody wakes it. */
  readonly untoldRestMs: number;
  /** Whether it is woken when something becomes due sooner than was known. */
  readonly isTold: () => boolean;
  /** Why the database refuses a write for good, for people; null: another fault. Never rejects. */
  readonly whyRefused: (error: unknown) => Promise<string | null>;
  readonly log: Logger;
  /** Called after each commit that changed what Slack shows. Not awaited: Slack may be slow. */
  readonly onChanged: (promotionId: string) => void;
}

/** One process's work on one promotion, under one lease. */
interface Work {
  readonly lease: HeldLease;
  /** How many times it was claimed, this time included. */
  readonly attempts: number;
  /** The error of a PATCH in this work whose outcome is unknown. */
  unknown: HerokuError | null;
  /** When nothing sent earlier can take effect any more, on the monotonic clock. */
  settledAt: number;
  /**
   * The database's clock was set back since the last announcement, so it can't say how long ago that was. Only a holder
   * announces, so after holding the lease until `settledAt` it may send.
   */
  readonly countsItself: boolean;
}

/** Does the Heroku work of promotions with our checkpoint. Every replica may run one. */
export interface Promoter {
  start(): void;
  /** Looks for work now. */
  wake(): void;
  /** Claims nothing more; resolves once running work has stopped. */
  stop(): Promise<void>;
}

/**
 * Promotions at once: each mostly waits for Heroku, and a slow one must not hold up others. Their statements share half
 * of the connections (src/db/promoting-share.ts), so that people who click find one.
 */
const AT_ONCE = 5;
const CALL_WITHIN_MS = 10_000;
/** At a stop, a running PATCH gets this long: cut off at once, a successor might look before it took effect. */
const LAST_PATCH_WITHIN_MS = 5_000;
/** Steps follow at once, but a row whose steps lead nowhere must not hold the promoter. */
const MOST_STEPS = 6;

/**
 * The longest wait: nobody announces another system's row. Shorter than an idle database connection is kept, so that
 * not every look opens one.
 */
const LONGEST_REST_MS = 25_000;
/** A person has to change the settings or mark the promotion failed. */
const FORBIDDEN_LOOK_AGAIN_MS = 15 * 60_000;
const CHANGED =
  'It was changed in the database since it was promoted: the code was for something else. Nothing is sent to Heroku.';
/** A timer may ring early, and the database's clock differs from this one. */
const AFTER_DUE_MS = 10;

export function createPromoter(deps: PromoterDependencies): Promoter {
  const { db, heroku, log, timers } = deps;
  const stopping = new AbortController();
  const patching = new AbortController();
  let waking = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const underWay = new Set<Promise<void>>();
  /** The last look stopped at the limit or with an error: look again when one finishes. */
  let moreMayBeDue = true;

  /**
   * Up to AT_ONCE promotions run at the same time; waits for none, so as not to hold up new work. Returns the
   * milliseconds until something else is due; null: unknown.
   */
  async function takeUpWhatIsDue(): Promise<number | null> {
    moreMayBeDue = true;
    while (!stopping.signal.aborted && underWay.size < AT_ONCE) {
      const askedAt = timers.monotonicMs();
      const lease = holdLease({ owner: deps.newOwner(), durationMs: deps.leaseMs }, askedAt, timers.monotonicMs);
      const claimed = await db.claimNext(lease);
      if (claimed.promotion === null) {
        moreMayBeDue = false;
        return claimed.dueInMs;
      }
      begin(claimed, lease);
    }
    return null;
  }

  function begin(claimed: ClaimedPromotion, lease: HeldLease): void {
    const promotionId = claimed.promotion.id;
    const { promotion, attempts, settlesInMs } = claimed;
    // What Heroku has taken is only recorded.
    const mayGoOn = claimed.isAsAuthorised || promotion.checkpoint !== INTENT;
    const countsItself = settlesInMs > SEND_AGAIN_AFTER_MS;
    const settledAt = timers.monotonicMs() + Math.min(settlesInMs, SEND_AGAIN_AFTER_MS);
    const work = withRenewal(promotionId, lease, () =>
      mayGoOn
        ? promote(promotion, { lease, attempts, unknown: null, settledAt, countsItself })
        : postpone(promotionId, lease, FORBIDDEN_LOOK_AGAIN_MS, CHANGED),
    )
      .catch((error: unknown) =>
        log.error({ err: error, promotionId }, 'promoting broke off; it is taken up again when its lease has run out'),
      )
      .finally(() => {
        underWay.delete(work);
        if (moreMayBeDue) wake();
      });
    underWay.add(work);
  }

  /** Renews the lease while the work runs, so that a slow Heroku never makes a live promoter look dead. */
  async function withRenewal(id: string, lease: HeldLease, work: () => Promise<void>): Promise<void> {
    const stopRenewing = timers.every(deps.leaseMs / 3, () => void renew(id, lease));
    try {
      await work();
    } finally {
      stopRenewing();
    }
  }

  async function renew(id: string, lease: HeldLease): Promise<void> {
    const askedAt = timers.monotonicMs();
    try {
      if (await db.renew(id, lease)) lease.confirm(askedAt);
      else lease.lose();
    } catch (error) {
      log.warn({ err: error, promotionId: id }, 'a lease could not be renewed');
    }
  }

  async function promote(claimed: Promotion, work: Work): Promise<void> {
    let promotion: Promotion | null = claimed;
    try {
      for (let steps = 0; promotion !== null && steps < MOST_STEPS; steps += 1)
        promotion = await takeStep(promotion, work);
      if (promotion !== null) await postpone(promotion.id, work.lease, lookAgainMs(promotion, deps.now()), null);
    } catch (error) {
      await afterFailure(error, claimed, work);
    }
  }

  async function afterFailure(error: unknown, promotion: Promotion, { lease, attempts }: Work): Promise<void> {
    const { id } = promotion;
    const known = error instanceof HerokuError ? error : null;
    // Not a failure: promoting a flag of this very app restarts it. The successor continues at once.
    if (stopping.signal.aborted) return postpone(id, lease, 0, null);
    if (known?.kind === 'withheld') {
      log.warn({ promotionId: id }, 'paused for so long that the lease may be gone: nothing was sent to Heroku');
      return postpone(id, lease, 0, null);
    }
    // No request can name it, so nothing was ever sent.
    if (known?.kind === 'invalid' && known.status === null && promotion.checkpoint === INTENT) {
      await commit(id, lease, { state: 'failed', reason: known.message });
      return;
    }
    log.warn({ err: error, promotionId: id }, 'promoting was interrupted; it is taken up again');
    const why = known?.message ?? (await deps.whyRefused(error)) ?? 'internal error; the log has its cause';
    await postpone(id, lease, waitAfter(error, attempts), why);
  }

  /** Takes one step; returns the row after it, or null if nothing is left to do for now. */
  async function takeStep(promotion: Promotion, work: Work): Promise<Promotion | null> {
    const { lease } = work;
    const call = { deadlineMs: CALL_WITHIN_MS, signal: stopping.signal };
    const lookedAt = timers.monotonicMs();
    const { facts, current } = await readPromotionFacts(heroku, promotion, call);
    const step = nextPromotionStep(promotion, facts);
    const { id, herokuApp, configVar } = promotion;
    switch (step.kind) {
      case 'patch':
        // A change that took effect while Heroku was read may have been missed.
        if (lookedAt >= work.settledAt) return patch(promotion, current, work);
        return waitUntilSettled(promotion, work);
      case 'checkpoint':
        if (!(await db.writePendingCommit(id, lease, step.release, deps.now()))) return null;
        deps.onChanged(id);
        return { ...promotion, checkpoint: pendingCommit(step.release.id) };
      case 'commit_deployed':
        return commit(id, lease, deployed(promotion, facts.release), step.found);
      case 'commit_failed':
        return commit(id, lease, { state: 'failed', reason: step.reason }, step.found);
      case 'wait':
        await postpone(id, lease, lookAgainMs(promotion, deps.now()), null);
        return null;
      case 'report_drift': {
        const postponement = {
          waitMs: DRIFT_LOOK_AGAIN_MS,
          lastError: `${configVar} on ${herokuApp} is not, or no longer, what was promoted.`,
        };
        if (await db.reportDrift(id, lease, postponement)) deps.onChanged(id);
        return null;
      }
      case 'leave':
        return null;
    }
  }

  /** What changed nothing, or whose release is unknown, can't be blamed for what runs. */
  function deployed(promotion: Promotion, release: ReleaseFacts | null): PromotionEnd {
    const { baseRelease } = promotion;
    // Known from Heroku's numbers, not from two clocks, once a PATCH was announced.
    const isNewer = release !== null && baseRelease !== null && release.version > baseRelease;
    const mayBreak = isNewer || (release !== null && !wasHeldAlready({ promotion, accepted: release }));
    const verify = deps.verifies && mayBreak;
    return { state: 'deployed', verify, release };
  }

  async function patch(promotion: Promotion, current: CurrentValue, work: Work): Promise<Promotion | null> {
    const forbidden = deps.whyNotSet(promotion);
    if (forbidden !== null) {
      await postpone(promotion.id, work.lease, FORBIDDEN_LOOK_AGAIN_MS, forbidden);
      return null;
    }
    const askedAt = timers.monotonicMs();
    const announcement = await db.announcePatch(promotion, work.lease, current, { hasWaited: work.countsItself });
    if (announcement.kind === 'lost') return null;
    if (announcement.kind === 'too_soon') return lookUntilSettled(promotion, work, announcement.waitMs);
    work.lease.confirm(askedAt);
    work.settledAt = timers.monotonicMs() + SEND_AGAIN_AFTER_MS;
    // A successor counts from the announcement, so send soon after it.
    const mayStillSend = () => work.lease.isFresh() && timers.monotonicMs() - askedAt < CALL_WITHIN_MS;
    const isOpen = await send(promotion, work, mayStillSend);
    // The outcome is read next, never assumed: a lost answer may have been a success.
    return isOpen ? { ...promotion, baseRelease: promotion.baseRelease ?? current.release } : null;
  }

  /** Returns whether Heroku may have applied it. */
  async function send(
    { id, herokuApp, configVar, targetValue }: Promotion,
    work: Work,
    mayStillSend: () => boolean,
  ): Promise<boolean> {
    const { lease } = work;
    const call = { deadlineMs: CALL_WITHIN_MS, signal: patching.signal, mayStillSend };
    try {
      await heroku.setConfigVar(herokuApp, configVar, targetValue, call);
    } catch (error) {
      if (!(error instanceof HerokuError)) throw error;
      if (error.outcomeUnknown) {
        work.unknown = error;
        return true;
      }
      // What Heroku calls invalid stays invalid.
      if (error.kind === 'invalid') {
        await commit(id, lease, { state: 'failed', reason: error.message });
        return false;
      }
      await db.recordUnchanged(id, lease, error.kind, deps.now());
      throw error;
    }
    return true;
  }

  /** Keeps the lease if only that shows when the wait is over. */
  async function waitUntilSettled(promotion: Promotion, work: Work): Promise<Promotion | null> {
    const waitMs = work.settledAt - timers.monotonicMs();
    if (!work.countsItself || work.unknown !== null) return lookUntilSettled(promotion, work, waitMs);
    await timers.sleep(waitMs + AFTER_DUE_MS, stopping.signal);
    return promotion;
  }

  /** Heroku still holds another value, but the last PATCH may yet take effect. */
  async function lookUntilSettled({ id, lastError }: Promotion, work: Work, waitMs: number): Promise<null> {
    if (work.unknown !== null) throw work.unknown;
    await postpone(id, work.lease, Math.max(0, Math.min(waitMs, waitAfter(null, work.attempts))), lastError);
    return null;
  }

  async function commit(id: string, lease: HeldLease, outcome: PromotionEnd, found?: ReleaseFacts): Promise<null> {
    if (await db.commit(id, lease, outcome, deps.now(), found ?? null)) deps.onChanged(id);
    return null;
  }

  async function postpone(id: string, lease: HeldLease, waitMs: number, lastError: string | null): Promise<void> {
    if (await db.postpone(id, lease, { waitMs, lastError })) deps.onChanged(id);
  }

  function waitAfter(error: unknown, attempts: number): number {
    const failure: FailedAttempt =
      error instanceof HerokuError && error.retryAfterMs !== null
        ? { kind: 'rate_limited', retryAfterMs: error.retryAfterMs }
        : { kind: 'refused' };
    return backOffMs(failure, attempts, deps.random);
  }

  function restUntil(dueInMs: number | null): number {
    // A due row that can't be claimed is briefly locked by another.
    const untilDue = dueInMs === null ? LONGEST_REST_MS : dueInMs + AFTER_DUE_MS;
    const longestMs = deps.isTold() ? LONGEST_REST_MS : deps.untoldRestMs;
    return Math.min(longestMs, Math.max(deps.pollMs, untilDue));
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      // Before looking, so that anything announced meanwhile causes another look.
      waking = new AbortController();
      let restMs = deps.pollMs;
      try {
        restMs = restUntil(await takeUpWhatIsDue());
      } catch (error) {
        log.error({ err: error }, 'the promoter could not look for work; it tries again');
      }
      await timers.sleep(restMs, waking.signal);
    }
  }

  function wake(): void {
    waking.abort();
  }

  return {
    wake,
    start() {
      running = loop();
    },
    async stop() {
      stopping.abort();
      wake();
      const cancel = timers.after(LAST_PATCH_WITHIN_MS, () => patching.abort());
      await running;
      await Promise.all(underWay);
      cancel();
    },
  };
}
