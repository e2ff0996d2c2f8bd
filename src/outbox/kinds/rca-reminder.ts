import { isMissingRca } from '../../promotions/rca-debt.js';
import { rcaReminder } from '../../views/rca-debt.js';
import { defineKind } from '../kind.js';
import { gatherPromotion, inThread, type PromotionFacts, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    rca_reminder: 'an ended critical has no RCA';
  }
}

/** Reminds the thread once, days after a critical's end. Mentions nobody. */
export const rcaReminderReply = defineKind<PromotionFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherPromotion,
  place: (message) => inThread(message),
  show: ({ promotion }, { isNew }) => (isNew && isMissingRca(promotion) ? showing(rcaReminder(promotion)) : null),
});
