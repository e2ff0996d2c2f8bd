import type { GroupFacts, GroupMember, VerdictCounts } from '../promotions/group.js';
import { deployingSince } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import type { Severity } from '../promotions/stuck.js';
import { COLOUR } from './alert.js';
import { attentionLines } from './attention-lines.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { HEADLINE } from './headline.js';
import { ACTION } from './ids.js';
import { misrouted } from './route.js';
import { code, when } from './text.js';

/** How many promotions a group, or a reply that names its criticals, names. */
export const MOST_NAMED = 10;

export interface GroupView extends GroupFacts {
  readonly groupId: string;
  readonly verdicts: VerdictCounts;
}

/** Many alerts in one message: how many, what Heroku says of them, the first names, and the list with the buttons. */
export function groupMessage(view: GroupView, refused: RefusedRoute | null): Message {
  return view.open.length === 0 ? endedGroup(view) : openGroup(view, refused);
}

/** Names criticals of a group in the channel, and mentions whom they would mention by themselves. */
export function groupCriticalsReply(criticals: readonly GroupMember[], mentions: readonly string[]): Message {
  const mentioned = mentions.map((mention) => ` ${mention}`).join('');
  // Slack refuses a text of more than 4,000 characters, and `&` becomes five.
  const names = criticals.slice(0, MOST_NAMED).map(({ promotion }) => subject(promotion, { flag: 40, app: 30 }));
  const rest = criticals.length - names.length;
  const said = criticals.length === 1 ? '1 promotion' : `${criticals.length} promotions`;
  return {
    text: `${HEADLINE.critical}${mentioned}: ${said} stuck: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}. Buttons are in the group’s list.`,
  };
}

const SIGN: Record<Severity, string> = { warning: ':warning:', critical: ':rotating_light:' };

function openGroup({ groupId, open, verdicts, ...ended }: GroupView, refused: RefusedRoute | null): Message {
  const severity = open.some((member) => member.severity === 'critical') ? 'critical' : 'warning';
  const stuck = open.length === 1 ? '1 promotion is stuck' : `${open.length} promotions are stuck`;
  const text = `${HEADLINE[severity]}: *${stuck}*: ${verdictWords(verdicts)}`;
  const named = open.slice(0, MOST_NAMED);
  const rest = open.length - named.length;
  const outcomes = outcomeWords(ended);
  const blocks: Block[] = [
    ...named.map(({ promotion, severity: own, attention }) =>
      section(
        [
          `${SIGN[own]} ${subject(promotion)}, since ${when(deployingSince(promotion))} · promotion ${promotion.id}`,
          ...attentionLines(attention),
        ].join('\n'),
      ),
    ),
    ...(rest > 0 ? [section(`…and *${rest} more*.`)] : []),
    {
      type: 'actions',
      elements: [
        button(ACTION.groupPage, open.length === 1 ? 'Show it' : `Show all ${open.length}`, {
          value: groupPageValue({ groupId, offset: 0 }),
        }),
      ],
    },
    context(`Grouped. Buttons are in the list.${outcomes === null ? '' : ` Ended so far: ${outcomes}.`}`),
    ...(refused === null ? [] : [misrouted(refused)]),
  ];
  return {
    text,
    attachments: [{ color: severity === 'critical' ? COLOUR.firing : COLOUR.owned, fallback: text, blocks }],
  };
}

function endedGroup(view: GroupView): Message {
  const total = view.completed + view.failed + view.endedOtherwise;
  const outcomes = outcomeWords(view) ?? 'none is left';
  const text = `:white_check_mark: ${total === 1 ? 'The promotion' : `All ${total} promotions`} of this group ended: ${outcomes}`;
  const colour = view.completed === total ? COLOUR.resolved : COLOUR.silenced;
  return { text, attachments: [{ color: colour, fallback: text, blocks: [section(`*All ended*: ${outcomes}.`)] }] };
}

/** `31 live, 17 not live`: in the order of what there is to do. */
function verdictWords(verdicts: VerdictCounts): string {
  const counted = [
    [verdicts.live, 'live'],
    [verdicts.not_live + verdicts.release_failed + verdicts.changed_since, 'not live'],
    [verdicts.release_running, 'release running'],
    [verdicts.unknown, 'not known'],
  ] as const;
  return counted
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ');
}

function outcomeWords({
  completed,
  failed,
  endedOtherwise,
}: Pick<GroupFacts, 'completed' | 'failed' | 'endedOtherwise'>): string | null {
  const counted = [
    [completed, 'completed'],
    [failed, 'failed'],
    [endedOtherwise, 'otherwise'],
  ] as const;
  const said = counted.filter(([count]) => count > 0).map(([count, how]) => `${count} ${how}`);
  return said.length === 0 ? null : said.join(', ');
}

function subject({ flagKey, herokuApp }: GroupMember['promotion'], most = { flag: 80, app: 80 }): string {
  return `${code(flagKey, most.flag)} on ${code(herokuApp, most.app)}`;
}

/** A page of the list behind a group, as a button's value carries it. */
export interface GroupPage {
  readonly groupId: string;
  readonly offset: number;
}

export function groupPageValue({ groupId, offset }: GroupPage): string {
  return `${groupId}:${offset}`;
}

/** null where it is no such value. */
export function readGroupPage(value: string): GroupPage | null {
  const [, groupId, offset] = /^([1-9]\d{0,17}):(\d{1,6})$/u.exec(value) ?? [];
  return groupId === undefined || offset === undefined ? null : { groupId, offset: Number(offset) };
}
