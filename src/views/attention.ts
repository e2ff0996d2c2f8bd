import type { Operator } from '../operators/operator.js';
import type { Attention } from '../promotions/attention.js';
import type { AnswerRefusal, OwnerLoss, Ownership, TakeRefusal } from '../promotions/ownership.js';
import type { Promotion } from '../promotions/promotion.js';
import type { SnoozeChoice, SnoozeRefusal, UnsnoozeRefusal } from '../promotions/snooze.js';
import type { Severity } from '../promotions/stuck.js';
import { needsOperator } from './authority.js';
import { type Answer, button, type Message, overflow, section } from './blocks.js';
import { HEADLINE, isStuck, outcomeHeadline } from './headline.js';
import { ACTION, COMMAND } from './ids.js';
import { code, person, when } from './text.js';

/* Who is on a stuck promotion, and what is snoozed: the buttons, and what each answers. */

const what = (promotion: Promotion) => `${code(promotion.flagKey)} on ${code(promotion.herokuApp)}`;

interface MenuEntry {
  readonly label: string;
  readonly isOffered: (attention: Attention | null) => boolean;
}

const isSnoozed = (attention: Attention | null) => (attention?.snooze ?? null) !== null;
const isAwake = (attention: Attention | null) => !isSnoozed(attention);

/** The alert's ⋯ menu, in its order. Each choice must have its handler in handlers/attention.ts. */
const ALERT_MENU = {
  take: { label: 'I’m on it', isOffered: () => true },
  hand_over: { label: 'Hand over', isOffered: (attention) => (attention?.ownership ?? null) !== null },
  snooze_1h: { label: 'Snooze for 1 h', isOffered: isAwake },
  snooze_4h: { label: 'Snooze for 4 h', isOffered: isAwake },
  snooze_tomorrow: { label: 'Snooze until tomorrow 09:00', isOffered: isAwake },
  unsnooze: { label: 'Unsnooze', isOffered: isSnoozed },
} as const satisfies Readonly<Record<string, MenuEntry>>;
export type AlertMenuChoice = keyof typeof ALERT_MENU;

/** What stands beside an alert's own buttons. An older message may offer too much: the handler looks at the rows. */
export function attentionButtons({ id }: Promotion, attention: Attention | null) {
  const options = Object.entries(ALERT_MENU)
    .filter(([, { isOffered }]) => isOffered(attention))
    .map(([choice, { label }]) => ({ label, value: `${choice}:${id}` }));
  return [overflow(ACTION.alertMenu, options)];
}

/** The question in the thread: it calls the owner, and nobody else. */
export function ownerQuestion(promotion: Promotion, owner: string): Message {
  const text = `${person(owner)}, are you still on it? ${isStuck(promotion)}.`;
  return {
    text,
    blocks: [
      section(`${text}\nWithout an answer within 10 minutes, the alert is repeated and nobody has it.`),
      {
        type: 'actions',
        elements: [
          button(ACTION.stillOnIt, 'Confirm', { value: promotion.id, style: 'primary' }),
          button(ACTION.handOver, 'Hand over', { value: promotion.id }),
        ],
      },
    ],
  };
}

/** What stands in its place once it is answered. `ownerName` is a name, not a mention. */
export function answeredQuestion(
  ownerName: string,
  ownership: Ownership | null,
  owner: string,
  isOpen: boolean,
): Message {
  const asked = `${code(ownerName)} was asked: are you still on it?`;
  if (!isOpen) return { text: `${asked} It has ended.` };
  if (ownership === null) return { text: `${asked} Nobody has it now.` };
  return ownership.owner === owner
    ? { text: `${asked} They have it, as they said ${when(ownership.confirmedAt)}.` }
    : { text: `${asked} It is ${person(ownership.owner)} who has it now.` };
}

