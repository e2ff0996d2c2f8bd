import type { ProgressFacts } from '../../promotions/progress.js';
import { progressMessage } from '../../views/progress.js';
import { defineKind } from '../kind.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    progress: 'how a promotion goes, from its start to its end';
  }
}

/** One message, updated at each step: updates notify nobody. Marked with the state it shows: see `endedUnnoticed`. */
export const progress = defineKind<ProgressFacts>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ promotionId, detail }, { db }) {
    const promotion = promotionId === null ? null : await db.promotions.find(promotionId);
    if (promotion === null) return null;
    const noticed = detail['drift_noticed_at'];
    return {
      promotion,
      accepted: await db.acceptedRelease(promotion.id),
      driftNoticedAt: typeof noticed === 'string' ? new Date(noticed) : null,
    };
  },
  place: (_message, { promotion }, { routeOf }) => ({ to: 'channel', route: routeOf(promotion.herokuApp).channel }),
  show: (facts, { refused }) => ({
    content: { message: progressMessage({ ...facts, refusedRoute: refused }) },
    as: facts.promotion.state,
  }),
});
