import { isQuiet } from '../../promotions/attention.js';
import { isDeploying } from '../../promotions/promotion.js';
import { repeatReply } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { gatherPromotion, inThread, isBroadcastCritical, type PromotionFacts, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    repeat: 'a critical is still open; the ordinal counts the days';
  }
}

/** Mentions people again while a critical stays open. It may have waited for Slack, and somebody be on it by now. */
export const repeat = defineKind<PromotionFacts & { readonly isBroadcast: boolean }>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    return facts === null ? null : { ...facts, isBroadcast: isBroadcastCritical(facts, sources) };
  },
  place: (message, { isBroadcast }) => inThread(message, isBroadcast),
  show({ promotion, attention, mention }, { isNew }) {
    if (!isNew || !isDeploying(promotion) || (attention !== null && isQuiet(attention))) return null;
    return showing(repeatReply(promotion, mention));
  },
});
