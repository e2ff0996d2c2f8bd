import type { types } from '@slack/bolt';
import type { Attention } from '../promotions/attention.js';
import type { Evidence } from '../promotions/evidence.js';
import { deployingSince, endedAt, isDeploying, type Promotion, UNKNOWN_TIME } from '../promotions/promotion.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import type { RefusedRoute } from '../promotions/routing.js';
import type { Severity } from '../promotions/stuck.js';
import { attentionButtons } from './attention.js';
import { attentionLines } from './attention-lines.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { evidenceText, target } from './evidence.js';
import { HEADLINE, isStuck, outcomeHeadline } from './headline.js';
import { ACTION } from './ids.js';
import { misrouted } from './route.js';
import { code, label, link, person, quote, span, when } from './text.js';

export const COLOUR = { firing: '#a30200', owned: '#daa038', silenced: '#dddddd', resolved: '#2eb886' } as const;
export interface AlertFacts {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** null where it was not asked for: the promotion ended, and its outcome says more. */
  readonly evidence: Evidence | null;
  /** Whom a new message calls, as Slack writes a mention. */
  readonly mention: string | null;
  /** The channel that it was meant for, where Slack did not let the app post there. */
  readonly refusedRoute?: RefusedRoute | null;
  /** Who is on it, and until when it is snoozed. */
  readonly attention?: Attention | null;
  /** A line about a row that had ended before; null where it hadn't. */
  readonly reopened?: string | null;
}

/** The message that carries the buttons, or, once the promotion ended, its outcome. */
export function alertMessage(facts: AlertFacts): Message {
  return isDeploying(facts.promotion) ? stuckMessage(facts) : endedMessage(facts.promotion);
}

/** What is said in the thread of a warned promotion that turned critical. */
export function escalationReply(promotion: Promotion, mention: string | null): Message {
  return {
    text: `${HEADLINE.critical}${called(mention)}: ${isStuck(promotion)}. Evidence and buttons are on the message above.`,
  };
}

/** What is said in the thread while a critical stays open. */
export function repeatReply(promotion: Promotion, mention: string | null): Message {
  return {
    text: `${HEADLINE.critical}, still open${called(mention)}: ${isStuck(promotion)}. Evidence and buttons are on the message above.`,
  };
}

function called(mention: string | null): string {
  return mention === null ? '' : ` ${mention}`;
}

function stuckMessage(facts: AlertFacts): Message {
  const { promotion, severity, evidence, mention, refusedRoute = null, attention = null } = facts;
  const text = `${HEADLINE[severity]}${called(mention)}: ${isStuck(promotion)}`;
  const lines = attentionLines(attention);
  const buttons = resolutionButtons(promotion, evidence);
  const blocks: Block[] = [
    promotionFacts(promotion),
    ...(facts.reopened == null ? [] : [section(facts.reopened)]),
    ...(lines.length === 0 ? [] : [section(lines.join('\n'))]),
    section(evidenceText(promotion, evidence)),
    { ...buttons, elements: [...buttons.elements, ...attentionButtons(promotion, attention)] },
    context(`Promotion ${promotion.id} · Marking it takes a superadmin and a TOTP code.`),
    ...(refusedRoute === null ? [] : [misrouted(refusedRoute)]),
  ];
  return {
    text,
    attachments: [{ color: colour(severity, attention), fallback: text, blocks }],
  };
}

function colour(severity: Severity, attention: Attention | null): string {
  if (attention !== null && attention.snooze !== null) return COLOUR.silenced;
  const isOwned = attention !== null && attention.ownership !== null;
  return severity === 'critical' && !isOwned ? COLOUR.firing : COLOUR.owned;
}

/** What a promotion is about, a line each: flag names are long, and two columns of them do not fit a phone. */
export function promotionFacts(promotion: Promotion) {
  return section(
    [
      ...subjectLines(promotion),
      `*Deploying since*: ${when(deployingSince(promotion))}`,
      `*Promoted by*: ${person(promotion.promotedBy ?? promotion.markedBy)}`,
    ].join('\n'),
  );
}

