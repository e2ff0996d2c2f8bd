import { shortSeal } from '../../audit/seal.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import { isDeploying } from '../../promotions/promotion.js';
import { resolvedReply } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { vanishedReply } from '../../views/alert-changes.js';
import {
  gatherPromotion,
  gatherVanished,
  inThread,
  type PromotionFacts,
  showing,
  type VanishedPromotion,
} from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    resolved: 'the promotion ended';
  }
}

/** Names who resolved it without a mention: they know. */
export const resolved = defineKind<(PromotionFacts & { readonly resolvedBy: string | null }) | VanishedPromotion>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    if (facts === null) return gatherVanished(message, sources);
    const { resolvedBy } = facts.promotion;
    return { ...facts, resolvedBy: resolvedBy === null ? null : await sources.slack.nameOf(resolvedBy) };
  },
  place: (message) => inThread(message),
  show(facts, { isNew, message }) {
    const seal = sealOf(message);
    // Posted once; updated only to add its seal.
    if (!isNew && seal === null) return null;
    if (!('promotion' in facts)) return isNew ? showing(vanishedReply(facts)) : null;
    const { promotion, resolvedBy } = facts;
    return isDeploying(promotion) ? null : showing(resolvedReply(promotion, resolvedBy, seal));
  },
});

/** The audit seal that covers its end, in short; null: not sealed yet. */
function sealOf({ detail }: OutboxMessage): string | null {
  const { seal } = detail;
  const [number, hash] = typeof seal === 'string' ? seal.split(':') : [];
  return number === undefined || hash === undefined ? null : shortSeal({ number, hash });
}
