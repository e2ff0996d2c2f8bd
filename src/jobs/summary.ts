import type { Summaries } from '../db/summaries.js';
import { nextSummaryStep, type SummaryWork } from '../promotions/summary.js';
import type { Slack } from '../slack/slack.js';
import { summaryMessage } from '../views/summary.js';
import { CLOCK_SKEW_MS } from './attempts.js';
import { createMessageDelivery, type DeliveryOutcome, type LeaseDependencies } from './messages.js';

export interface SummaryDependencies extends LeaseDependencies {
  readonly db: Summaries;
  readonly slack: Slack;
  readonly alertChannel: string;
  readonly criticalMention: string | null;
  readonly broadcastCriticals: boolean;
}

/** Brings a summary, or a reply in its thread, up to date. */
export function createSummaryDelivery(deps: SummaryDependencies): (id: string) => Promise<DeliveryOutcome> {
  const { db } = deps;
  return createMessageDelivery<SummaryWork>(deps, {
    db,
    nextStep: nextSummaryStep,
    destination: ({ summary, root }) => ({
      to: {
        channel: root?.message?.channel ?? deps.alertChannel,
        threadTs: root?.message?.ts ?? null,
        broadcast: summary.kind === 'call' && deps.broadcastCriticals,
        key: `summary:${summary.id}:${summary.createdAt.getTime()}`,
      },
      since: new Date(summary.createdAt.getTime() - CLOCK_SKEW_MS),
    }),
    render({ summary, facts }) {
      // An edit notifies nobody, so a mention in it would only mislead.
      const mention = summary.state === 'pending' ? deps.criticalMention : null;
      return summaryMessage(summary.kind, summary.id, facts, mention);
    },
    // First: after an outcome that nobody learned, those whom the post called are not called again.
    async beforePost({ summary, facts }, lease) {
      if (summary.kind !== 'summary' || facts.openCriticals === 0) return;
      await db.recordCall(summary.id, lease, facts.criticalsThrough, deps.now());
    },
    recordPosted({ summary, facts }, lease, message, isShown) {
      const shown = isShown ? { upTo: summary.repaintWanted, through: facts.through } : null;
      return db.recordPosted(summary.id, lease, message, shown, deps.now());
    },
    recordPainted: ({ summary, facts }, lease, upTo) =>
      db.recordPainted(summary.id, lease, { upTo, through: facts.through }, deps.now()),
    withdraw: ({ summary }, lease) => db.withdraw(summary.id, lease),
    recordGone: ({ summary, facts }, lease) =>
      facts.open > 0 ? db.forgetMessage(summary.id, lease) : db.withdraw(summary.id, lease),
    recorded: ({ summary }) => db.messageOf(summary.id),
  });
}
