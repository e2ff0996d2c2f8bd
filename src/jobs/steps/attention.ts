import type { Database } from '../../db/database.js';
import { type AttentionAction, planAttention } from '../../promotions/attention.js';
import type { Thresholds } from '../../promotions/stuck.js';
import { defineStep, type Step } from './step.js';

export interface AttentionDependencies {
  readonly db: Pick<Database, 'alerts' | 'attention'>;
  readonly thresholds: Thresholds;
}

/** Asks owners whether they are still on it, takes off those who don't answer, and ends snoozes. */
export function attentionStep({ db, thresholds }: AttentionDependencies): Step {
  return defineStep({
    async gather(at) {
      const attention = await db.attention.all();
      if (attention.size === 0) return { stuck: [], attention };
      const { stuck } = await db.alerts.gather(new Date(at.getTime() - thresholds.warningAfterMs));
      return { stuck, attention };
    },
    decide: ({ stuck, attention }, at) => planAttention(stuck, attention, at),
    act: (action, at) => record(db, action, at),
  });
}

async function record({ attention }: AttentionDependencies['db'], action: AttentionAction, at: Date): Promise<void> {
  const { promotionId } = action;
  switch (action.kind) {
    case 'ask_owner':
      return attention.askOwner(promotionId, action.owner, at);
    case 'lose_owner':
      return attention.loseOwner(promotionId, action.owner, action.reason, at);
    case 'end_snooze':
      return attention.endSnooze(promotionId, at);
  }
}
