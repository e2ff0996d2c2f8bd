import type { ProgressFacts } from '../../promotions/progress.js';
import { vanishedMessage } from '../../views/alert-changes.js';
import { progressMessage } from '../../views/progress.js';
import { defineKind } from '../kind.js';
import type { VanishedPromotion } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    progress: 'how a promotion goes, from its start to its end';
  }
}

interface ShownProgress extends ProgressFacts {
  readonly isKnownBefore: boolean;
}

/** One message, updated at each step: updates notify nobody. Marked with the state it shows: see `endedUnnoticed`. */
export const progress = defineKind<ShownProgress | Pick<VanishedPromotion, 'promotionId' | 'flagKey' | 'herokuApp'>>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ promotionId, detail }, { db }) {
    const promotion = promotionId === null ? null : await db.promotions.find(promotionId);
    if (promotion === null) {
      const { flag_key: flagKey, heroku_app: herokuApp } = detail;
      if (promotionId === null || typeof flagKey !== 'string' || typeof herokuApp !== 'string') return null;
      return { promotionId, flagKey, herokuApp };
    }
    const noticed = detail['drift_noticed_at'];
    const since = promotion.state === 'deployed' ? await db.followUps.standing(promotion.id) : null;
    return {
      promotion,
      since,
      isKnownBefore: since?.setBack.kind === 'known',
      verification: promotion.state === 'deployed' ? await db.verifications.of(promotion.id) : null,
      accepted: await db.acceptedRelease(promotion.id),
      driftNoticedAt: typeof noticed === 'string' ? new Date(noticed) : null,
    };
  },
  place: (_message, facts, { routeOf }) => ({
    to: 'channel',
    route: routeOf('promotion' in facts ? facts.promotion.herokuApp : facts.herokuApp).channel,
  }),
  show(facts, { isNew, message, refused }) {
    if ('promotion' in facts) {
      return {
        content: { message: progressMessage({ ...facts, refusedRoute: refused }) },
        as: facts.promotion.state,
      };
    }
    // It already says how it ended.
    if (isNew || message.shownAs !== 'deploying') return null;
    return { content: { message: vanishedMessage(facts) }, as: 'vanished' };
  },
});
