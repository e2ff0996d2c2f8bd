import { DIGEST_PERIOD, isLate } from '../../promotions/digest.js';
import { type DigestFacts, digestMessage } from '../../views/digest.js';
import { MISSING_RCAS_NAMED } from '../../views/rca-debt.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';
import { dueAt, statsOf } from './digest-period.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    digest: 'a week in figures; the subject is the wall clock’s reading at which it is due';
  }
}

/** Posted once; no longer news a day after it was due. */
export const digest = defineKind<DigestFacts & { readonly isLate: boolean }>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const { db, thresholds } = sources;
    const now = await db.now();
    const stuckBefore = new Date(now.getTime() - thresholds.warningAfterMs);
    return {
      stats: await statsOf(message, sources),
      period: DIGEST_PERIOD,
      missing: await db.rcaDebts.owed(MISSING_RCAS_NAMED),
      stuckNow: (await db.promotions.stuck(stuckBefore, { offset: 0, limit: 1 })).total,
      isLate: isLate(dueAt(message), now),
    };
  },
  place: (_message, _facts, { alertChannel }) => ({ to: 'channel', route: alertChannel }),
  show: (facts, { isNew }) => (isNew && !facts.isLate ? showing(digestMessage(facts)) : null),
});
