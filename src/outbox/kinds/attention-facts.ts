import type { AuditEvent } from '../../db/audit.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import type { Sources } from '../kind.js';
import { gatherPromotion, isBroadcastCritical, type PromotionFacts } from './about-promotion.js';

/** Shared by the replies about owners and snoozes; each is about the audit event that is its ordinal. */
export interface AttentionFacts extends PromotionFacts {
  readonly event: AuditEvent;
  readonly actor: string;
  /** A warning mentions nobody; a group mentions people once for all its criticals. */
  readonly mention: string | null;
  readonly isBroadcast: boolean;
}

export async function gatherAttention(message: OutboxMessage, sources: Sources): Promise<AttentionFacts | null> {
  const event = await sources.db.audit.find(message.ordinal);
  const facts = await gatherPromotion(message, sources);
  if (event === null || facts === null) return null;
  return {
    ...facts,
    event,
    actor: await sources.slack.nameOf(event.actor),
    mention: facts.severity === 'critical' && facts.isIndividual ? facts.mention : null,
    isBroadcast: isBroadcastCritical(facts, sources),
  };
}

export function ownerIn({ detail }: AuditEvent): string {
  const owner = detail['owner'];
  return typeof owner === 'string' ? owner : '';
}
