import { deployingSince } from '../promotions/promotion.js';
import type { SummaryFacts, SummaryKind } from '../promotions/summary.js';
import type { Severity } from '../promotions/stuck.js';
import { COLOUR, HEADLINE } from './alert.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { ACTION, COMMAND } from './ids.js';
import { code, when } from './text.js';

/** A summary of many alerts, or what is said in its thread. `mention`: whom a new message calls about criticals. */
export function summaryMessage(kind: SummaryKind, id: string, facts: SummaryFacts, mention: string | null): Message {
  const { open, openCriticals, owingRca, oldest } = facts;
  const called = mention === null || openCriticals === 0 ? '' : ` ${mention}`;
  switch (kind) {
    case 'summary':
      return open === 0 ? endedSummary(id, facts) : openSummary(id, facts, called);
    case 'call': {
      const [first] = oldest;
      const since = first === undefined ? '' : `, the oldest since ${when(deployingSince(first.promotion))}`;
      return {
        text: `${HEADLINE.critical}${called}: ${openCriticals} of ${promotions(open)} that ${isOrAre(open)} stuck here ${isOrAre(openCriticals)} critical${since}. The list with the buttons is behind the message above.`,
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

function openSummary(id: string, facts: SummaryFacts, called: string): Message {
  const { open, openCriticals, oldest } = facts;
  const severity = openCriticals > 0 ? 'critical' : 'warning';
  const text = `${HEADLINE[severity]}${called}: *${open} more ${noun(open)}* ${isOrAre(open)} stuck in deploying${critical(facts)}`;
  const rest = open - oldest.length;
  const blocks: Block[] = [
    ...oldest.map(({ promotion, severity: own }) =>
      section(
        `${SIGN[own]} ${code(promotion.flagKey)} on ${code(promotion.herokuApp)}\nDeploying since ${when(deployingSince(promotion))} · promotion ${promotion.id}`,
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
