import { isDeploying } from '../../promotions/promotion.js';
import { resolvedReply } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { vanishedReply } from '../../views/alert-changes.js';
import {
  gatherPromotion,
  gatherVanished,
  inThread,
  type PromotionFacts,
  showing,
  type VanishedPromotion,
} from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    resolved: 'the promotion ended';
  }
}

/** Says in the thread how it ended. It names who resolved it without a mention: they know. */
export const resolved = defineKind<(PromotionFacts & { readonly resolvedBy: string | null }) | VanishedPromotion>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    if (facts === null) return gatherVanished(message, sources);
    const { resolvedBy } = facts.promotion;
    return { ...facts, resolvedBy: resolvedBy === null ? null : await sources.slack.nameOf(resolvedBy) };
  },
  place: (message) => inThread(message),
  show(facts, { isNew }) {
    if (!isNew) return null;
    if (!('promotion' in facts)) return showing(vanishedReply(facts));
    const { promotion, resolvedBy } = facts;
    return isDeploying(promotion) ? null : showing(resolvedReply(promotion, resolvedBy));
  },
});
