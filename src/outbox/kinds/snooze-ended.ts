import { isDeploying } from '../../promotions/promotion.js';
import { snoozeEndedReply } from '../../views/attention.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';
import { type AttentionFacts, gatherAttention } from './attention-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    snooze_ended: 'a snooze is over; the ordinal is its audit event';
  }
}

/** Mentions the owner, or else whom its criticals mention. Not posted if it was snoozed again. */
export const snoozeEnded = defineKind<AttentionFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherAttention,
  place: (message, { isBroadcast }) => inThread(message, isBroadcast),
  show({ promotion, severity, attention, mention }, { isNew }) {
    const isSnoozed = attention !== null && attention.snooze !== null;
    if (!isNew || !isDeploying(promotion) || isSnoozed) return null;
    const owner = attention?.ownership?.owner ?? null;
    return showing(snoozeEndedReply({ promotion, severity, owner, mention }));
  },
});
