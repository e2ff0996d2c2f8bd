import type { Outbox } from '../../outbox/outbox.js';
import { defineStep, type Step } from './step.js';

export interface DeliverDependencies {
  readonly outbox: Outbox;
}

/** How many messages one tick looks at: what is left is due at the next. */
const MOST_PER_TICK = 200;

/** Delivers what is owed, also by earlier ticks and by processes that were killed. */
export function deliverStep({ outbox }: DeliverDependencies): Step {
  return defineStep({
    canWait: true,
    gather: () => outbox.due(MOST_PER_TICK),
    decide: (ids) => ids.map((messageId) => ({ kind: 'deliver' as const, messageId })),
    async act({ messageId }) {
      const outcome = await outbox.deliver(messageId);
      if (outcome.kind === 'failed') throw outcome.error;
    },
  });
}
