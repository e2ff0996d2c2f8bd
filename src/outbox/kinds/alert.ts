import { isDeploying } from '../../promotions/promotion.js';
import { alertMessage } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { type GatheredAlert, gatherAlert, showingAlert } from './alert-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    alert: 'the promotion’s own message, which carries the buttons';
  }
}

/**
 * Posted with the first alert, updated as it worsens and when it ends. It mentions people only as it is posted; its mark is
 * the severity that it was posted with, by which an escalation knows whether it is needed.
 */
export const alert = defineKind<GatheredAlert>({
  gone: 'post_again',
  unknownOutcome: 'find',
  gather: gatherAlert,
  place: (_message, { promotion }, { routeOf }) => ({ to: 'channel', route: routeOf(promotion.herokuApp).channel }),
  show(facts, request) {
    const { promotion, severity, mention } = facts;
    if (request.isNew && !isDeploying(promotion)) return null;
    return {
      ...showingAlert(alertMessage, facts, severity === 'critical' ? mention : null, request),
      ...(request.isNew ? { as: severity } : {}),
    };
  },
});
