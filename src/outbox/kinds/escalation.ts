import { isDeploying } from '../../promotions/promotion.js';
import { escalationReply } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { gatherPromotion, inThread, type PromotionFacts, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    escalation: 'a warned promotion turned critical';
  }
}

/**
 * Mentions people in the thread, and in the channel, once a warning that they may have seen turns critical. Not where the
 * message itself came late, and was posted as critical.
 */
export const escalation = defineKind<PromotionFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherPromotion,
  place: (message, _facts, { broadcastCriticals }) => inThread(message, broadcastCriticals),
  show: ({ promotion, mention }, { isNew, message }) =>
    isNew && isDeploying(promotion) && message.root?.shownAs !== 'critical'
      ? showing(escalationReply(promotion, mention))
      : null,
});
