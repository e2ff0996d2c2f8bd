import { isDeploying } from '../../promotions/promotion.js';
import { escalationReply } from '../../views/alert.js';
import { vanishedReply } from '../../views/alert-changes.js';
import { defineKind } from '../kind.js';
import { inThread, showing, type VanishedPromotion } from './about-promotion.js';
import { type GatheredAlert, gatherAlert, showingAlert } from './alert-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    escalation: 'a warned promotion turned critical';
  }
}

/**
 * Mentions people in the thread and the channel when a posted warning turns critical, but not if the alert was posted
 * as critical already. Has the alert's buttons until the promotion ends.
 */
export const escalation = defineKind<GatheredAlert | VanishedPromotion>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherAlert,
  place: (message, _facts, { broadcastCriticals }) => inThread(message, broadcastCriticals),
  show(facts, request) {
    if (!('promotion' in facts)) return request.isNew ? null : showing(vanishedReply(facts));
    const isNeeded = isDeploying(facts.promotion) && request.message.root?.shownAs !== 'critical';
    if (request.isNew && !isNeeded) return null;
    return showingAlert(escalationReply, facts, facts.mention, request);
  },
});
