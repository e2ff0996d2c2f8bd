import { isDeploying } from '../../promotions/promotion.js';
import { ownerLostReply } from '../../views/attention.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';
import { type AttentionFacts, gatherAttention, ownerIn } from './attention-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    owner_lost: 'nobody is on it any more; the ordinal is its audit event';
  }
}

/** The owner didn't answer, or is no longer an operator. Not posted if somebody acknowledged it meanwhile. */
export const ownerLost = defineKind<AttentionFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherAttention,
  place: (message, { isBroadcast }) => inThread(message, isBroadcast),
  show({ promotion, severity, attention, event, mention }, { isNew }) {
    const isOwned = attention !== null && attention.ownership !== null;
    if (!isNew || !isDeploying(promotion) || isOwned) return null;
    const reason = event.detail['reason'] === 'disabled' ? 'disabled' : 'silent';
    return showing(ownerLostReply({ promotion, severity, owner: ownerIn(event), reason, mention }));
  },
});
