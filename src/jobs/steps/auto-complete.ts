import type { Database } from '../../db/database.js';
import type { Outbox } from '../../outbox/outbox.js';
import { isExternal, isProvenLive } from '../../promotions/auto-complete.js';
import type { Evidence } from '../../promotions/evidence.js';
import type { Promotion } from '../../promotions/promotion.js';
import type { Thresholds } from '../../promotions/stuck.js';
import { autoCompleteNote } from '../../views/evidence.js';
import { defineStep, type Step } from './step.js';

export interface AutoCompleteDependencies {
  readonly db: Pick<Database, 'alerts' | 'promotions'>;
  readonly outbox: Outbox;
  readonly isOn: boolean;
  /** Never rejects; answers within `deadlineMs`. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  readonly thresholds: Thresholds;
  readonly now: () => Date;
}

/**
 * How many rows one tick asks Heroku about, how long each may take, and how often one is asked about: each is up to a
 * dozen requests.
 */
const MOST_PER_TICK = 10;
const EVIDENCE_WITHIN_MS = 3_000;
const ASK_EVERY_MS = 5 * 60_000;

/**
 * Completes other systems' stuck rows that Heroku proves live. After `deliver`, so that the row has its alert, in whose
 * thread the end is posted.
 */
export function autoCompleteStep(deps: AutoCompleteDependencies): Step {
  const { db, outbox } = deps;
  return defineStep({
    canWait: true,
    async gather(at) {
      if (!deps.isOn) return [];
      const { stuck } = await db.alerts.gather(new Date(at.getTime() - deps.thresholds.warningAfterMs));
      return db.promotions.dueForProof(
        stuck
          .map(({ promotion }) => promotion)
          .filter(isExternal)
          .map(({ id }) => id),
        MOST_PER_TICK,
      );
    },
    decide: (ids) => ids.map((promotionId) => ({ kind: 'auto_complete' as const, promotionId })),
    async act({ promotionId }) {
      const promotion = await db.promotions.claimForProof(promotionId, ASK_EVERY_MS);
      if (promotion === null) return;
      const proof = await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS);
      if (!isProvenLive(promotion, proof)) return;
      if (!(await db.promotions.autoComplete(promotion.id, proof, autoCompleteNote(proof), deps.now()))) return;
      for (const outcome of await outbox.deliverAbout(promotion.id)) if (outcome.kind === 'failed') throw outcome.error;
    },
  });
}
