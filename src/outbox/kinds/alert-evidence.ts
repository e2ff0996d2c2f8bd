import type { NewEvidence } from '../../db/evidence.js';
import { inTurns } from '../../db/in-turns.js';
import { type Evidence, verdictOf } from '../../promotions/evidence.js';
import { REFRESH_EVERY_MS, REFRESH_SOON_MS } from '../../promotions/evidence-refresh.js';
import type { Promotion } from '../../promotions/promotion.js';
import type { Severity } from '../../promotions/stuck.js';
import type { Sources } from '../kind.js';

/** How long a message waits for Heroku before it goes out without an answer; longer would delay others. */
const EVIDENCE_WITHIN_MS = 3_000;

/** Stored evidence, or, for the first post, read now and stored for later ones. */
export async function evidenceOf(promotion: Promotion, severity: Severity, sources: Sources): Promise<Evidence> {
  const stored = (await sources.db.evidence.of([promotion])).get(promotion.id);
  if (stored !== undefined) return stored;
  const evidence = await sources.readEvidence(promotion, EVIDENCE_WITHIN_MS);
  await sources.db.evidence.store(toStore(promotion, severity, evidence), { announce: false });
  return evidence;
}

/** The same for several promotions, by id: one request per app for those without stored evidence. */
export async function evidenceOfMany(
  members: readonly { readonly promotion: Promotion; readonly severity: Severity }[],
  sources: Sources,
): Promise<ReadonlyMap<string, Evidence>> {
  const stored = await sources.db.evidence.of(members.map(({ promotion }) => promotion));
  const missing = members.filter(({ promotion }) => !stored.has(promotion.id));
  if (missing.length === 0) return stored;
  const read = await sources.readEvidenceOfMany(
    missing.map(({ promotion }) => promotion),
    EVIDENCE_WITHIN_MS,
  );
  const known = new Map(stored);
  const answers: NewEvidence[] = [];
  await inTurns(missing, ({ promotion, severity }) => {
    const evidence = read.get(promotion.id);
    if (evidence === undefined) return;
    known.set(promotion.id, evidence);
    answers.push(...toStore(promotion, severity, evidence));
  });
  await sources.db.evidence.store(answers, { announce: false });
  return known;
}

/** Without an API key nobody was asked, and nobody will be. */
function toStore(promotion: Promotion, severity: Severity, evidence: Evidence): readonly NewEvidence[] {
  const wasAsked = evidence.kind === 'read' || evidence.reason !== 'not_configured';
  const againAfterMs = verdictOf(evidence) === 'unknown' ? REFRESH_SOON_MS : REFRESH_EVERY_MS[severity];
  return wasAsked ? [{ promotion, evidence, againAfterMs }] : [];
}
