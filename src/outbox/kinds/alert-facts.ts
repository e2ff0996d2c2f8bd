import type { Evidence } from '../../promotions/evidence.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import { isDeploying } from '../../promotions/promotion.js';
import type { AlertFacts } from '../../views/alert.js';
import type { Message } from '../../views/blocks.js';
import type { Shown, ShowRequest, Sources } from '../kind.js';
import { gatherPromotion, type PromotionFacts } from './about-promotion.js';

/* What the messages with an alert's buttons have in common: what Heroku says, and when that was read. */

/** How long an alert may wait for Heroku before it goes out without an answer. Longer, and other alerts would wait. */
const EVIDENCE_WITHIN_MS = 3_000;
/** When Heroku is asked again for what it didn't say in time: soon after the post, then every now and then. */
const EVIDENCE_SOON_MS = 30_000;
const EVIDENCE_AGAIN_MS = 5 * 60_000;

export interface GatheredAlert extends PromotionFacts {
  /** null where the promotion ended: its outcome says more. */
  readonly evidence: Evidence | null;
  readonly asOf: Date;
}

export async function gatherAlert(message: OutboxMessage, sources: Sources): Promise<GatheredAlert | null> {
  const facts = await gatherPromotion(message, sources);
  if (facts === null) return null;
  const asOf = await sources.db.now();
  const evidence = isDeploying(facts.promotion)
    ? await sources.readEvidence(facts.promotion, EVIDENCE_WITHIN_MS)
    : null;
  return { ...facts, evidence, asOf };
}

/** `mention`: whom a new message mentions; an update mentions nobody. */
export function showingAlert(
  build: (facts: AlertFacts) => Message,
  { promotion, severity, evidence, asOf, attention }: GatheredAlert,
  mention: string | null,
  { isNew, refused }: ShowRequest,
): Shown {
  const isOwed = evidence?.kind === 'unavailable' && evidence.reason === 'no_answer';
  return {
    content: {
      message: build({
        promotion,
        severity,
        evidence,
        asOf,
        mention: isNew ? mention : null,
        refusedRoute: refused,
        attention,
      }),
    },
    refreshAfterMs: isOwed ? (isNew ? EVIDENCE_SOON_MS : EVIDENCE_AGAIN_MS) : null,
  };
}
