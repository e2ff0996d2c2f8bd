import { isDeploying } from '../../promotions/promotion.js';
import { escalationReply } from '../../views/alert.js';
import { vanishedReply } from '../../views/alert-changes.js';
import { defineKind } from '../kind.js';
import { inThread, showing, type VanishedPromotion } from './about-promotion.js';
import { type GatheredAlert, gatherAlert, showingAlert } from './alert-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    warned: 'a promotion that a notice told of is stuck now';
  }
}

/**
 * Slack notifies nobody of the notice's update, so its thread says it. Mentions nobody, and isn't posted while snoozed.
 * Has the alert's buttons until the promotion ends.
 */
export const warned = defineKind<GatheredAlert | VanishedPromotion>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: gatherAlert,
  place: (message) => inThread(message),
  show(facts, request) {
    if (!('promotion' in facts)) return request.isNew ? null : showing(vanishedReply(facts));
    const isSnoozed = facts.attention !== null && facts.attention.snooze !== null;
    const isNews = request.message.root?.shownAs === 'notice' && facts.severity === 'warning' && !isSnoozed;
    if (request.isNew && (!isNews || !isDeploying(facts.promotion))) return null;
    return showingAlert(escalationReply, facts, null, request);
  },
});