/** What stands in an alert’s thread when its owner is one no more. */
export function ownerLostReply(facts: {
  readonly promotion: Promotion;
  readonly severity: Severity;
  readonly owner: string;
  readonly reason: OwnerLoss;
  readonly mention: string | null;
}): Message {
  const why =
    facts.reason === 'silent'
      ? `${person(facts.owner)} had it and did not answer within 10 minutes.`
      : `${person(facts.owner)}, who had it, is no operator any more.`;
  return stillOpen(facts, `${why} *Nobody has it now.*`);
}

/** `name` is that of who handed it over; nobody is pinged about what they did. */
export function releasedReply(facts: {
  readonly promotion: Promotion;
  readonly name: string;
  readonly ownership: Ownership | null;
  readonly mention: string | null;
}): Message {
  const { ownership, mention } = facts;
  const now =
    ownership === null
      ? `*Nobody has it now*${mention === null ? '' : ` ${mention}`}.`
      : `It is ${person(ownership.owner)} who has it now.`;
  return { text: `:wave: ${code(facts.name)} handed over ${what(facts.promotion)}. ${now}` };
}

export function takenOverReply(promotion: Promotion, name: string, from: string): Message {
  return { text: `:raising_hand: ${code(name)} took over ${what(promotion)} from ${person(from)}.` };
}

export function snoozeEndedReply(facts: {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** Calls them instead of everybody. */
  readonly owner: string | null;
  readonly mention: string | null;
}): Message {
  const { owner } = facts;
  return stillOpen(
    { ...facts, mention: owner === null ? facts.mention : person(owner) },
    owner === null ? 'Its snooze is over.' : 'Its snooze is over, and you have it.',
  );
}

function stillOpen(
  facts: { readonly promotion: Promotion; readonly severity: Severity; readonly mention: string | null },
  why: string,
): Message {
  const called = facts.mention === null ? '' : ` ${facts.mention}`;
  return { text: `${HEADLINE[facts.severity]}, still open${called}: ${isStuck(facts.promotion)}. ${why}` };
}

/** Tells that one is on it now. `from`: from whom it was taken over. */
export function takenAnswer(promotion: Promotion, from: string | null, isCritical: boolean): string {
  const over = from === null ? '' : ` You took it over from ${person(from)}; its thread says so.`;
  const then = isCritical
    ? ' It is not repeated for 45 minutes; then I ask you whether you still are.'
    : ' The message says so.';
  return `:raising_hand: *You are on it*: ${what(promotion)}.${over}${then}`;
}

/** Why it was not taken, with the way to take it over where somebody has it. */
export function takeRefusalAnswer(refusal: TakeRefusal, superadmins: readonly Operator[]): Answer {
  switch (refusal.kind) {
    case 'yours_already':
      return say(
        `You have ${what(refusal.promotion)} already, since ${when(refusal.ownership.since)}. Nothing was changed.`,
      );
    case 'taken':
      return offerTakeOver(refusal.promotion, refusal.ownership);
    default:
      return say(refusalWords(refusal, 'Taking an alert', superadmins));
  }
}

/** Nobody takes it from somebody without being told, and saying, that they do. */
function offerTakeOver(promotion: Promotion, { owner, since }: Ownership): Answer {
  const text = `${what(promotion)} is already taken by ${person(owner)}, since ${when(since)}. Nothing was changed. Take it over?`;
  const value = JSON.stringify({ promotionId: promotion.id, over: owner });
  return {
    text,
    blocks: [section(text), { type: 'actions', elements: [button(ACTION.takeOver, 'Take over', { value })] }],
  };
}

export function confirmedAnswer(promotion: Promotion): string {
  return `:white_check_mark: *You are still on it*: ${what(promotion)}. It is not repeated for another 45 minutes.`;
}

export function handedOverAnswer(promotion: Promotion): string {
  return `:wave: You handed over ${what(promotion)}. Its thread says that nobody has it.`;
}

