import { isQuiet } from '../../promotions/attention.js';
import { isDeploying } from '../../promotions/promotion.js';
import { repeatReply } from '../../views/alert.js';
import { vanishedReply } from '../../views/alert-changes.js';
import { defineKind } from '../kind.js';
import { inThread, isBroadcastCritical, showing, type VanishedPromotion } from './about-promotion.js';
import { type GatheredAlert, gatherAlert, showingAlert } from './alert-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    repeat: 'a critical is still open; the ordinal counts the days';
  }
}

/**
 * Mentions people again while a critical stays open, with the alert's buttons. If it had to wait for Slack, somebody
 * may be on it by now: then it isn't posted.
 */
export const repeat = defineKind<(GatheredAlert | VanishedPromotion) & { readonly isBroadcast: boolean }>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherAlert(message, sources);
    if (facts === null) return null;
    return { ...facts, isBroadcast: 'promotion' in facts && isBroadcastCritical(facts, sources) };
  },
  place: (message, { isBroadcast }) => inThread(message, isBroadcast),
  show(facts, request) {
    if (!('promotion' in facts)) return request.isNew ? null : showing(vanishedReply(facts));
    const { promotion, attention, mention } = facts;
    if (request.isNew && (!isDeploying(promotion) || (attention !== null && isQuiet(attention)))) return null;
    return showingAlert(repeatReply, facts, mention, request);
  },
});
