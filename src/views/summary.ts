import { deployingSince } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import type { Severity } from '../promotions/stuck.js';
import type { SummaryFacts, SummaryKind } from '../promotions/summary.js';
import { COLOUR, HEADLINE } from './alert.js';
import { attentionLines } from './attention-lines.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { ACTION, COMMAND } from './ids.js';
import { misrouted } from './route.js';
import { code, when } from './text.js';

/** How a summary is told. */
export interface SummaryTelling {
  /** Whom a new message calls about criticals. */
  readonly mentions: readonly string[];
  /** The channel that it was meant for, where Slack did not let the app post there. */
  readonly refused: RefusedRoute | null;
}

/** A summary of many alerts, or what is said in its thread. */
export function summaryMessage(
  kind: SummaryKind,
  id: string,
  facts: SummaryFacts,
  { mentions, refused }: SummaryTelling,
): Message {
  const { open, openCriticals, unattended, owingRca, oldest } = facts;
  const called = unattended === 0 ? '' : mentions.map((mention) => ` ${mention}`).join('');
  switch (kind) {
    case 'summary':
      return open === 0 ? endedSummary(id, facts) : openSummary(id, facts, called, refused);
    case 'call': {
      const [first] = oldest;
      const since = first === undefined ? '' : `, the oldest since ${when(deployingSince(first.promotion))}`;
      return {
        text: `${HEADLINE.critical}${called}: ${openCriticals} of ${promotions(open)} that ${isOrAre(open)} stuck here ${isOrAre(openCriticals)} critical${attended(facts)}${since}. The list with the buttons is behind the message above.`,
      };
    }
    case 'ended':
      return { text: allEnded(facts) };
    case 'rca_reminder':
      return {
        text: `:memo: ${promotions(owingRca)} of those above turned critical, ended, and ${owingRca === 1 ? 'has' : 'have'} no RCA yet: ${code(`${COMMAND} rca`)}`,
      };
  }
}

const SIGN: Record<Severity, string> = { warning: ':warning:', critical: ':rotating_light:' };

function openSummary(id: string, facts: SummaryFacts, called: string, refused: RefusedRoute | null): Message {
  const { open, openCriticals, oldest } = facts;
  const severity = openCriticals > 0 ? 'critical' : 'warning';
  const text = `${HEADLINE[severity]}${called}: *${open} more ${noun(open)}* ${isOrAre(open)} stuck in deploying${critical(facts)}`;
  const rest = open - oldest.length;
  const blocks: Block[] = [
    ...oldest.map(({ promotion, severity: own, attention }) =>
      section(
        [
          `${SIGN[own]} ${code(promotion.flagKey)} on ${code(promotion.herokuApp)}`,
          `Deploying since ${when(deployingSince(promotion))} · promotion ${promotion.id}`,
          ...attentionLines(attention),
        ].join('\n'),
      ),
    ),
    ...(rest > 0 ? [section(`…and *${rest} more*, which began later.`)] : []),
    {
      type: 'actions',
      elements: [
        button(ACTION.summaryPage, `Show ${open === 1 ? 'it' : `all ${open}`}`, {
          value: summaryPageValue({ summaryId: id, offset: 0 }),
        }),
      ],
    },
    context(
      [
        'Too many got stuck at once for a message each; the list has the buttons of each.',
        ...(ended(facts) > 0 ? [`Ended so far: ${outcomes(facts)}.`] : []),
      ].join(' '),
    ),
    ...(refused === null ? [] : [misrouted(refused)]),
  ];
  return {
    text,
    attachments: [{ color: severity === 'critical' ? COLOUR.firing : COLOUR.owned, fallback: text, blocks }],
  };
}

function endedSummary(id: string, facts: SummaryFacts): Message {
  const text = allEnded(facts);
  const colour = facts.completed === ended(facts) ? COLOUR.resolved : COLOUR.silenced;
  const blocks: Block[] = [section(`*All resolved*: ${outcomes(facts)}.`), context(`Summary ${id}`)];
  return { text, attachments: [{ color: colour, fallback: text, blocks }] };
}

function allEnded(facts: SummaryFacts): string {
  const total = ended(facts);
  const all = total === 1 ? 'The one promotion' : `All ${total} promotions`;
  return `:white_check_mark: ${all} that got stuck together ${total === 1 ? 'has' : 'have'} ended: ${outcomes(facts)}`;
}

function ended({ completed, failed, endedOtherwise }: SummaryFacts): number {
  return completed + failed + endedOtherwise;
}

function outcomes({ completed, failed, endedOtherwise }: SummaryFacts): string {
  const counted = [
    [completed, 'completed'],
    [failed, 'failed'],
    [endedOtherwise, 'otherwise'],
  ] as const;
  const said = counted.filter(([count]) => count > 0).map(([count, how]) => `${count} ${how}`);
  return said.length === 0 ? 'none is left' : said.join(', ');
}

function critical({ open, openCriticals }: SummaryFacts): string {
  if (openCriticals === 0 || open === 1) return '';
  return openCriticals === open ? ', all of them critical' : `, ${openCriticals} of them critical`;
}

/** How many of the criticals somebody is on, or has snoozed. */
function attended({ openCriticals, unattended }: SummaryFacts): string {
  const quiet = openCriticals - unattended;
  return quiet === 0 ? '' : ` (${quiet} of them taken or snoozed)`;
}

const noun = (count: number): string => (count === 1 ? 'promotion' : 'promotions');
const promotions = (count: number): string => `${count} ${noun(count)}`;
const isOrAre = (count: number): string => (count === 1 ? 'is' : 'are');

/** A page of the list behind a summary, from the `offset`th promotion on. */
export interface SummaryPage {
  readonly summaryId: string;
  readonly offset: number;
}

/** What a button carries that opens a page. */
export function summaryPageValue({ summaryId, offset }: SummaryPage): string {
  return `${summaryId}:${offset}`;
}