export function answerRefusalAnswer(refusal: AnswerRefusal, superadmins: readonly Operator[]): Answer {
  switch (refusal.kind) {
    case 'not_asked':
      return say(
        `You have ${what(refusal.promotion)}, since ${when(refusal.ownership.since)}, and nothing is asked of you now.`,
      );
    case 'not_owner':
      return refusal.ownership === null
        ? say(`Nobody has ${what(refusal.promotion)} now. Nothing was changed. ${takeHint(refusal.promotion)}`)
        : offerTakeOver(refusal.promotion, refusal.ownership);
    default:
      return say(refusalWords(refusal, 'Answering for an alert', superadmins));
  }
}

function takeHint({ id }: Promotion): string {
  return `${code(`${COMMAND} take ${id}`)} takes it.`;
}

export function snoozedAnswer(promotion: Promotion, until: Date): string {
  return `:zzz: ${what(promotion)} is *snoozed* until ${when(until)}. What is new is told all the same.`;
}

export function unsnoozedAnswer(promotion: Promotion): string {
  return `:bell: ${what(promotion)} is not snoozed any more.`;
}

export function snoozeRefusalAnswer(
  refusal: SnoozeRefusal | UnsnoozeRefusal,
  around: {
    readonly superadmins: readonly Operator[];
    readonly now: Date;
    /** What Slack says of the person’s time zone. */
    readonly timeZone: string | null;
  },
): Answer {
  switch (refusal.kind) {
    case 'too_long':
      return say(
        refusal.latest <= around.now
          ? `${what(refusal.promotion)} is critical for more than 24 hours and can’t be snoozed any more. Nothing was changed. ${takeHint(refusal.promotion)}`
          : `${what(refusal.promotion)} is critical and can be snoozed until ${when(refusal.latest)} at the latest: 24 hours after it became critical. Nothing was changed. Choose a shorter time.`,
      );
    case 'unknown_time_zone':
      return say(
        `${around.timeZone === null ? 'Slack does not tell your time zone' : `Slack says that your time zone is ${code(around.timeZone, 60)}, which I don’t know`}, so I can’t tell when it is 09:00 where you are. Nothing was changed. Snooze for 1 h or 4 h, or set your time zone in Slack.`,
      );
    case 'not_snoozed':
      return say(`${what(refusal.promotion)} is not snoozed. Nothing was changed.`);
    default:
      return say(refusalWords(refusal, 'Snoozing an alert', around.superadmins));
  }
}

type SharedRefusal = Extract<TakeRefusal, { kind: 'not_operator' | 'unknown_promotion' | 'ended' | 'not_alerting' }>;

function refusalWords(refusal: SharedRefusal, doing: string, superadmins: readonly Operator[]): string {
  switch (refusal.kind) {
    case 'not_operator':
      return needsOperator(doing, superadmins);
    case 'unknown_promotion':
      return 'This promotion is not in the database, so nothing was changed.';
    case 'ended':
      return `*Nothing was changed: this has ended already.*\n${outcomeHeadline(refusal.promotion)}`;
    case 'not_alerting':
      return `${what(refusal.promotion)} has no open alert, so there is nothing to take or to snooze. Nothing was changed.`;
  }
}

/** Several promotions of one flag alert. */
export function whichAlertWords(flagKey: string, promotions: readonly Promotion[]): string {
  const lines = promotions.slice(0, 5).map(({ id, herokuApp }) => `${code(id)} on ${code(herokuApp)}`);
  return `Several promotions of ${code(flagKey)} are deploying. Say which, by its id:\n${lines.join('\n')}`;
}

const CHOICES: Record<SnoozeChoice, string> = { '1h': '1 h', '4h': '4 h', tomorrow: 'tomorrow 09:00' };

export function snoozeUsageWords(): string {
  const words = Object.keys(CHOICES).map((choice) => code(choice));
  return `Say which promotion, and for how long: ${code(`${COMMAND} snooze <id | flag-key> 1h|4h|tomorrow`)}, where ${words.at(-1)} is 09:00 where you are.`;
}

function say(text: string): Answer {
  return { text, blocks: [section(text)] };
}
