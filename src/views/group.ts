import { worstSeverity } from '../promotions/alert.js';
import type { GroupFacts, GroupMember, VerdictCounts } from '../promotions/group.js';
import type { RefusedRoute } from '../promotions/routing.js';
import { isRowId } from '../promotions/row-id.js';
import { undeliveredLines } from './alert.js';
import { attentionLines } from './attention-lines.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { HEADLINE, SEVERITY_SIGN, sinceWhen, stuckFor } from './headline.js';
import { ACTION } from './ids.js';
import { misrouted } from './route.js';
import { ago, code, key } from './text.js';

/** How many promotions a group's messages name. */
export const MOST_NAMED = 10;

export interface GroupView extends GroupFacts {
  readonly groupId: string;
  readonly verdicts: VerdictCounts;
  /** When Heroku was asked. */
  readonly asOf: Date;
  /** What couldn't be delivered outside Slack. */
  readonly undelivered?: readonly string[];
}

/** Many alerts in one message: the count, the verdicts, the first names, and a button to the list. */
export function groupMessage(view: GroupView, refused: RefusedRoute | null): Message {
  return view.open.length === 0 ? endedGroup(view) : openGroup(view, refused);
}

/** Names a group's criticals in the channel, and mentions whom individual alerts would. */
export function groupCriticalsReply(
  groupId: string,
  criticals: readonly GroupMember[],
  mentions: readonly string[],
): Message {
  const mentioned = mentions.map((mention) => ` ${mention}`).join('');
  // Slack refuses a text over 4,000 characters and a section over 3,000, and `&` becomes five.
  const names = criticals.slice(0, MOST_NAMED).map(({ promotion }) => named(promotion, { flag: 40, app: 30 }));
  const rest = criticals.length - names.length;
  const lead = `${HEADLINE.critical}${mentioned} ${counted(criticals.length)} stuck`;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return {
    text: `${lead}: ${names.join(', ')}${more}. Press ${showLabel(criticals.length)}.`,
    blocks: [
      section(`${lead}:`),
      ...[names.slice(0, 5), names.slice(5)].filter((some) => some.length > 0).map((some) => section(some.join('\n'))),
      ...(rest > 0 ? [section(`…and *${rest} more*.`)] : []),
      showButton(groupId, criticals.length),
    ],
  };
}

function openGroup(
  { groupId, open, verdicts, asOf, undelivered, ...ended }: GroupView,
  refused: RefusedRoute | null,
): Message {
  const severity = worstSeverity(open);
  const stuck = `${counted(open.length)} ${open.length === 1 ? 'is' : 'are'} stuck`;
  const lead = `${HEADLINE[severity]} ${stuck}${where(open)}`;
  const verdict = `${verdictWords(verdicts)}.`;
  const oldest = open[0] === undefined ? null : stuckFor(open[0].promotion, asOf);
  const shown = open.slice(0, MOST_NAMED);
  const rest = open.length - shown.length;
  const outcomes = outcomeWords(ended);
  const blocks: Block[] = [
    section(`${lead}: *${verdict}*`),
    ...shown.map(({ promotion, severity: own, attention }) =>
      section(
        [
          `${SEVERITY_SIGN[own]} ${named(promotion)} since ${sinceWhen(promotion)} · promotion ${promotion.id}`,
          ...attentionLines(attention),
        ].join('\n'),
      ),
    ),
    ...(rest > 0 ? [section(`…and *${rest} more*.`)] : []),
    showButton(groupId, open.length),
    context(
      `Grouped. Buttons are in the list. · checked ${ago(asOf)}${outcomes === null ? '' : ` · ended so far: ${outcomes}`}`,
    ),
    ...undeliveredLines(undelivered),
    ...(refused === null ? [] : [misrouted(refused)]),
  ];
  const age = oldest === null ? '' : `, ${open.length === 1 ? 'for' : 'the oldest for'} ${oldest}`;
  return { text: `${lead}${age}: ${verdict} Press ${showLabel(open.length)}.`, blocks };
}

function counted(count: number): string {
  return count === 1 ? '1 promotion' : `${count} promotions`;
}

function where(open: readonly GroupMember[]): string {
  const apps = new Set(open.map(({ promotion }) => promotion.herokuApp));
  const [only] = apps;
  return apps.size === 1 && only !== undefined ? ` on ${code(only)}` : ` on ${apps.size} apps`;
}

function showLabel(count: number): string {
  return count === 1 ? 'Show it' : `Show all ${count}`;
}

function showButton(groupId: string, count: number): Block {
  return {
    type: 'actions',
    elements: [button(ACTION.groupPage, showLabel(count), { value: groupPageValue({ groupId, offset: 0 }) })],
  };
}

function endedGroup(view: GroupView): Message {
  const outcomes = outcomeWords(view) ?? 'none is left';
  const text = `:white_check_mark: *All ended*: ${outcomes}.`;
  return { text, blocks: [section(text), ...undeliveredLines(view.undelivered)] };
}

/** `31 live, 17 not live`: in the order of what there is to do. */
function verdictWords(verdicts: VerdictCounts): string {
  const counts = [
    [verdicts.live, 'live'],
    [verdicts.not_live + verdicts.release_failed + verdicts.changed_since, 'not live'],
    [verdicts.release_running, 'release running'],
    [verdicts.unknown, 'not known'],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ');
}

function outcomeWords({
  completed,
  failed,
  endedOtherwise,
}: Pick<GroupFacts, 'completed' | 'failed' | 'endedOtherwise'>): string | null {
  const counts = [
    [completed, 'completed'],
    [failed, 'failed'],
    [endedOtherwise, 'otherwise'],
  ] as const;
  const said = counts.filter(([count]) => count > 0).map(([count, how]) => `${count} ${how}`);
  return said.length === 0 ? null : said.join(', ');
}

function named({ flagKey, herokuApp }: GroupMember['promotion'], most = { flag: 80, app: 80 }): string {
  return `${key(flagKey, most.flag)} on ${key(herokuApp, most.app)}`;
}

/** A page of a group's list, as in a button's value. */
export interface GroupPage {
  readonly groupId: string;
  readonly offset: number;
}

export function groupPageValue({ groupId, offset }: GroupPage): string {
  return `${groupId}:${offset}`;
}

/** null if it is no such value. */
export function readGroupPage(value: string): GroupPage | null {
  const [, groupId = '', offset] = /^(-?\d+):(\d{1,6})$/u.exec(value) ?? [];
  return isRowId(groupId) ? { groupId, offset: Number(offset) } : null;
}
