import type { Logger } from 'pino';
import type { Alerts } from '../db/alerts.js';
import type { AuditLog } from '../db/audit.js';
import type { Messages } from '../db/messages.js';
import type { Promotions } from '../db/promotions.js';
import type { ReadReleasesAround } from '../heroku/releases-around.js';
import { SEVERITIES } from '../promotions/stuck.js';
import { type Alert, type MessageRef, worstSeverity } from '../promotions/alert.js';
import type { OutboxMessage } from '../promotions/messages.js';
import {
  RCA_REPLY_KINDS,
  type RcaDraftOutcome,
  type RcaMaterial,
  type RcaThread,
  rcaFacts,
} from '../promotions/rca-draft.js';
import type { Thresholds } from '../promotions/stuck.js';
import type { Slack } from '../slack/slack.js';
import { rcaDraft } from '../views/rca-draft.js';
import { draftComment } from '../views/rca-drafted.js';

export interface RcaDrafterDependencies {
  readonly db: {
    readonly promotions: Promotions;
    readonly alerts: Alerts;
    readonly messages: Messages;
    readonly audit: AuditLog;
  };
  readonly slack: Slack;
  readonly readReleases: ReadReleasesAround;
  readonly alertChannel: string;
  readonly thresholds: Thresholds;
  readonly now: () => Date;
  readonly log: Logger;
}

/** The newest events: more than a promotion has, unless somebody guesses codes for hours. */
const EVENTS = 200;
/** How many people's names are looked up in Slack; others appear by id. */
const NAMES = 30;

/**
 * Drafts a promotion's RCA, saying what Heroku or the thread didn't give, and uploads it to the alert's thread, if any.
 * A file per call, but a double click shares one. Rejects if the database or Slack fails; then nothing was shared.
 */
export function createRcaDrafter(deps: RcaDrafterDependencies) {
  const { db, slack } = deps;

  async function readThread(root: MessageRef | null): Promise<RcaThread> {
    if (root === null) return { kind: 'none' };
    try {
      return await slack.readThread(root);
    } catch (error) {
      deps.log.warn({ err: error }, 'the thread of an alert could not be read for its RCA');
      return { kind: 'unavailable' };
    }
  }

  async function namesIn(material: RcaMaterial): Promise<ReadonlyMap<string, string>> {
    const ids = [...new Set(idsIn(material))].slice(0, NAMES);
    return new Map(await Promise.all(ids.map(async (id) => [id, await slack.nameOf(id)] as const)));
  }

  async function draft(promotionId: string, askedBy: string): Promise<RcaDraftOutcome> {
    const promotion = await db.promotions.find(promotionId);
    if (promotion === null) return { kind: 'unknown_promotion' };
    const alerts = await db.alerts.ofPromotion(promotionId);
    const messages = await db.messages.aboutPromotion(promotionId);
    const root = messages.find(({ kind }) => kind === 'alert')?.message ?? null;
    const [events, releases, thread] = await Promise.all([
      db.audit.ofPromotion(promotionId, EVENTS),
      deps.readReleases(promotion),
      readThread(root),
    ]);
    const material: RcaMaterial = {
      promotion,
      events,
      alerts,
      ...saidOf(messages, alerts),
      releases,
      thread,
      thresholds: deps.thresholds,
      draftedAt: deps.now(),
      draftedBy: askedBy,
    };
    const names = await namesIn(material);
    const facts = rcaFacts(material);
    // Slack takes no file in a thread that is gone.
    const at = thread.kind === 'none' ? null : root;
    const where = at === null ? 'channel' : 'thread';
    const uploaded = await slack.upload({
      // The app can post to the channel of a deleted thread, or of the promotion's group.
      channel: root?.channel ?? (await channelOfGroup(alerts)) ?? deps.alertChannel,
      threadTs: at?.ts ?? null,
      name: `${facts.incidentId}.md`,
      title: facts.incidentId,
      content: Buffer.from(rcaDraft(facts, names), 'utf8'),
      altText: null,
      comment: draftComment(promotion, names.get(askedBy) ?? askedBy, where),
    });
    if (uploaded.trouble !== undefined)
      deps.log.warn({ err: uploaded.trouble, draft: uploaded.kind }, 'Slack did not say what became of a draft');
    return {
      kind: uploaded.kind,
      promotion,
      where,
      permalink: uploaded.kind === 'shared' ? uploaded.permalink : null,
    };
  }

  async function channelOfGroup(alerts: readonly Alert[]): Promise<string | null> {
    const groupId = alerts.find((alert) => alert.groupId !== null)?.groupId ?? null;
    return groupId === null ? null : ((await db.messages.find(groupId))?.message?.channel ?? null);
  }

  const underWay = new Map<string, Promise<RcaDraftOutcome>>();

  return (promotionId: string, askedBy: string): Promise<RcaDraftOutcome> => {
    const key = `${promotionId}:${askedBy}`;
    const drafting = underWay.get(key) ?? draft(promotionId, askedBy).finally(() => underWay.delete(key));
    underWay.set(key, drafting);
    return drafting;
  };
}

/** What was posted about a promotion, and when. */
function saidOf(
  messages: readonly OutboxMessage[],
  alerts: readonly Alert[],
): Pick<RcaMaterial, 'alertMessages' | 'replies'> {
  return {
    alertMessages: messages.flatMap(({ kind, postedAt, shownAs }): RcaMaterial['alertMessages'] => {
      if (postedAt === null) return [];
      switch (kind) {
        case 'escalation':
          return [{ severity: 'critical', inThread: true, postedAt }];
        case 'warned':
          return [{ severity: 'warning', inThread: true, postedAt }];
        case 'alert':
          // Its mark is the severity that it was posted with.
          return [
            { severity: SEVERITIES.find((one) => one === shownAs) ?? worstSeverity(alerts), inThread: false, postedAt },
          ];
        default:
          return [];
      }
    }),
    replies: messages.flatMap(({ kind, postedAt }) => {
      const known = RCA_REPLY_KINDS.find((reply) => reply === kind);
      return known === undefined || postedAt === null ? [] : [{ kind: known, postedAt }];
    }),
  };
}

const USER_ID = /^[UW][A-Z0-9]{5,20}$/u;

function idsIn({ promotion, events, thread, draftedBy }: RcaMaterial): string[] {
  const messages = thread.kind === 'read' ? thread.messages : [];
  const mentioned = messages.flatMap(({ text }) => [...text.matchAll(/<@([UW][A-Z0-9]{5,20})(?:\|[^<>]*)?>/gu)]);
  return [
    draftedBy,
    promotion.markedBy,
    promotion.promotedBy,
    ...events.map(({ actor }) => actor),
    ...messages.filter(({ isBot }) => !isBot).map(({ author }) => author),
    ...mentioned.map(([, id]) => id ?? ''),
  ].flatMap((id) => (id !== null && USER_ID.test(id) ? [id] : []));
}
