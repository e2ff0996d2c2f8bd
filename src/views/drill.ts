import type { Attention } from '../promotions/attention.js';
import { type Drill, type DrillReach, drillTimes, pretendEvidence, pretendPromotion } from '../promotions/drill.js';
import type { ResolutionAction } from '../promotions/evidence.js';
import { alertMessage, undeliveredLines } from './alert.js';
import { type Block, context, type Message, type Modal, plainText, section } from './blocks.js';
import { ACTION, BLOCK, VIEW } from './ids.js';
import { resolutionModal, TITLE } from './resolution.js';
import { code, person, span, when } from './text.js';

/** A drill shows what a real alert shows, built by the same code, labelled DRILL and with its own buttons. */

const DRILL = ':construction: *DRILL*';

const BUTTONS: ReadonlyMap<string, (typeof ACTION)[keyof typeof ACTION]> = new Map([
  [ACTION.acknowledge, ACTION.drillAcknowledge],
  [ACTION.markCompleted, ACTION.drillCompleted],
  [ACTION.markFailed, ACTION.drillFailed],
]);

/**
 * A drill's alert; once over, how it went. `mention`: whom a new critical mentions. `undelivered`: what pager and
 * webhook haven't taken.
 */
export function drillMessage(
  drill: Drill,
  asOf: Date,
  mention: string | null,
  undelivered: readonly string[] = [],
): Message {
  if (drill.endedAt !== null) return overMessage(drill, undelivered);
  const { text, blocks = [] } = alertMessage({
    promotion: pretendPromotion(drill),
    severity: 'critical',
    evidence: pretendEvidence(drill),
    asOf,
    mention,
    attention: attentionOf(drill),
  });
  return {
    text: `DRILL: ${text}`,
    blocks: [
      ...blocks.map((block) => labelled(block, drill.id)),
      context(`${DRILL}: nothing is stuck. Press the buttons as if it were. It ends by itself after an hour.`),
      ...undeliveredLines(undelivered),
    ],
  };
}

function overMessage(drill: Drill, undelivered: readonly string[]): Message {
  const text = `DRILL: ${drillOutcome(drill)}`;
  return {
    text,
    blocks: [
      section(`${DRILL} is over: ${drillOutcome(drill)}`),
      context(`Drill ${drill.id} · nothing was stuck`),
      ...undeliveredLines(undelivered),
    ],
  };
}

/** In the thread, with the times. */
export function drillEndedReply(drill: Drill, byName: string | null): Message {
  const by = byName === null ? '' : ` by ${code(byName)}`;
  const text = `${DRILL}${by}: ${drillOutcome(drill)}`;
  return { text, blocks: [section(text)] };
}

/** `posted after 4 s, acknowledged after 41 s, resolved after 1 min 20 s` */
export function drillOutcome(drill: Drill): string {
  const steps = drillSteps(drill);
  const how =
    drill.end === 'expired'
      ? 'nobody resolved it within an hour'
      : drill.end === 'ended'
        ? 'ended before it was resolved'
        : null;
  const said = [...steps, ...(how === null ? [] : [how])].join(', ');
  return `${said === '' ? 'not posted yet' : said}.`;
}

export function drillSteps(drill: Drill): readonly string[] {
  const { toldMs, acknowledgedMs, resolvedMs } = drillTimes(drill);
  return [
    ...(toldMs === null ? [] : [`posted after ${span(toldMs)}`]),
    ...(acknowledgedMs === null ? [] : [`acknowledged after ${span(acknowledgedMs)}`]),
    ...(resolvedMs === null ? [] : [`resolved after ${span(resolvedMs)}`]),
  ];
}

function attentionOf({ acknowledgedBy: owner, acknowledgedAt: since }: Drill): Attention | null {
  if (owner === null || since === null) return null;
  const ownership = { owner, since, confirmedAt: since, question: null, isOperator: true };
  return { ownership, snooze: null, resumedAt: null };
}

/** A drill's buttons have other ids, so they can't touch a promotion. */
function labelled(block: Block, drillId: string): Block {
  if (block.type === 'section' && block.text !== undefined) {
    return { ...block, text: { ...block.text, text: `${DRILL} ${block.text.text}` } };
  }
  if (block.type !== 'actions') return block;
  return {
    ...block,
    elements: block.elements.flatMap((element) => {
      const id = element.type === 'button' ? BUTTONS.get(element.action_id ?? '') : undefined;
      return element.type === 'button' && id !== undefined
        ? [{ ...element, action_id: id, value: drillId, text: plainText(`DRILL: ${element.text.text}`) }]
        : [];
    }),
  };
}

const LEFT_OUT: ReadonlySet<string> = new Set([BLOCK.rcaUrl, BLOCK.setBack]);

/** The real form, without RCA and revert. */
export function drillModal(drill: Drill, action: ResolutionAction, privateMetadata: string): Modal {
  const form = resolutionModal({
    promotion: pretendPromotion(drill),
    action,
    evidence: pretendEvidence(drill),
    changed: null,
    setBack: { kind: 'held_already' },
    privateMetadata,
  });
  return {
    ...form,
    callback_id: VIEW.drill,
    title: plainText(drillTitle(action)),
    blocks: [
      section(`${DRILL}: nothing is stuck, and nothing but this drill is recorded. Type a real code.`),
      ...form.blocks.filter((block) => block.type !== 'input' || !LEFT_OUT.has(block.block_id)),
    ],
  };
}

export function drillTitle(action: ResolutionAction): string {
  return `DRILL: ${TITLE[action]}`;
}

/** `reach`: what it reaches besides Slack; null: nothing more was asked for. */
export function drillStartedWords(drill: Drill, channel: string, reach: DrillReach | null): string {
  const page = reach === null ? '' : ` ${reachWords(reach)}`;
  return `${DRILL} ${drill.id} started: follow it in <#${channel}>.${page} To end it: \`/flag-promotions drill end\`.`;
}

function reachWords({ pager, webhook }: DrillReach): string {
  if (pager) return webhook ? 'It goes to the pager and to the webhook, too.' : 'It goes to the pager, too.';
  return webhook
    ? 'It goes to the webhook, too. It rings no pager: none is set up for it (`PAGERDUTY_ROUTING_KEY`).'
    : 'It pages nobody: neither a pager (`PAGERDUTY_ROUTING_KEY`) nor a webhook (`WEBHOOK_URL`) is set up.';
}

export function drillUnderWayWords(drill: Drill): string {
  return `A drill is under way, started by ${person(drill.startedBy)}: ${drillOutcome(drill)} To end it: \`/flag-promotions drill end\`.`;
}

export function drillPagedLatelyWords(nextAt: Date): string {
  return `Only one drill an hour pages. The next can from ${when(nextAt)}. Without a page, start one now: \`/flag-promotions drill\`.`;
}

export const NO_DRILL = 'No drill is under way.';
export const DRILL_OVER = `${DRILL}: it is over.`;
export const DRILL_USAGE = 'Type `/flag-promotions drill`, or with `page` or `end`.';

export function drillAcknowledgedWords(drill: Drill): string {
  return `:raising_hand: ${DRILL}: *You’re on it*. ${drillOutcome(drill)}`;
}
