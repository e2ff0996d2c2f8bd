import type { Lease } from '../db/alerts.js';
import type { ProgressMessages, ProgressWork } from '../db/progress.js';
import { nextProgressStep, type Progress } from '../promotions/progress.js';
import type { Route } from '../promotions/routing.js';
import type { Slack } from '../slack/slack.js';
import { progressMessage } from '../views/progress.js';
import { CLOCK_SKEW_MS, LEASE_MS, postponed, unlessGone } from './attempts.js';
import type { DeliveryOutcome } from './delivery.js';
import { findRouted, postRouted } from './routed-post.js';

export interface ProgressDependencies {
  readonly db: ProgressMessages;
  readonly slack: Slack;
  readonly now: () => Date;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Names the holder of a lease, another at each call. */
  readonly newOwner: () => string;
  /** Where what is about a Heroku app goes. */
  readonly routeOf: (herokuApp: string) => Route;
  /** Where it goes if Slack does not let the app post there. */
  readonly alertChannel: string;
}

/** A promotion goes through few steps: more paintings than that in a row mean something is wrong. */
const MOST_STEPS = 8;
const MOST_ROUNDS = 3;

/** Brings the one message on how a promotion goes up to date: posted once, then painted in place. */
export function createProgressDelivery(deps: ProgressDependencies): (promotionId: string) => Promise<DeliveryOutcome> {
  const { db, slack } = deps;

  async function deliver(claimed: ProgressWork, attemptsBefore: number, lease: Lease): Promise<DeliveryOutcome> {
    let work: ProgressWork | null = claimed;
    let outcome: DeliveryOutcome = { kind: 'nothing' };
    for (let steps = 0; work !== null && steps < MOST_STEPS; steps += 1) {
      const step = nextProgressStep(work.progress, work.promotion, attemptsBefore);
      if (step.kind === 'done') break;
      const taken: DeliveryOutcome =
        step.kind === 'paint'
          ? await paint(work, step, lease)
          : ((step.kind === 'find' ? await find(work, lease) : null) ?? (await post(work, lease)));
      if (outcome.kind === 'nothing') outcome = taken;
      work = await db.reread(work.promotion.id, lease);
    }
    return outcome;
  }

  async function find({ progress }: ProgressWork, lease: Lease): Promise<DeliveryOutcome | null> {
    const since = new Date(progress.createdAt.getTime() - CLOCK_SKEW_MS);
    // An attempt that wrote down no channel went to the one there was before there were routes.
    const channel = progress.channel ?? deps.alertChannel;
    const found = await findRouted(slack, { channel, fallback: deps.alertChannel, key: keyOf(progress) }, since);
    if (found === null) return null;
    await db.recordPosted(progress.promotionId, lease, found, null, deps.now());
    return { kind: 'found' };
  }

  async function post(work: ProgressWork, lease: Lease): Promise<DeliveryOutcome> {
    const { progress, promotion } = work;
    const posted = await postRouted(slack, {
      key: keyOf(progress),
      row: progress,
      route: deps.routeOf(promotion.herokuApp).channel,
      fallback: deps.alertChannel,
      record: (to) => db.recordDestination(promotion.id, lease, to),
      message: (refusedRoute) => progressMessage({ ...work, refusedRoute }),
    });
    if (posted === null) return { kind: 'nothing' };
    const shown = { upTo: progress.repaintWanted, state: promotion.state };
    if (await db.recordPosted(promotion.id, lease, posted, shown, deps.now())) return { kind: 'posted' };
    // This process was paused past its lease while posting; whoever took over may have posted too.
    const recorded = (await db.of(promotion.id))?.message ?? null;
    if (recorded !== null && recorded.ts !== posted.ts) await slack.remove(posted);
    return { kind: 'nothing' };
  }

  async function paint(
    work: ProgressWork,
    step: Extract<ReturnType<typeof nextProgressStep>, { kind: 'paint' }>,
    lease: Lease,
  ): Promise<DeliveryOutcome> {
    const { promotion } = work;
    const painted = await unlessGone(async () => {
      await slack.update(step.message, progressMessage({ ...work, refusedRoute: work.progress.refusedRoute }));
      return true;
    });
    if (painted === null) await db.withdraw(promotion.id, lease);
    else await db.recordPainted(promotion.id, lease, { upTo: step.upTo, state: promotion.state });
    return { kind: 'painted' };
  }

  /** null where there was nothing to be claimed. */
  async function deliverOnce(promotionId: string): Promise<DeliveryOutcome | null> {
    const lease: Lease = { owner: deps.newOwner(), durationMs: LEASE_MS };
    const claimed = await db.claim(promotionId, lease, deps.now());
    if (claimed === null) return null;
    try {
      const outcome = await deliver(claimed, claimed.attemptsBefore, lease);
      await db.release(promotionId, lease, null);
      return outcome;
    } catch (error) {
      await db.release(promotionId, lease, postponed(error, claimed.attemptsBefore + 1, deps));
      return { kind: 'failed', error };
    }
  }

  return async (promotionId) => {
    let outcome: DeliveryOutcome = { kind: 'nothing' };
    // Whoever committed after the last look and before the lease was given back found it held, and left it at that.
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds += 1) {
      const taken = await deliverOnce(promotionId);
      if (taken === null) break;
      if (outcome.kind === 'nothing' || taken.kind === 'failed') outcome = taken;
      if (taken.kind === 'failed') break;
    }
    return outcome;
  };
}

/** The id alone would not do: another installation may post to the same channel. */
function keyOf(progress: Progress): string {
  return `progress:${progress.promotionId}:${progress.createdAt.getTime()}`;
}
