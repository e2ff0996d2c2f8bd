import type { Alerts, ClaimedAlert } from '../db/alerts.js';
import type { AttentionRecords } from '../db/attention.js';
import type { AuditLog } from '../db/audit.js';
import type { Lease } from '../db/leases.js';
import type { ProgressMessages } from '../db/progress.js';
import type { ClaimedReply, Replies } from '../db/replies.js';
import type { Summaries } from '../db/summaries.js';
import { type MessageRef, rootOf, threadOf, worstSeverity } from '../promotions/alert.js';
import { isQuiet } from '../promotions/attention.js';
import { type AlertStep, type AlertWork, nextAlertStep } from '../promotions/delivery.js';
import type { Evidence } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { owesRca } from '../promotions/rca-debt.js';
import type { Route } from '../promotions/routing.js';
import type { Outgoing, PostedMessage, Slack } from '../slack/slack.js';
import { alertMessage, escalationReply, rcaLinkedReply, repeatReply, resolvedReply } from '../views/alert.js';
import type { Message } from '../views/blocks.js';
import { rcaReminder } from '../views/rca-debt.js';
import { CLOCK_SKEW_MS, LEASE_MS, postponed, unlessGone } from './attempts.js';
import { createAttentionReplies, isAttentionReply } from './attention-replies.js';
import { type DeliveryOutcome, type LeaseDependencies, underLease } from './messages.js';
import { createProgressDelivery } from './progress.js';
import { findRouted, postRouted } from './routed-post.js';
import { createSummaryDelivery } from './summary.js';

export interface DeliveryDependencies extends LeaseDependencies {
  readonly db: {
    readonly alerts: Alerts;
    readonly replies: Replies;
    readonly progress: ProgressMessages;
    readonly attention: Pick<AttentionRecords, 'of'>;
    readonly summaries: Summaries;
    readonly audit: AuditLog;
  };
  readonly slack: Slack;
  /** Never rejects; answers within `deadlineMs`. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  /** Where what is about a Heroku app goes. */
  readonly routeOf: (herokuApp: string) => Route;
  /** Where it goes if Slack does not let the app post there. */
  readonly alertChannel: string;
  readonly broadcastCriticals: boolean;
  readonly onOutcome: (outcome: DeliveryOutcome) => void;
}

export interface Delivery {
  /** Brings one alert's message up to date in Slack. Rejects only where the database does. */
  alert(id: string): Promise<DeliveryOutcome>;
  reply(id: string): Promise<DeliveryOutcome>;
  /** Brings the message on how a promotion goes up to date. Rejects only where the database does. */
  progress(promotionId: string): Promise<DeliveryOutcome>;
  /** Brings a summary of alerts, or a reply in its thread, up to date. Rejects only where the database does. */
  summary(id: string): Promise<DeliveryOutcome>;
  /** Everything that one promotion has to say, now: what a click calls after its commit. */
  promotion(promotionId: string): Promise<readonly DeliveryOutcome[]>;
}

/**
 * How long an alert may wait for Heroku before it goes out without its answer; the next tick looks once more, and, while
 * Heroku stays silent, another one every now and then. Never the same tick: other alerts wait, and Heroku has just shown
 * that it is slow.
 */
const EVIDENCE_WITHIN_MS = 3_000;
const EVIDENCE_SOON_MS = 30_000;
const EVIDENCE_AGAIN_MS = 5 * 60_000;
/** Posting, then painting what changed meanwhile: more steps than that mean something is wrong. */
const MOST_STEPS = 5;

