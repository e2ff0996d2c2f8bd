import { isDeploying } from '../../promotions/promotion.js';
import { resolvedReply } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { gatherPromotion, inThread, type PromotionFacts, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    resolved: 'the promotion ended';
  }
}

/** Says in the thread how it ended. It names who resolved it without a mention: they know. */
export const resolved = defineKind<PromotionFacts & { readonly resolvedBy: string | null }>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    if (facts === null) return null;
    const { resolvedBy } = facts.promotion;
    return { ...facts, resolvedBy: resolvedBy === null ? null : await sources.slack.nameOf(resolvedBy) };
  },
  place: (message) => inThread(message),
  show: ({ promotion, resolvedBy }, { isNew }) =>
    isNew && !isDeploying(promotion) ? showing(resolvedReply(promotion, resolvedBy)) : null,
});
