import { isDeploying } from '../../promotions/promotion.js';
import { alertMessage } from '../../views/alert.js';
import { vanishedMessage } from '../../views/alert-changes.js';
import { defineKind } from '../kind.js';
import { showing, type VanishedPromotion } from './about-promotion.js';
import { type GatheredAlert, gatherAlert, showingAlert } from './alert-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    alert: 'the promotion’s own message, which carries the buttons';
  }
}

/**
 * Updated as it worsens, as evidence changes, and when it ends. Mentions people only when posted. Its mark is the
 * severity it was posted with: an escalation depends on it.
 */
export const alert = defineKind<GatheredAlert | VanishedPromotion>({
  gone: 'post_again',
  unknownOutcome: 'find',
  gather: gatherAlert,
  place: (_message, facts, { routeOf }) => ({
    to: 'channel',
    route: routeOf('promotion' in facts ? facts.promotion.herokuApp : facts.herokuApp).channel,
  }),
  show(facts, request) {
    if (!('promotion' in facts)) return request.isNew ? null : showing(vanishedMessage(facts));
    const { promotion, severity, mention } = facts;
    if (request.isNew && !isDeploying(promotion)) return null;
    return {
      ...showingAlert(alertMessage, facts, severity === 'critical' ? mention : null, request),
      ...(request.isNew ? { as: severity } : {}),
    };
  },
});
