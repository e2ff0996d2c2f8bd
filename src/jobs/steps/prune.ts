import type { Database } from '../../db/database.js';
import { defineStep, type Step } from './step.js';

export interface PruneDependencies {
  readonly db: Pick<Database, 'denials' | 'enrolments' | 'pruning' | 'takenRequests'>;
  /** How long a promotion's messages are kept after all became final. */
  readonly pruneAfterMs: number;
}

/** Promotions to prune in one tick: an upgrade may find years of them. */
const MOST_PER_TICK = 100;

export function pruneStep({ db, pruneAfterMs }: PruneDependencies): Step {
  const restedBefore = (at: Date) => new Date(at.getTime() - pruneAfterMs);
  return defineStep({
    gather: async (at) => ({
      promotionIds: await db.pruning.prunable(restedBefore(at), MOST_PER_TICK),
      messageIds: await db.pruning.prunableMessages(restedBefore(at), MOST_PER_TICK),
      leftovers: await db.pruning.leftovers(at),
      hasOverDenials: await db.denials.hasOver(),
    }),
    decide: ({ promotionIds, messageIds, leftovers, hasOverDenials }) => [
      ...promotionIds.map((promotionId) => ({ kind: 'prune' as const, promotionId })),
      ...messageIds.map((messageId) => ({ kind: 'prune_message' as const, messageId })),
      ...(leftovers.requests ? [{ kind: 'forget_requests' as const }] : []),
      ...(leftovers.links ? [{ kind: 'end_links' as const }] : []),
      ...(hasOverDenials ? [{ kind: 'count_denials' as const }] : []),
    ],
    act(action, at): Promise<unknown> {
      switch (action.kind) {
        case 'prune':
          return db.pruning.prune(action.promotionId, restedBefore(at));
        case 'prune_message':
          return db.pruning.pruneMessage(action.messageId, restedBefore(at));
        case 'forget_requests':
          return db.takenRequests.forgetOld();
        case 'count_denials':
          return db.denials.tellOver(at);
        case 'end_links':
          return db.enrolments.endExpired(at);
      }
    },
  });
}
