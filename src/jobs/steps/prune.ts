import type { Database } from '../../db/database.js';
import { defineStep, type Step } from './step.js';

export interface PruneDependencies {
  readonly db: Pick<Database, 'pruning' | 'takenRequests'>;
  /** How long what was said of a promotion is kept after it came to rest. */
  readonly pruneAfterMs: number;
}

/** About how many promotions one tick removes what was said: an upgrade may find years of them. */
const MOST_PER_TICK = 100;

/** Removes what nobody needs any more. */
export function pruneStep({ db, pruneAfterMs }: PruneDependencies): Step {
  const restedBefore = (at: Date) => new Date(at.getTime() - pruneAfterMs);
  return defineStep({
    gather: async (at) => ({
      promotionIds: await db.pruning.prunable(restedBefore(at), MOST_PER_TICK),
      messageIds: await db.pruning.prunableMessages(restedBefore(at), MOST_PER_TICK),
      hasOldRequests: await db.takenRequests.hasOld(),
    }),
    decide: ({ promotionIds, messageIds, hasOldRequests }) => [
      ...promotionIds.map((promotionId) => ({ kind: 'prune' as const, promotionId })),
      ...messageIds.map((messageId) => ({ kind: 'prune_message' as const, messageId })),
      ...(hasOldRequests ? [{ kind: 'forget_requests' as const }] : []),
    ],
    act(action, at): Promise<unknown> {
      switch (action.kind) {
        case 'prune':
          return db.pruning.prune(action.promotionId, restedBefore(at));
        case 'prune_message':
          return db.pruning.pruneMessage(action.messageId, restedBefore(at));
        case 'forget_requests':
          return db.takenRequests.forgetOld();
      }
    },
  });
}
