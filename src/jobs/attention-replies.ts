import type { AttentionRecords } from '../db/attention.js';
import type { AuditEvent, AuditLog } from '../db/audit.js';
import type { ClaimedReply, ReplyKind } from '../db/replies.js';
import { rootOf, worstSeverity } from '../promotions/alert.js';
import type { OwnerLoss, Ownership } from '../promotions/ownership.js';
import { isDeploying } from '../promotions/promotion.js';
import type { Route } from '../promotions/routing.js';
import type { Slack } from '../slack/slack.js';
import {
  handedOverReply,
  ownerLostReply,
  ownerQuestion,
  settledQuestion,
  snoozeEndedReply,
  takenOverReply,
} from '../views/attention.js';
import type { Message } from '../views/blocks.js';

export interface AttentionReplyDependencies {
  readonly db: { readonly attention: Pick<AttentionRecords, 'of'>; readonly audit: Pick<AuditLog, 'find'> };
  readonly slack: Pick<Slack, 'nameOf'>;
  readonly routeOf: (herokuApp: string) => Route;
}

const KINDS = ['owner_asked', 'owner_lost', 'handed_over', 'taken_over', 'snooze_ended'] as const;
export type AttentionReplyKind = (typeof KINDS)[number];

export function isAttentionReply(kind: ReplyKind): kind is AttentionReplyKind {
  return KINDS.some((own) => own === kind);
}

/** What is said in a thread of who is on it and of snoozes, from the rows as they are now. */
export interface AttentionReplies {
  /** null where there is nothing to say any more. */
  message(claimed: ClaimedReply, kind: AttentionReplyKind): Promise<Message | null>;
  /** What stands in the place of a question that is settled. */
  settled(claimed: ClaimedReply): Promise<Message | null>;
}

export function createAttentionReplies({ db, slack, routeOf }: AttentionReplyDependencies): AttentionReplies {
  const isOpenQuestion = ({ reply }: ClaimedReply, ownership: Ownership | null) =>
    ownership !== null && ownership.question !== null && ownership.question.id === reply.ordinal;

  async function message(claimed: ClaimedReply, kind: AttentionReplyKind): Promise<Message | null> {
    const { reply, promotion, alerts } = claimed;
    const event = await db.audit.find(reply.ordinal);
    if (event === null || !isDeploying(promotion)) return null;
    const attention = await db.attention.of(promotion.id);
    const ownership = attention?.ownership ?? null;
    const severity = worstSeverity(alerts.filter((alert) => alert.state !== 'pending'));
    // A warning calls nobody, and a summary calls for all of its criticals at once.
    const mention = severity === 'critical' && rootOf(alerts) !== null ? routeOf(promotion.herokuApp).mention : null;
    switch (kind) {
      case 'owner_asked':
        return isOpenQuestion(claimed, ownership) ? ownerQuestion(promotion, ownerIn(event)) : null;
      case 'owner_lost':
        // Somebody else was quicker.
        if (ownership !== null) return null;
        return ownerLostReply({ promotion, severity, owner: ownerIn(event), reason: lossIn(event), mention });
      case 'handed_over':
        return handedOverReply({ promotion, name: await slack.nameOf(event.actor), ownership, mention });
      case 'taken_over': {
        const from = event.detail['from'];
        return typeof from === 'string' ? takenOverReply(promotion, await slack.nameOf(event.actor), from) : null;
      }
      case 'snooze_ended':
        if (attention !== null && attention.snooze !== null) return null;
        return snoozeEndedReply({ promotion, severity, owner: ownership?.owner ?? null, mention });
    }
  }

  return {
    message,
    async settled(claimed) {
      const event = await db.audit.find(claimed.reply.ordinal);
      if (event === null) return null;
      const ownership = (await db.attention.of(claimed.promotion.id))?.ownership ?? null;
      // Asked for to be painted, and yet it stands: as it was posted.
      if (isOpenQuestion(claimed, ownership)) return message(claimed, 'owner_asked');
      const owner = ownerIn(event);
      return settledQuestion(await slack.nameOf(owner), ownership, owner, isDeploying(claimed.promotion));
    },
  };
}

function ownerIn({ detail }: AuditEvent): string {
  const owner = detail['owner'];
  return typeof owner === 'string' ? owner : '';
}

function lossIn({ detail }: AuditEvent): OwnerLoss {
  return detail['reason'] === 'disabled' ? 'disabled' : 'silent';
}
