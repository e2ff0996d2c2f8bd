import type { types } from '@slack/bolt';
import type { Attention } from '../promotions/attention.js';
import type { Evidence } from '../promotions/evidence.js';
import { deployingSince, endedAt, isDeploying, type Promotion, UNKNOWN_TIME } from '../promotions/promotion.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import type { RefusedRoute } from '../promotions/routing.js';
import type { Severity } from '../promotions/stuck.js';
import { acknowledgeButton, alertMenu } from './attention.js';
import { attentionPhrases } from './attention-lines.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { appLink } from './dashboard.js';
import { findingOf, target, UNRECORDED } from './evidence.js';
import { aloneWords, HEADLINE, outcomeHeadline, sinceWhen, stuckFor, subject } from './headline.js';
import { ACTION } from './ids.js';
import { misrouted } from './route.js';
import { ago, code, key, label, link, person, quote, span, when } from './text.js';

export interface AlertFacts {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** null where it was not asked for: the promotion ended, and its outcome says more. */
  readonly evidence: Evidence | null;
  /** When all this was read: ages that Slack can't keep current are told as of then. */
  readonly asOf: Date;
  /** Whom a new message mentions, as Slack writes a mention. */
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
  return isDeploying(facts.promotion) ? stuckMessage(facts, 'stuck') : endedMessage(facts.promotion);
}

/** What is said in the thread of a warned promotion that turned critical: all that its alert says. */
export function escalationReply(facts: AlertFacts): Message {
  return isDeploying(facts.promotion) ? stuckMessage(facts, 'stuck') : endedReply(facts.promotion);
}

/** What is said in the thread while a critical stays open. */
export function repeatReply(facts: AlertFacts): Message {
  return isDeploying(facts.promotion) ? stuckMessage(facts, 'still stuck') : endedReply(facts.promotion);
}

/** At most 45 words, of which the first line is all that a lock screen shows. */
function stuckMessage(facts: AlertFacts, stuck: 'stuck' | 'still stuck'): Message {
  const { promotion, severity, evidence, asOf, mention, refusedRoute = null, attention = null } = facts;
  const { sign, fact, brief, isUnrecorded } = findingOf(promotion, evidence);
  const what = `${HEADLINE[severity]}${mention === null ? '' : ` ${mention}`} ${subject(promotion)}: ${stuck}`;
  const forHowLong = stuckFor(promotion, asOf) ?? 'nobody knows since when';
  const isSnoozed = attention !== null && attention.snooze !== null;
  const checked = evidence === null ? '' : ` · checked ${ago(evidence.checkedAt)}`;
  const unrecorded = isUnrecorded && !isSnoozed ? UNRECORDED : '';
  const blocks: Block[] = [
    section(`${what} since ${sinceWhen(promotion)}. *${brief}*`),
    ...(facts.reopened == null ? [] : [section(facts.reopened)]),
    section(
      [
        `${sign} ${fact}${unrecorded}${checked}`,
        [`Promoted by ${person(promotion.promotedBy)}`, ...attentionPhrases(attention), rcaPhrase(promotion)].join(
          ' · ',
        ),
      ].join('\n'),
    ),
    alertButtons(promotion, evidence, attention),
    context(
      `Promotion ${promotion.id} · superadmin + code · doesn’t touch ${appLink(promotion.herokuApp, 'Heroku')} · final`,
    ),
    ...(refusedRoute === null ? [] : [misrouted(refusedRoute)]),
  ];
  return { text: `${what} ${forHowLong}. ${brief}`, blocks };
}

function rcaPhrase({ rcaUrl }: Promotion): string {
  if (rcaUrl === null) return 'no RCA yet';
  const url = linkableRcaUrl(rcaUrl);
  return url === null ? `RCA ${code(rcaUrl, 40)}` : link(url, 'RCA ↗');
}

/** `I’m on it` comes first while nobody is; whoever is on it needs the others. */
function alertButtons(
  promotion: Promotion,
  evidence: Evidence | null,
  attention: Attention | null,
): types.ActionsBlock {
  const { elements } = resolutionButtons(promotion, evidence);
  const isOwned = attention !== null && attention.ownership !== null;
  const acknowledge = acknowledgeButton(promotion);
  return {
    type: 'actions',
    elements: [...(isOwned ? [...elements, acknowledge] : [acknowledge, ...elements]), alertMenu(promotion, attention)],
  };
}

/** What is set to which value, and where. */
export function subjectLines(promotion: Promotion): string[] {
  return [
    `*Config var*: ${key(promotion.configVar)} → ${target(promotion)}`,
    `*Heroku app*: ${key(promotion.herokuApp)}`,
  ];
}

/** The buttons that resolve it. The one that the evidence speaks for stands out; where it says nothing, neither does. */
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

/** A link where an RCA is recorded, else the way to the form that takes its address, or drafts one. */
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
    section(text),
    section(
      [
        `${key(promotion.configVar)} → ${target(promotion)}`,
        wasDeploying(promotion),
        ...aloneWords(promotion),
        promotion.rcaUrl === null ? 'no RCA yet' : `RCA: ${rcaLink(promotion.rcaUrl)}`,
      ].join(' · '),
    ),
  ];
  const note = promotion.resolutionNote ?? promotion.failureReason;
  if (note !== null && note.trim() !== '') blocks.push(section(quote(note)));
  // Other states are another system's, or those of a promotion that was never under way.
  if (endedAt(promotion) !== null) blocks.push({ type: 'actions', elements: [rcaButton(promotion)] });
  blocks.push(context(`Promotion ${promotion.id}`));
  return { text, blocks };
}

/** A reply that had buttons: its thread's first message tells the rest. */
function endedReply(promotion: Promotion): Message {
  const text = outcomeHeadline(promotion);
  return { text, blocks: [section(text)] };
}

function wasDeploying(promotion: Promotion): string {
  const since = deployingSince(promotion);
  const until = endedAt(promotion);
  return until === null || since.getTime() === UNKNOWN_TIME.getTime()
    ? `was deploying since ${when(since)}`
    : `was deploying for ${span(until.getTime() - since.getTime())}`;
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
