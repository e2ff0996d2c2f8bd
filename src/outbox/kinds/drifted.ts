import type { Drift } from '../../promotions/drift.js';
import type { Standing } from '../../promotions/follow-up.js';
import { isRevertible } from '../../promotions/progress.js';
import { driftMessage } from '../../views/drift.js';
import { defineKind } from '../kind.js';
import { inThread } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    drifted: 'what was deployed was changed on Heroku since';
  }
}

interface DriftedFacts {
  readonly standing: Standing;
  readonly drift: Drift;
}

/** In its promotion's thread and the channel; without a thread, by itself. */
export const drifted = defineKind<DriftedFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ promotionId }, { db }) {
    const standing = promotionId === null ? null : await db.followUps.standing(promotionId);
    const drift = promotionId === null ? null : await db.drifts.of(promotionId);
    return standing === null || drift === null ? null : { standing, drift };
  },
  place: (message, { standing }, { routeOf }) =>
    message.root === null
      ? { to: 'channel', route: routeOf(standing.promotion.herokuApp).channel }
      : inThread(message, true),
  show({ standing, drift }, { isNew, message, refused }) {
    // A later change has its own message.
    if (String(drift.toldSeq) !== message.ordinal) return null;
    const isOpen = drift.state === 'open' && isRevertible({ promotion: standing.promotion, since: standing });
    if (isNew && !isOpen) return null;
    return { content: { message: driftMessage({ ...standing, drift, isOpen, refusedRoute: refused }) } };
  },
});
