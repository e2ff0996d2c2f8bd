import type { PromotionOverview } from '../../db/overview.js';
import { isOpen, worstSeverity } from '../../promotions/alert.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import type { Severity } from '../../promotions/stuck.js';
import type { Message } from '../../views/blocks.js';
import type { Place, Shown, Sources } from '../kind.js';

/** Shared by the messages about one promotion. */

export interface PromotionFacts extends PromotionOverview {
  /** The gravest open alert's. */
  readonly severity: Severity;
  /** It has an individual alert, not a group's. */
  readonly isIndividual: boolean;
  /** Whom its criticals mention. */
  readonly mention: string | null;
}

/** null if the promotion is gone. */
export async function gatherPromotion(message: OutboxMessage, sources: Sources): Promise<PromotionFacts | null> {
  const { db, routeOf } = sources;
  const overview = message.promotionId === null ? null : await db.promotions.overview(message.promotionId);
  if (overview === null) return null;
  const open = overview.alerts.filter(isOpen);
  return {
    ...overview,
    severity: worstSeverity(open),
    isIndividual: !open.some(({ groupId }) => groupId !== null),
    mention: routeOf(overview.promotion.herokuApp).mention,
  };
}

/** A promotion whose row another system deleted, as its alert remembers it. */
export interface VanishedPromotion {
  readonly promotionId: string;
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly vanishedAt: Date;
}

/** null if its row wasn't found deleted while it had an alert. */
export async function gatherVanished(
  { promotionId }: OutboxMessage,
  { db }: Sources,
): Promise<VanishedPromotion | null> {
  if (promotionId === null) return null;
  const alerts = await db.alerts.ofPromotion(promotionId);
  const [vanished = null] = alerts.flatMap(({ flagKey, herokuApp, vanishedAt }) =>
    vanishedAt === null ? [] : [{ promotionId, flagKey, herokuApp, vanishedAt }],
  );
  return vanished;
}

/** In its root's thread; null if the root isn't visible. */
export function inThread({ root }: OutboxMessage, broadcast = false): Place | null {
  return root?.message == null ? null : { to: 'thread', thread: root.message, broadcast };
}

export function showing(message: Message): Shown {
  return { content: { message } };
}

/** Whether a reply about an open critical also goes to the channel. Grouped criticals share one reply instead. */
export function isBroadcastCritical({ isIndividual, severity }: PromotionFacts, sources: Sources): boolean {
  return sources.broadcastCriticals && isIndividual && severity === 'critical';
}
