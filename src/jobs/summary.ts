import type { Summaries } from '../db/summaries.js';
import type { Route } from '../promotions/routing.js';
import { nextSummaryStep, type SummaryWork } from '../promotions/summary.js';
import { summaryMessage } from '../views/summary.js';
import { CLOCK_SKEW_MS } from './attempts.js';
import {
  createMessageDelivery,
  type DeliveryOutcome,
  type LeaseDependencies,
  type MessageDependencies,
  type MessagePlace,
} from './messages.js';

export interface SummaryDependencies extends LeaseDependencies, MessageDependencies {
  readonly db: Summaries;
  /** Where what is about a Heroku app goes, and whom it calls. */
  readonly routeOf: (herokuApp: string) => Route;
  readonly broadcastCriticals: boolean;
}

/** Brings a summary, or a reply in its thread, up to date. */
export function createSummaryDelivery(deps: SummaryDependencies): (id: string) => Promise<DeliveryOutcome> {
  const { db } = deps;

  function placeOf({ summary, root }: SummaryWork): MessagePlace {
    return root !== null && root.message !== null
      ? { kind: 'thread', root: root.message, broadcast: summary.kind === 'call' && deps.broadcastCriticals }
      : { kind: 'channel', route: summary.route ?? deps.alertChannel, row: summary };
  }

  return createMessageDelivery<SummaryWork>(deps, {
    db,
    nextStep: nextSummaryStep,
    destination: (work) => ({
      ...placeOf(work),
      key: `summary:${work.summary.id}:${work.summary.createdAt.getTime()}`,
      since: new Date(work.summary.createdAt.getTime() - CLOCK_SKEW_MS),
    }),
    render({ summary, facts }, refused) {
      // An edit notifies nobody, so a mention in it would only mislead.
      const mentions = summary.state === 'pending' ? facts.criticalApps.map((app) => deps.routeOf(app).mention) : [];
      return summaryMessage(summary.kind, summary.id, facts, { mentions: distinct(mentions), refused });
    },
    recordDestination: ({ summary }, lease, to) => db.recordDestination(summary.id, lease, to),
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

/** The apps of one channel may call different people. */
function distinct(mentions: readonly (string | null)[]): string[] {
  return [...new Set(mentions.filter((mention) => mention !== null))];
}
