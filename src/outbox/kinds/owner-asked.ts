import { isDeploying } from '../../promotions/promotion.js';
import { answeredQuestion, ownerQuestion } from '../../views/attention.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';
import { type AttentionFacts, gatherAttention, ownerIn } from './attention-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    owner_asked: 'the owner is asked whether they are still on it; the ordinal is its audit event';
  }
}

/** Mentions only the owner. Any answer removes its buttons. */
export const ownerAsked = defineKind<AttentionFacts & { readonly ownerName: string }>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherAttention(message, sources);
    return facts === null ? null : { ...facts, ownerName: await sources.slack.nameOf(ownerIn(facts.event)) };
  },
  place: (message) => inThread(message),
  show({ promotion, attention, event, ownerName }, { isNew, message }) {
    const ownership = attention?.ownership ?? null;
    const isOpen = isDeploying(promotion) && ownership?.question?.id === message.ordinal;
    if (isOpen) return showing(ownerQuestion(promotion, ownerIn(event)));
    return isNew ? null : showing(answeredQuestion(ownerName, ownership, ownerIn(event), isDeploying(promotion)));
  },
});
