import type { Database } from '../db/database.js';
import type { Enrolments } from '../db/enrolments.js';

export interface Decision {
  readonly decision: string;
  readonly promotion: string | null;
  /** The kind of the database's answer, or `failed`. */
  readonly outcome: string;
}

export interface Listener {
  onDecision(decision: Decision): void;
  /** The request is about this promotion, as far as is known yet. */
  onPromotion(id: string): void;
}

interface FirstCode extends Decision {
  /** null: unknown; anyone with the link may have typed it. */
  readonly who: string | null;
  readonly ms: number;
}

/** The same database, reporting what is decided through it. Every decision of a person is one of these methods. */
export function noteDecisions(db: Database, { onDecision, onPromotion }: Listener): Database {
  async function noted<T extends { readonly kind: string }>(
    decision: string,
    promotion: string | null,
    decided: Promise<T>,
  ): Promise<T> {
    try {
      const outcome = await decided;
      onDecision({ decision, promotion: promotion ?? promotionIn(outcome), outcome: outcome.kind });
      return outcome;
    } catch (error) {
      onDecision({ decision, promotion, outcome: 'failed' });
      throw error;
    }
  }
  const { promotions, transitions, followUps, drifts, attention, enrolments, denials, drills } = db;
  return {
    ...db,
    denials: {
      ...denials,
      record(denial) {
        if (denial.promotionId !== null) onPromotion(denial.promotionId);
        return denials.record(denial);
      },
    },
    promotions: {
      ...promotions,
      find(id) {
        onPromotion(id);
        return promotions.find(id);
      },
      findNow(id) {
        onPromotion(id);
        return promotions.findNow(id);
      },
      resolve: (request, ...more) =>
        noted(`mark ${request.action}`, request.promotionId, promotions.resolve(request, ...more)),
      completeTogether: (...asked) => noted('complete live', null, promotions.completeTogether(...asked)),
      linkRca: (link) => noted('link RCA', link.promotionId, promotions.linkRca(link)),
    },
    transitions: {
      mark: (...asked) => noted('mark', null, transitions.mark(...asked)),
      carryOut: (request, ...more) =>
        noted(request.transition, request.promotionId, transitions.carryOut(request, ...more)),
    },
    drills: {
      ...drills,
      start: (...asked) => noted('drill start', null, drills.start(...asked)),
      acknowledge: (...asked) => noted('drill acknowledge', null, drills.acknowledge(...asked)),
      resolve: (request, ...more) => noted(`drill ${request.action}`, null, drills.resolve(request, ...more)),
    },
    followUps: {
      ...followUps,
      standing(id) {
        onPromotion(id);
        return followUps.standing(id);
      },
      start: (request, ...more) =>
        noted(request.followUp.replace('_', ' '), request.promotionId, followUps.start(request, ...more)),
    },
    drifts: {
      ...drifts,
      accept: (request, ...more) => noted('accept drift', request.promotionId, drifts.accept(request, ...more)),
    },
    attention: {
      ...attention,
      take: (asked) => noted('acknowledge', asked.promotionId, attention.take(asked)),
      answer: (asked) => noted(asked.answer, asked.promotionId, attention.answer(asked)),
      snooze: (asked) => noted('snooze', asked.promotionId, attention.snooze(asked)),
      unsnooze: (asked) => noted('unsnooze', asked.promotionId, attention.unsnooze(asked)),
    },
    enrolments: {
      ...enrolments,
      administer: (request, ...more) =>
        noted(`operators ${request.action}`, null, enrolments.administer(request, ...more)),
      confirm: (...asked) => noted('operators confirm', null, enrolments.confirm(...asked)),
      async decline(...asked) {
        const declining = enrolments.decline(...asked);
        await noted(
          'operators decline',
          null,
          declining.then((ended) => ({ kind: ended === null ? 'not_open' : 'declined' })),
        );
        return declining;
      },
    },
  };
}

/** The same for the page that takes a link's first code, which doesn't use Slack. */
export function noteFirstCodes(
  enrolments: Enrolments,
  onDecision: (decision: FirstCode) => void,
  elapsed: () => number,
): Enrolments {
  return {
    ...enrolments,
    async prove(...asked) {
      const startedAt = elapsed();
      const tell = (who: string | null, outcome: string) => {
        const ms = Math.round(elapsed() - startedAt);
        onDecision({ who, decision: 'first code', promotion: null, outcome, ms });
      };
      try {
        const outcome = await enrolments.prove(...asked);
        tell(outcome.kind === 'proved' ? outcome.enrolment.slackUserId : null, outcome.kind);
        return outcome;
      } catch (error) {
        tell(null, 'failed');
        throw error;
      }
    },
  };
}

function promotionIn(outcome: object): string | null {
  if (!('promotion' in outcome)) return null;
  const { promotion } = outcome;
  return typeof promotion === 'object' && promotion !== null && 'id' in promotion && typeof promotion.id === 'string'
    ? promotion.id
    : null;
}
