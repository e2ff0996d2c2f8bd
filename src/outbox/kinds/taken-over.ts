import { isDeploying } from '../../promotions/promotion.js';
import { takenOverReply } from '../../views/attention.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';
import { type AttentionFacts, gatherAttention } from './attention-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    taken_over: 'somebody acknowledged it in another’s place; the ordinal is its audit event';
  }
}

export const takenOver = defineKind<AttentionFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherAttention,
  place: (message) => inThread(message),
  show({ promotion, event, actor }, { isNew }) {
    const from = event.detail['from'];
    if (!isNew || !isDeploying(promotion) || typeof from !== 'string') return null;
    return showing(takenOverReply(promotion, actor, from));
  },
});
