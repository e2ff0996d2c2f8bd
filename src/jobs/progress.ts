import type { ProgressMessages, ProgressWork } from '../db/progress.js';
import { nextProgressStep } from '../promotions/progress.js';
import type { Route } from '../promotions/routing.js';
import { progressMessage } from '../views/progress.js';
import { CLOCK_SKEW_MS } from './attempts.js';
import {
  createMessageDelivery,
  type DeliveryOutcome,
  type LeaseDependencies,
  type MessageDependencies,
} from './messages.js';

export interface ProgressDependencies extends LeaseDependencies, MessageDependencies {
  readonly db: ProgressMessages;
  /** Where what is about a Heroku app goes. */
  readonly routeOf: (herokuApp: string) => Route;
}

/** Brings the one message on how a promotion goes up to date: posted once, then painted in place. */
export function createProgressDelivery(deps: ProgressDependencies): (promotionId: string) => Promise<DeliveryOutcome> {
  const { db } = deps;
  return createMessageDelivery<ProgressWork>(deps, {
    db,
    nextStep: (work, attemptsBefore) => nextProgressStep(work.progress, work.promotion, attemptsBefore),
    destination: ({ progress, promotion }) => ({
      kind: 'channel',
      route: deps.routeOf(promotion.herokuApp).channel,
      row: progress,
      // The id alone would not do: another installation may post to the same channel.
      key: `progress:${progress.promotionId}:${progress.createdAt.getTime()}`,
      since: new Date(progress.createdAt.getTime() - CLOCK_SKEW_MS),
    }),
    render: (work, refusedRoute) => progressMessage({ ...work, refusedRoute }),
    recordDestination: ({ promotion }, lease, to) => db.recordDestination(promotion.id, lease, to),
    recordPosted({ progress, promotion }, lease, message, isShown) {
      const shown = isShown ? { upTo: progress.repaintWanted, state: promotion.state } : null;
      return db.recordPosted(promotion.id, lease, message, shown, deps.now());
    },
    recordPainted: ({ promotion }, lease, upTo) =>
      db.recordPainted(promotion.id, lease, { upTo, state: promotion.state }),
    withdraw: ({ promotion }, lease) => db.withdraw(promotion.id, lease),
    // Whoever deleted it does not want it.
    recordGone: ({ promotion }, lease) => db.withdraw(promotion.id, lease),
    recorded: async ({ promotion }) => (await db.of(promotion.id))?.message ?? null,
  });
}
