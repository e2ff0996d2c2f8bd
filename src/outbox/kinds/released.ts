import { isDeploying } from '../../promotions/promotion.js';
import { releasedReply } from '../../views/attention.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';
import { type AttentionFacts, gatherAttention } from './attention-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    released: 'the owner released it; the ordinal is its audit event';
  }
}

/** Mentions people only if nobody is on it now. */
export const released = defineKind<AttentionFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherAttention,
  place: (message) => inThread(message),
  show: ({ promotion, actor, attention, mention }, { isNew }) =>
    isNew && isDeploying(promotion)
      ? showing(releasedReply({ promotion, name: actor, ownership: attention?.ownership ?? null, mention }))
      : null,
});
