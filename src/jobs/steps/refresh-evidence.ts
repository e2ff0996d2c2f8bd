import type { Database } from '../../db/database.js';
import type { AddDynos } from '../../heroku/dyno-evidence.js';
import type { EvidenceRefresher } from '../../heroku/evidence-refresh.js';
import type { Evidence } from '../../promotions/evidence.js';
import { REFRESH_EVERY_MS, REFRESH_SOON_MS, type RefreshedPromotion } from '../../promotions/evidence-refresh.js';
import { defineStep, type Step } from './step.js';

export interface RefreshEvidenceDependencies {
  readonly db: Pick<Database, 'evidence'>;
  /** null: no API key is configured. */
  readonly evidenceRefresher: EvidenceRefresher | null;
  readonly addDynos: AddDynos;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
}

/** How long one app may take, and how long after the first one more is started: alerts wait behind this. */
const WITHIN_MS = 3_000;
const DYNOS_WITHIN_MS = 1_000;
const BEGIN_WITHIN_MS = 5_000;

/**
 * Asks Heroku again about alerted promotions: one request per app. After `detect`, so that a worsened alert shows fresh
 * evidence.
 */
export function refreshEvidenceStep({
  db,
  evidenceRefresher,
  addDynos,
  elapsed,
  patience,
}: RefreshEvidenceDependencies): Step {
  let until = Number.POSITIVE_INFINITY;
  return defineStep({
    async gather() {
      until = elapsed() + BEGIN_WITHIN_MS * patience;
      return evidenceRefresher === null ? [] : db.evidence.due();
    },
    decide: (due) =>
      due.map(({ herokuApp, promotionIds }) => ({ kind: 'refresh_evidence' as const, herokuApp, promotionIds })),
    async act({ herokuApp, promotionIds }) {
      // Unclaimed ones are due at the next tick, before the others.
      if (evidenceRefresher === null || elapsed() > until) return;
      if (evidenceRefresher.isShort()) return db.evidence.postpone(REFRESH_EVERY_MS.critical);
      const claimed = await db.evidence.claim(promotionIds, REFRESH_EVERY_MS);
      if (claimed.length === 0) return;
      const { evidence, waitMs } = await evidenceRefresher.refresh(herokuApp, claimed, WITHIN_MS * patience);
      const running = await addDynos(herokuApp, toShow(claimed, evidence), DYNOS_WITHIN_MS * patience);
      await store(db, claimed, new Map([...evidence, ...running]));
      if (waitMs !== null) await db.evidence.postpone(waitMs);
    },
  });
}

/** What was just read and is shown individually: a group only counts verdicts. */
function toShow(
  claimed: readonly RefreshedPromotion[],
  evidence: ReadonlyMap<string, Evidence>,
): ReadonlyMap<string, Evidence> {
  return new Map(
    claimed.flatMap(({ promotion: { id }, stored, isGrouped }) => {
      const found = evidence.get(id);
      return found === undefined || found === stored || isGrouped ? [] : [[id, found] as const];
    }),
  );
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
  // Evidence that stands although Heroku didn't answer is asked about again soon; its message needs no update.
  await db.evidence.store(
    found.flatMap(({ promotion, stored, evidence: now }) =>
      now === null || now !== stored ? [] : [{ promotion, evidence: now, againAfterMs: REFRESH_SOON_MS }],
    ),
    { announce: false },
  );
}
