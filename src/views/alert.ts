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
import { ago, code, key, label, link, person, plain, quote, span, when } from './text.js';

export interface AlertFacts {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** null: not asked, because the promotion ended and its outcome says more. */
  readonly evidence: Evidence | null;
  /** When all this was read: ages that Slack can't keep current are as of then. */
  readonly asOf: Date;
  /** Whom a new message mentions, in Slack's markup. */
  readonly mention: string | null;
  /** The intended channel, if Slack didn't let the app post there. */
  readonly refusedRoute?: RefusedRoute | null;
  readonly attention?: Attention | null;
  /** What couldn't be delivered outside Slack: `page not delivered: 403`. */
  readonly undelivered?: readonly string[];
  /** A line about a row that had ended before; null: it hadn't. */
  readonly reopened?: string | null;
}

/** The alert with its buttons, or the outcome once the promotion ended. */
export function alertMessage(facts: AlertFacts): Message {
  return isDeploying(facts.promotion) ? stuckMessage(facts, 'stuck') : endedMessage(facts);
}

/** The reply when a warning turns critical: all that its alert says. */
export function escalationReply(facts: AlertFacts): Message {
  return isDeploying(facts.promotion) ? stuckMessage(facts, 'stuck') : endedReply(facts.promotion);
}

/** The reply while a critical stays open. */
export function repeatReply(facts: AlertFacts): Message {
  return isDeploying(facts.promotion) ? stuckMessage(facts, 'still stuck') : endedReply(facts.promotion);
}

/** At most 45 words; a lock screen shows only the first line. */
function stuckMessage(facts: AlertFacts, stuck: 'stuck' | 'still stuck'): Message {
  const { promotion, severity, evidence, asOf, mention, refusedRoute = null, attention = null } = facts;
  const { sign, fact, runs, brief, isUnrecorded } = findingOf(promotion, evidence, true);
  const isSnoozed = attention !== null && attention.snooze !== null;
  const still = isSnoozed ? 'stuck' : stuck;
  const what = `${HEADLINE[severity]}${mention === null ? '' : ` ${mention}`} ${subject(promotion)}: ${still}`;
  const forHowLong = stuckFor(promotion, asOf) ?? 'since nobody knows when';
  // Words about dynos take the place of others: 45 in all.
  const isBrief = runs !== '';
  const checked = evidence === null ? '' : ` · checked ${ago(evidence.checkedAt)}`;
  const unrecorded = isUnrecorded && !isSnoozed && !isBrief ? UNRECORDED : '';
  const blocks: Block[] = [
    section(`${what} since ${sinceWhen(promotion)}. *${brief}*`),
    ...(facts.reopened == null ? [] : [section(facts.reopened)]),
    section(
      [
        `${sign} ${fact}${unrecorded}${runs}${checked}`,
        [
          `Promoted by ${person(promotion.promotedBy)}`,
          ...attentionPhrases(attention),
          rcaPhrase(promotion, isBrief),
        ].join(' · '),
      ].join('\n'),
    ),
    alertButtons(promotion, evidence, attention),
    context(
      `Promotion ${promotion.id} · superadmin + code · doesn’t touch ${appLink(promotion.herokuApp, 'Heroku')} · final`,
    ),
    ...undeliveredLines(facts.undelivered),
    ...(refusedRoute === null ? [] : [misrouted(refusedRoute)]),
  ];
  return { text: `${what} ${forHowLong}. ${brief}`, blocks };
}

/** Readers must not think that somebody was paged, or that the pager is quiet by now. */
export function undeliveredLines(undelivered: readonly string[] = []): Block[] {
  return undelivered.map((what) => context(`:warning: ${plain(what, 150)}`));
}

function rcaPhrase({ rcaUrl }: Promotion, isBrief: boolean): string {
  if (rcaUrl === null) return isBrief ? 'no RCA' : 'no RCA yet';
  const url = linkableRcaUrl(rcaUrl);
  return url === null ? `RCA ${code(rcaUrl, 40)}` : link(url, 'RCA ↗');
}

/** `I’m on it` comes first while nobody is; afterwards the others matter more. */
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

export function subjectLines(promotion: Promotion): string[] {
  return [
    `*Config var*: ${key(promotion.configVar)} → ${target(promotion)}`,
    `*Heroku app*: ${key(promotion.herokuApp)}`,
  ];
}

/** Highlights the button that the evidence supports; neither without evidence, or while a crash is unexplained. */
export function resolutionButtons(promotion: Promotion, evidence: Evidence | null): types.ActionsBlock {
  const verdict = evidence?.kind === 'read' && evidence.dynos?.kind !== 'crashed' ? evidence.verdict : 'unknown';
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

/** A link if an RCA is recorded, else it opens the form that links or drafts one. */
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

function endedMessage({ promotion, undelivered }: Pick<AlertFacts, 'promotion' | 'undelivered'>): Message {
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
  // Any other state is another system's, or never was under way.
  if (endedAt(promotion) !== null) blocks.push({ type: 'actions', elements: [rcaButton(promotion)] });
  blocks.push(context(`Promotion ${promotion.id}`), ...undeliveredLines(undelivered));
  return { text, blocks };
}

/** Replaces a reply that had buttons; the thread's first message has the rest. */
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

/** A link labelled with its own address, so that nobody is misled; plain text if it can't be linked. */
export function rcaLink(recorded: string): string {
  return link(recorded, label(recorded, 90));
}

/** The reply when the promotion ended. `operatorName` is a name, not a mention: nobody is pinged. */
export function resolvedReply(promotion: Promotion, operatorName: string | null, seal: string | null = null): Message {
  const rca = promotion.rcaUrl === null ? '' : `\nRCA: ${rcaLink(promotion.rcaUrl)}`;
  // The note says why, if no person resolved it.
  const why = promotion.resolvedBy === null ? promotion.resolutionNote : null;
  const note = why === null || why.trim() === '' ? '' : `\n${quote(why)}`;
  const sealed = seal === null ? '' : `\nSealed: ${code(seal)}`;
  return {
    text: `${outcomeHeadline(promotion, operatorName === null ? '_someone_' : code(operatorName))}${note}${rca}${sealed}`,
  };
}

export function rcaLinkedReply(url: string, previousUrl: string | null, operatorName: string): Message {
  const replaced = previousUrl === null ? '' : `\nIt replaces ${rcaLink(previousUrl)}`;
  return { text: `:page_facing_up: RCA linked by ${code(operatorName)}: ${rcaLink(url)}${replaced}` };
}
