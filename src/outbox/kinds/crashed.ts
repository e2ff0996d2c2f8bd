import type { Standing } from '../../promotions/follow-up.js';
import { isRevertible } from '../../promotions/progress.js';
import type { Promotion } from '../../promotions/promotion.js';
import type { Verification } from '../../promotions/running.js';
import { crashedMessage } from '../../views/running.js';
import { defineKind } from '../kind.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    crashed: 'what was deployed crashed, or is not up in time';
  }
}

interface CrashedFacts {
  readonly promotion: Promotion;
  readonly verification: Verification;
  readonly since: Standing | null;
}

/** In the channel itself: nobody looks into the thread of what went well. */
export const crashed = defineKind<CrashedFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ promotionId }, { db }) {
    const promotion = promotionId === null ? null : await db.promotions.find(promotionId);
    const verification = promotion === null ? null : await db.verifications.of(promotion.id);
    if (promotion === null || verification === null) return null;
    return { promotion, verification, since: await db.followUps.standing(promotion.id) };
  },
  place: (_message, { promotion }, { routeOf }) => ({ to: 'channel', route: routeOf(promotion.herokuApp).channel }),
  show(facts, { isNew, refused }) {
    // Somebody has already acted on it.
    if (isNew && !isRevertible(facts)) return null;
    const message = crashedMessage({
      ...facts,
      isKnownBefore: facts.since?.setBack.kind === 'known',
      refusedRoute: refused,
    });
    return message === null ? null : { content: { message } };
  },
});
