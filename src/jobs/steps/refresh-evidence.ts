import type { Database } from '../../db/database.js';
import type { EvidenceRefresher } from '../../heroku/evidence-refresh.js';
import { REFRESH_EVERY_MS, REFRESH_SOON_MS, type RefreshedPromotion } from '../../promotions/evidence-refresh.js';
import { defineStep, type Step } from './step.js';

export interface RefreshEvidenceDependencies {
  readonly db: Pick<Database, 'evidence'>;
  /** null where no API key is configured. */
  readonly evidenceRefresher: EvidenceRefresher | null;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
}

/** How long one app may take to answer, and how long after the first one more is asked about: alerts wait behind this. */
const WITHIN_MS = 3_000;
const BEGIN_WITHIN_MS = 5_000;

/** Asks Heroku again about what is alerted: one request per app. After `detect`, so that what worsens is told with fresh evidence. */
export function refreshEvidenceStep({ db, evidenceRefresher, elapsed, patience }: RefreshEvidenceDependencies): Step {
  let until = Number.POSITIVE_INFINITY;
  return defineStep({
    async gather() {
      until = elapsed() + BEGIN_WITHIN_MS * patience;
      return evidenceRefresher === null ? [] : db.evidence.due();
    },
    decide: (due) =>
      due.map(({ herokuApp, promotionIds }) => ({ kind: 'refresh_evidence' as const, herokuApp, promotionIds })),
    async act({ herokuApp, promotionIds }) {
      // What isn't claimed is due at the next tick, before the others.
      if (evidenceRefresher === null || elapsed() > until) return;
      if (evidenceRefresher.isShort()) return db.evidence.postpone(REFRESH_EVERY_MS.critical);
      const claimed = await db.evidence.claim(promotionIds, REFRESH_EVERY_MS);
      if (claimed.length === 0) return;
      const { evidence, waitMs } = await evidenceRefresher.refresh(herokuApp, claimed, WITHIN_MS * patience);
      await store(db, claimed, evidence);
      if (waitMs !== null) await db.evidence.postpone(waitMs);
    },
  });
}

async function store(
  db: RefreshEvidenceDependencies['db'],
  claimed: readonly RefreshedPromotion[],
  evidence: Awaited<ReturnType<EvidenceRefresher['refresh']>>['evidence'],
): Promise<void> {
  const found = claimed.map((one) => ({ ...one, evidence: evidence.get(one.promotion.id) ?? one.stored }));
  await db.evidence.store(
    found.flatMap(({ promotion, stored, evidence: now }) =>
      now === null || now === stored ? [] : [{ promotion, evidence: now, againAfterMs: null }],
    ),
    { announce: true },
  );
  // What stands although Heroku didn't answer is asked about soon; its message needs no update.
  await db.evidence.store(
    found.flatMap(({ promotion, stored, evidence: now }) =>
      now === null || now !== stored ? [] : [{ promotion, evidence: now, againAfterMs: REFRESH_SOON_MS }],
    ),
    { announce: false },
  );
}
