import type { Database } from '../../db/database.js';
import { defineStep, type Step } from './step.js';

export interface PruneDependencies {
  readonly db: Pick<Database, 'pruning'>;
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
    }),
    decide: ({ promotionIds, messageIds }) => [
      ...promotionIds.map((promotionId) => ({ kind: 'prune' as const, promotionId })),
      ...messageIds.map((messageId) => ({ kind: 'prune_message' as const, messageId })),
    ],
    act: (action, at): Promise<unknown> =>
      action.kind === 'prune'
        ? db.pruning.prune(action.promotionId, restedBefore(at))
        : db.pruning.pruneMessage(action.messageId, restedBefore(at)),
  });
}