/** Says in Slack what the rows say: the one path for a click and for a tick. */
export function createDelivery(deps: DeliveryDependencies): Delivery {
  const { db, slack } = deps;
  const progress = createProgressDelivery({ ...deps, db: db.progress });
  const summary = createSummaryDelivery({ ...deps, db: db.summaries });
  const attentionReplies = createAttentionReplies(deps);

  async function alert(id: string): Promise<DeliveryOutcome> {
    return (await underLease(db.alerts, id, deps, deliverAlert)) ?? { kind: 'nothing' };
  }

  /** Takes one step after the other until the message shows what the row says. */
  async function deliverAlert(claimed: ClaimedAlert, lease: Lease): Promise<DeliveryOutcome> {
    let work: AlertWork | null = claimed;
    let outcome: DeliveryOutcome = { kind: 'nothing' };
    for (let steps = 0; work !== null && steps < MOST_STEPS; steps += 1) {
      const step: AlertStep = nextAlertStep(work, claimed.attemptsBefore, deps.now());
      if (step.kind === 'done' || step.kind === 'wait') break;
      const taken = await take(step, work, lease);
      if (outcome.kind === 'nothing') outcome = taken;
      work = await db.alerts.reread(claimed.alert.id, lease);
    }
    return outcome;
  }

  async function take(
    step: Exclude<AlertStep, { kind: 'done' | 'wait' }>,
    work: AlertWork,
    lease: Lease,
  ): Promise<DeliveryOutcome> {
    const { alert } = work;
    switch (step.kind) {
      case 'withdraw':
        await db.alerts.withdraw(alert.id, lease);
        return { kind: 'withdrawn' };
      case 'paint':
        return paint(work, step, lease);
      case 'post':
        return post(work, step.thread, lease, null);
      case 'find': {
        const found = await findAlert(work, step.thread);
        if (found !== null) {
          await db.alerts.recordPosted(alert.id, lease, {
            message: found.ref,
            threadTs: found.threadTs,
            at: deps.now(),
            evidenceDueAt: null,
          });
          return { kind: 'found' };
        }
        if (step.thenPost) return post(work, step.thread, lease, sinceOf(alert));
        await db.alerts.withdraw(alert.id, lease);
        return { kind: 'withdrawn' };
      }
    }
  }

  /** An earlier attempt may have gone into the thread, or, where that was gone, into the channel. */
  async function findAlert({ alert }: AlertWork, thread: MessageRef | null) {
    const since = sinceOf(alert);
    const key = alertKey(alert);
    if (thread !== null) {
      const reply = await unlessGone(() => slack.find({ channel: thread.channel, threadTs: thread.ts, key }, since));
      if (reply !== null) return { ref: reply, threadTs: thread.ts };
    }
    // An attempt that wrote down no channel went to the one there was before there were routes.
    const channel = alert.channel ?? thread?.channel ?? deps.alertChannel;
    const root = await findRouted(slack, { channel, fallback: deps.alertChannel, key }, since);
    return root === null ? null : { ref: root, threadTs: null };
  }

  async function post(
    work: AlertWork,
    thread: MessageRef | null,
    lease: Lease,
    perhapsSince: Date | null,
  ): Promise<DeliveryOutcome> {
    const { alert, promotion } = work;
    const route = deps.routeOf(promotion.herokuApp);
    const facts = {
      promotion,
      severity: alert.severity,
      evidence: thread === null ? await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS) : null,
      mention: alert.severity === 'critical' ? route.mention : null,
      attention: await db.attention.of(promotion.id),
    };
    const key = alertKey(alert);
    let posted: PostedMessage | null = null;
    let evidenceDueAt: Date | null = null;
    let threadTs = thread?.ts ?? null;
    if (thread !== null) {
      const to = { channel: thread.channel, threadTs: thread.ts, broadcast: deps.broadcastCriticals, key };
      posted = await unlessGone(() => slack.post(to, escalationReply(facts), perhapsSince));
    }
    if (posted === null) {
      // The warning's message was deleted: the critical needs buttons of its own.
      threadTs = null;
      const evidence = facts.evidence ?? (await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS));
      posted = await postRouted(slack, {
        key,
        row: alert,
        route: route.channel,
        fallback: deps.alertChannel,
        perhapsSince,
        record: (to) => db.alerts.recordDestination(alert.id, lease, to),
        message: (refusedRoute) => alertMessage({ ...facts, evidence, refusedRoute }),
      });
      if (posted === null) return { kind: 'nothing' };
      evidenceDueAt = askedAgainAt(evidence, EVIDENCE_SOON_MS);
    }
    const message = { channel: posted.channel, ts: posted.ts };
    if (await db.alerts.recordPosted(alert.id, lease, { message, threadTs, at: deps.now(), evidenceDueAt })) {
      return { kind: posted.wasThere ? 'found' : 'posted' };
    }
    await removeIfDoubled(posted, await db.alerts.ofPromotion(alert.promotionId), alert.id);
    return { kind: 'nothing' };
  }

  /** When Heroku is to be asked again for what it did not say in time; null where it has nothing more to say. */
  function askedAgainAt(evidence: Evidence | null, afterMs: number): Date | null {
    if (evidence?.kind !== 'unavailable' || evidence.reason !== 'no_answer') return null;
    return new Date(deps.now().getTime() + afterMs);
  }

  /** This process was paused past its lease while posting; whoever took over may have posted too. */
  async function removeIfDoubled(
    mine: MessageRef,
    rows: readonly { id: string; messageTs: string | null }[],
    id: string,
  ) {
    const recorded = rows.find((row) => row.id === id)?.messageTs ?? null;
    if (recorded !== null && recorded !== mine.ts) await slack.remove(mine);
  }

  async function paint(
    work: AlertWork,
    step: Extract<AlertStep, { kind: 'paint' }>,
    lease: Lease,
  ): Promise<DeliveryOutcome> {
    const { alert, promotion, alerts } = work;
    const evidence = isDeploying(promotion) ? await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS) : null;
    const message = alertMessage({
      promotion,
      severity: worstSeverity(alerts.filter((other) => other.state !== 'pending')),
      evidence,
      // An edit notifies nobody, so a mention in it would only mislead.
      mention: null,
      refusedRoute: alert.refusedRoute,
      attention: await db.attention.of(promotion.id),
    });
    const painted = await unlessGone(async () => {
      await slack.update(step.message, message);
      return true;
    });
    if (painted === null && isDeploying(promotion)) {
      await db.alerts.forgetMessage(alert.id, lease);
      return { kind: 'painted' };
    }
    const evidenceDueAt = askedAgainAt(evidence, EVIDENCE_AGAIN_MS);
    await db.alerts.recordPainted(alert.id, lease, { upTo: step.upTo, evidenceDueAt });
    return { kind: 'painted' };
  }

  async function reply(id: string): Promise<DeliveryOutcome> {
    const lease: Lease = { owner: deps.newOwner(), durationMs: LEASE_MS };
    const claimed = await db.replies.claim(id, lease, deps.now());
    if (claimed === null) return { kind: 'nothing' };
    try {
      return await deliverReply(claimed, lease);
    } catch (error) {
      await db.replies.release(id, lease, postponed(error, claimed.attemptsBefore + 1, deps));
      return { kind: 'failed', error };
    }
  }

  async function deliverReply(claimed: ClaimedReply, lease: Lease): Promise<DeliveryOutcome> {
    const { reply, promotion, alerts } = claimed;
    if (reply.message !== null) return paintReply(claimed, reply.message, lease);
    const thread = threadOf(alerts);
    const message = thread === null ? null : await replyMessage(claimed);
    if (thread === null || (message === null && claimed.attemptsBefore === 0)) {
      await db.replies.withdraw(reply.id, lease);
      return { kind: 'withdrawn' };
    }
    const to: Outgoing = {
      channel: thread.channel,
      threadTs: thread.ts,
      broadcast: deps.broadcastCriticals && isRepetition(claimed) && isDeploying(promotion),
      key: `reply:${reply.id}:${reply.createdAt.getTime()}`,
    };
    const since = claimed.attemptsBefore > 0 ? sinceOf(reply) : null;
    if (since !== null) {
      const found = await unlessGone(() => slack.find(to, since));
      if (found !== null) {
        await db.replies.recordPosted(reply.id, lease, found, deps.now());
        return { kind: 'found' };
      }
    }
    const posted = message === null ? null : await unlessGone(() => slack.post(to, message, since));
    if (posted === null) {
      await db.replies.withdraw(reply.id, lease);
      return { kind: 'withdrawn' };
    }
    if (posted.wasThere) {
      await db.replies.recordPosted(reply.id, lease, posted, deps.now());
      return { kind: 'found' };
    }
    await db.replies.recordPosted(reply.id, lease, posted, deps.now(), reply.repaintWanted);
    return { kind: 'posted' };
  }

  /** A question that is settled loses its buttons. */
  async function paintReply(claimed: ClaimedReply, at: MessageRef, lease: Lease): Promise<DeliveryOutcome> {
    const { reply } = claimed;
    const message = await attentionReplies.settled(claimed);
    if (message !== null) await unlessGone(() => slack.update(at, message));
    await db.replies.recordPainted(reply.id, lease, reply.repaintWanted);
    return { kind: 'painted' };
  }

  /** What a reply says, from the rows as they are now; null where it no longer has anything to say. */
  async function replyMessage(claimed: ClaimedReply): Promise<Message | null> {
    const { reply, promotion } = claimed;
    const { kind } = reply;
    if (isAttentionReply(kind)) return attentionReplies.message(claimed, kind);
    switch (kind) {
      case 'repeat': {
        // It may have waited for Slack, and somebody taken it meanwhile.
        const attention = await db.attention.of(promotion.id);
        if (!isDeploying(promotion) || (attention !== null && isQuiet(attention))) return null;
        return repeatReply(promotion, deps.routeOf(promotion.herokuApp).mention);
      }
      case 'resolved': {
        if (isDeploying(promotion)) return null;
        const { resolvedBy } = promotion;
        return resolvedReply(promotion, resolvedBy === null ? null : await slack.nameOf(resolvedBy));
      }
      case 'rca_linked': {
        const event = await db.audit.find(reply.ordinal);
        const url = event?.detail['url'];
        const previous = event?.detail['previous_url'];
        if (event === null || typeof url !== 'string') return null;
        return rcaLinkedReply(url, typeof previous === 'string' ? previous : null, await slack.nameOf(event.actor));
      }
      case 'rca_reminder':
        return owesRca(promotion) ? rcaReminder(promotion) : null;
    }
  }

  async function counted(delivered: Promise<DeliveryOutcome>): Promise<DeliveryOutcome> {
    const outcome = await delivered;
    deps.onOutcome(outcome);
    return outcome;
  }

  return {
    alert: (id) => counted(alert(id)),
    reply: (id) => counted(reply(id)),
    progress: (promotionId) => counted(progress(promotionId)),
    summary: (id) => counted(summary(id)),
    async promotion(promotionId) {
      const outcomes = [await counted(progress(promotionId))];
      for (const id of await db.alerts.pendingOf(promotionId)) outcomes.push(await counted(alert(id)));
      for (const id of await db.summaries.pendingOf(promotionId)) outcomes.push(await counted(summary(id)));
      for (const id of await db.replies.pendingOf(promotionId)) outcomes.push(await counted(reply(id)));
      return outcomes;
    },
  };
}

/**
 * Whether it says again that a critical is open, which the channel is to see too. What a summary tells may be hundreds: it
 * calls for all of them at once.
 */
function isRepetition({ reply, alerts }: ClaimedReply): boolean {
  if (rootOf(alerts) === null) return false;
  if (reply.kind === 'repeat') return true;
  return (reply.kind === 'owner_lost' || reply.kind === 'snooze_ended') && worstSeverity(alerts) === 'critical';
}

/** Since when its message can be there. */
function sinceOf(row: { readonly createdAt: Date }): Date {
  return new Date(row.createdAt.getTime() - CLOCK_SKEW_MS);
}

/** Ids alone would not do: another installation may post to the same channel. */
function alertKey(alert: { readonly id: string; readonly createdAt: Date }): string {
  return `alert:${alert.id}:${alert.createdAt.getTime()}`;
}
