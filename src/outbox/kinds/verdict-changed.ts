import { verdictOf } from '../../promotions/evidence.js';
import { isDeploying } from '../../promotions/promotion.js';
import { verdictChangedReply } from '../../views/alert-changes.js';
import { defineKind } from '../kind.js';
import { gatherPromotion, inThread, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    verdict_changed: 'Heroku says something else than before; the ordinal is its audit event';
  }
}

interface ChangeFacts {
  readonly from: string;
  readonly to: string;
  /** Whether it still holds: the message may have waited for Slack. */
  readonly isStill: boolean;
}

/** Mentions nobody. */
export const verdictChanged = defineKind<ChangeFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    const event = await sources.db.audit.find(message.ordinal);
    const from = event?.detail['from'];
    const to = event?.detail['to'];
    if (facts === null || typeof from !== 'string' || typeof to !== 'string') return null;
    const evidence = (await sources.db.evidence.of([facts.promotion])).get(facts.promotion.id);
    const now = evidence === undefined ? 'unknown' : verdictOf(evidence);
    return { from, to, isStill: isDeploying(facts.promotion) && (now === to || now === 'unknown') };
  },
  place: (message) => inThread(message),
  show: ({ from, to, isStill }, { isNew }) => (isNew && isStill ? showing(verdictChangedReply(from, to)) : null),
});
