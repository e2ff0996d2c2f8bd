import { WATCHDOG } from '../../db/audit.js';
import { PROMOTER } from '../../db/promoting.js';
import type { Evidence } from '../../promotions/evidence.js';
import { deployingSince, isDeploying } from '../../promotions/promotion.js';
import { alertMessage } from '../../views/alert.js';
import { type EarlierEnd, reopenedLine, vanishedMessage } from '../../views/alert-changes.js';
import { defineKind, type Sources } from '../kind.js';
import {
  gatherPromotion,
  gatherVanished,
  type PromotionFacts,
  showing,
  type VanishedPromotion,
} from './about-promotion.js';
import { evidenceOf } from './alert-evidence.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    alert: 'the promotion’s own message, which carries the buttons';
  }
}

interface AlertFacts extends PromotionFacts {
  /** null where the promotion ended: its outcome says more. */
  readonly evidence: Evidence | null;
  /** How it had ended before another system set it back to deploying; null where it hadn't. */
  readonly endedBefore: EarlierEnd | null;
}

/**
 * Posted with the first alert, updated as it worsens, as Heroku is asked again, and when it ends. It mentions people only as it
 * is posted; its mark is the severity that it was posted with, by which an escalation knows whether it is needed.
 */
export const alert = defineKind<AlertFacts | VanishedPromotion>({
  gone: 'post_again',
  unknownOutcome: 'find',
  async gather(message, sources) {
    const facts = await gatherPromotion(message, sources);
    if (facts === null) return gatherVanished(message, sources);
    if (!isDeploying(facts.promotion)) return { ...facts, evidence: null, endedBefore: null };
    return {
      ...facts,
      evidence: await evidenceOf(facts.promotion, facts.severity, sources),
      endedBefore: await gatherEarlierEnd(facts, sources),
    };
  },
  place: (_message, facts, { routeOf }) => ({
    to: 'channel',
    route: routeOf('promotion' in facts ? facts.promotion.herokuApp : facts.herokuApp).channel,
  }),
  show(facts, { isNew, refused }) {
    if (!('promotion' in facts)) return isNew ? null : showing(vanishedMessage(facts));
    const { promotion, severity, evidence, attention, mention, endedBefore } = facts;
    if (isNew && !isDeploying(promotion)) return null;
    return {
      content: {
        message: alertMessage({
          promotion,
          severity,
          evidence,
          mention: isNew && severity === 'critical' ? mention : null,
          refusedRoute: refused,
          attention,
          reopened: endedBefore === null ? null : reopenedLine(endedBefore),
        }),
      },
      ...(isNew ? { as: severity } : {}),
    };
  },
});

async function gatherEarlierEnd({ promotion }: PromotionFacts, { db, slack }: Sources): Promise<EarlierEnd | null> {
  const event = await db.audit.endOf(promotion.id);
  // One that is older than the promotion belongs to an earlier one of the same row.
  if (event === null || event.at < deployingSince(promotion)) return null;
  const isPerson = event.actor !== WATCHDOG && event.actor !== PROMOTER;
  return { at: event.at, action: event.action, by: isPerson ? await slack.nameOf(event.actor) : null };
}
