import { WATCHDOG } from '../../db/audit.js';
import { PROMOTER } from '../../db/promoting.js';
import type { Evidence } from '../../promotions/evidence.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import { deployingSince, isDeploying } from '../../promotions/promotion.js';
import type { AlertFacts } from '../../views/alert.js';
import { type EarlierEnd, reopenedLine } from '../../views/alert-changes.js';
import type { Message } from '../../views/blocks.js';
import type { Shown, ShowRequest, Sources } from '../kind.js';
import { gatherPromotion, gatherVanished, type PromotionFacts, type VanishedPromotion } from './about-promotion.js';
import { evidenceOf } from './alert-evidence.js';

/** Shared by the messages with an alert's buttons. */

export interface GatheredAlert extends PromotionFacts {
  /** null: the promotion ended, and its outcome says more. */
  readonly evidence: Evidence | null;
  /** How it ended before another system set it to deploying again; null: it hadn't. */
  readonly endedBefore: EarlierEnd | null;
}

export async function gatherAlert(
  message: OutboxMessage,
  sources: Sources,
): Promise<GatheredAlert | VanishedPromotion | null> {
  const facts = await gatherPromotion(message, sources);
  if (facts === null) return gatherVanished(message, sources);
  if (!isDeploying(facts.promotion)) return { ...facts, evidence: null, endedBefore: null };
  return {
    ...facts,
    evidence: await evidenceOf(facts.promotion, facts.severity, sources),
    endedBefore: await gatherEarlierEnd(facts, sources),
  };
}

async function gatherEarlierEnd({ promotion }: PromotionFacts, { db, slack }: Sources): Promise<EarlierEnd | null> {
  const event = await db.audit.endOf(promotion.id);
  // One from before the promotion began belongs to an earlier promotion in the same row.
  if (event === null || event.at < deployingSince(promotion)) return null;
  const isPerson = event.actor !== WATCHDOG && event.actor !== PROMOTER;
  return { at: event.at, action: event.action, by: isPerson ? await slack.nameOf(event.actor) : null };
}

/** `mention`: whom a new message mentions; an update mentions nobody. */
export function showingAlert(
  build: (facts: AlertFacts) => Message,
  { promotion, severity, evidence, asOf, attention, endedBefore, undelivered = [] }: GatheredAlert,
  mention: string | null,
  { isNew, refused }: ShowRequest,
): Shown {
  const message = build({
    promotion,
    severity,
    evidence,
    asOf,
    mention: isNew ? mention : null,
    refusedRoute: refused,
    attention,
    undelivered,
    reopened: endedBefore === null ? null : reopenedLine(endedBefore),
  });
  return { content: { message } };
}
