import type { Evidence } from '../../promotions/evidence.js';
import { isDeploying } from '../../promotions/promotion.js';
import { alertMessage } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { gatherPromotion, type PromotionFacts } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    alert: 'the promotion’s own message, which carries the buttons';
  }
}

/** How long an alert may wait for Heroku before it goes out without an answer. Longer, and other alerts would wait. */
const EVIDENCE_WITHIN_MS = 3_000;
/** When Heroku is asked again for what it didn't say in time: soon after the post, then every now and then. */
const EVIDENCE_SOON_MS = 30_000;
const EVIDENCE_AGAIN_MS = 5 * 60_000;

interface AlertFacts extends PromotionFacts {
  /** null where the promotion ended: its outcome says more. */
  readonly evidence: Evidence | null;
}

/**
 * Posted with the first alert, updated as it worsens and when it ends. It mentions people only as it is posted; its mark is
 * the severity that it was posted with, by which an escalation knows whether it is needed.
 */
export const alert = defineKind<AlertFacts>({
  gone: 'post_again',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    if (facts === null) return null;
    const evidence = isDeploying(facts.promotion)
      ? await sources.readEvidence(facts.promotion, EVIDENCE_WITHIN_MS)
      : null;
    return { ...facts, evidence };
  },
  place: (_message, { promotion }, { routeOf }) => ({ to: 'channel', route: routeOf(promotion.herokuApp).channel }),
  show({ promotion, severity, evidence, attention, mention }, { isNew, refused }) {
    if (isNew && !isDeploying(promotion)) return null;
    const isOwed = evidence?.kind === 'unavailable' && evidence.reason === 'no_answer';
    return {
      content: {
        message: alertMessage({
          promotion,
          severity,
          evidence,
          mention: isNew && severity === 'critical' ? mention : null,
          refusedRoute: refused,
          attention,
        }),
      },
      ...(isNew ? { as: severity } : {}),
      refreshAfterMs: isOwed ? (isNew ? EVIDENCE_SOON_MS : EVIDENCE_AGAIN_MS) : null,
    };
  },
});
