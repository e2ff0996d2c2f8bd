import type { Lane } from '../../outbox/kind.js';
import type { Outbox } from '../../outbox/outbox.js';
import { defineStep, type Step } from './step.js';

export interface DeliverDependencies {
  readonly outbox: Outbox;
}

/** How many messages one tick looks at; the rest are due at the next. */
const MOST_PER_TICK = 200;

/** Delivers what is pending, also from earlier ticks and killed processes. */
export function deliverStep({ outbox }: DeliverDependencies): Step {
  return defineStep({
    canWait: true,
    gather: () => outbox.due(MOST_PER_TICK, 'slack'),
    decide: (ids) => ids.map((messageId) => ({ kind: 'deliver' as const, messageId })),
    async act({ messageId }) {
      const outcome = await outbox.deliver(messageId);
      if (outcome.kind === 'failed') throw outcome.error;
    },
  });
}

/** This many at once: a pager that hangs must keep neither other pages nor Slack waiting. */
const AT_ONCE = 10;

/** The same outside Slack. */
export function deliverOutsideStep(
  { outbox }: DeliverDependencies,
  lane: Exclude<Lane, 'slack'>,
  isOwed: () => boolean = () => true,
): Step {
  return defineStep({
    canWait: true,
    gather: async () => (isOwed() ? outbox.due(MOST_PER_TICK, lane) : []),
    decide: (ids) =>
      Array.from({ length: Math.ceil(ids.length / AT_ONCE) }, (_, batch) => ({
        kind: 'deliver_outside' as const,
        messageIds: ids.slice(batch * AT_ONCE, (batch + 1) * AT_ONCE),
      })),
    async act({ messageIds }) {
      const outcomes = await Promise.all(messageIds.map((id) => outbox.deliver(id)));
      const failed = outcomes.find((outcome) => outcome.kind === 'failed');
      if (failed !== undefined) throw failed.error;
    },
  });
}