/** What is set to which value, and where. */
export function subjectLines(promotion: Promotion): string[] {
  return [
    `*Config var*: ${code(promotion.configVar)} → ${target(promotion)}`,
    `*Heroku app*: ${code(promotion.herokuApp)}`,
  ];
}

/** The three buttons. The one that the evidence speaks for stands out; where it says nothing, neither does. */
export function resolutionButtons(promotion: Promotion, evidence: Evidence | null): types.ActionsBlock {
  const verdict = evidence?.kind === 'read' ? evidence.verdict : 'unknown';
  const { id, flagKey } = promotion;
  return {
    type: 'actions',
    elements: [
      button(ACTION.markCompleted, 'Mark completed', {
        value: id,
        accessibilityLabel: spoken('Mark completed', flagKey),
        ...(verdict === 'live' ? { style: 'primary' } : {}),
      }),
      button(ACTION.markFailed, 'Mark failed', {
        value: id,
        accessibilityLabel: spoken('Mark failed', flagKey),
        ...(verdict === 'not_live' || verdict === 'release_failed' ? { style: 'danger' } : {}),
      }),
      rcaButton(promotion),
    ],
  };
}

/** A link where an RCA is recorded, else the way to the modal that takes its address. */
export function rcaButton({ id, flagKey, rcaUrl }: Promotion) {
  const accessibilityLabel = spoken('Open RCA', flagKey);
  const url = linkableRcaUrl(rcaUrl);
  return url === null
    ? button(ACTION.openRca, 'Open RCA', { value: id, accessibilityLabel })
    : button(ACTION.openRcaLink, 'Open RCA', { url, accessibilityLabel });
}

function spoken(action: string, flagKey: string): string {
  return label(`${action}: ${flagKey}`, 75);
}

function endedMessage(promotion: Promotion): Message {
  const text = outcomeHeadline(promotion);
  const blocks: Block[] = [
    section(
      [
        ...subjectLines(promotion),
        `*Deploying since*: ${when(deployingSince(promotion))}`,
        `*For*: ${lasted(promotion)}`,
      ].join('\n'),
    ),
  ];
  const note = promotion.resolutionNote ?? promotion.failureReason;
  if (note !== null && note.trim() !== '') blocks.push(section(`*Note*\n${quote(note)}`));
  blocks.push(section(rcaLine(promotion)));
  blocks.push(context(`Promotion ${promotion.id}`));
  const colour = promotion.state === 'deployed' ? COLOUR.resolved : COLOUR.silenced;
  return { text, attachments: [{ color: colour, fallback: text, blocks }] };
}

function lasted(promotion: Promotion): string {
  const since = deployingSince(promotion).getTime();
  const until = endedAt(promotion);
  return until === null || since === UNKNOWN_TIME.getTime() ? '_unknown_' : span(until.getTime() - since);
}

function rcaLine(promotion: Promotion): string {
  return promotion.rcaUrl === null
    ? '*RCA*: none yet. Mention me in this thread with its link.'
    : `*RCA*: ${rcaLink(promotion.rcaUrl)}`;
}

/** A recorded RCA: a link labelled with its own address, so that nobody is led astray, or mere text where it is none. */
export function rcaLink(recorded: string): string {
  return link(recorded, label(recorded, 90));
}

/** What is said in the thread when the promotion ended. `operatorName` is a name, not a mention: nobody is pinged. */
export function resolvedReply(promotion: Promotion, operatorName: string | null): Message {
  const rca = promotion.rcaUrl === null ? '' : `\nRCA: ${rcaLink(promotion.rcaUrl)}`;
  // What no person resolved tells by itself why.
  const why = promotion.resolvedBy === null ? promotion.resolutionNote : null;
  const note = why === null || why.trim() === '' ? '' : `\n${quote(why)}`;
  return {
    text: `${outcomeHeadline(promotion, operatorName === null ? '_someone_' : code(operatorName))}${note}${rca}`,
  };
}

/** What is said in the thread when an RCA was linked. */
export function rcaLinkedReply(url: string, previousUrl: string | null, operatorName: string): Message {
  const replaced = previousUrl === null ? '' : `\nIt replaces ${rcaLink(previousUrl)}`;
  return { text: `:page_facing_up: RCA linked by ${code(operatorName)}: ${rcaLink(url)}${replaced}` };
}
