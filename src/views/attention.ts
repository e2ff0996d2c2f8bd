import type { Operator } from '../operators/operator.js';
import type { Attention } from '../promotions/attention.js';
import type { AnswerRefusal, OwnerLoss, Ownership, TakeRefusal } from '../promotions/ownership.js';
import type { Promotion } from '../promotions/promotion.js';
import { SNOOZE_CHOICES, type SnoozeRefusal, type UnsnoozeRefusal } from '../promotions/snooze.js';
import type { Severity } from '../promotions/stuck.js';
import { needsOperator } from './authority.js';
import { type Answer, button, type Message, overflow, section } from './blocks.js';
import { HEADLINE, isStuck, outcomeHeadline, subject } from './headline.js';
import { ACTION, COMMAND } from './ids.js';
import { code, key, label, person, when } from './text.js';

/** The buttons for acknowledging and snoozing, and their answers. */

interface MenuEntry {
  readonly label: string;
  readonly isOffered: (attention: Attention | null) => boolean;
}

const isSnoozed = (attention: Attention | null) => (attention?.snooze ?? null) !== null;
const isAwake = (attention: Attention | null) => !isSnoozed(attention);

/** The alert's ⋯ menu, in order. Each choice needs its handler in handlers/attention.ts. */
const ALERT_MENU = {
  snooze_1h: { label: 'Snooze for 1 h', isOffered: isAwake },
  snooze_4h: { label: 'Snooze for 4 h', isOffered: isAwake },
  snooze_morning: { label: 'Snooze until 09:00', isOffered: isAwake },
  unsnooze: { label: 'End the snooze', isOffered: isSnoozed },
  hand_over: { label: 'Release it', isOffered: (attention) => (attention?.ownership ?? null) !== null },
} as const satisfies Readonly<Record<string, MenuEntry>>;
export type AlertMenuChoice = keyof typeof ALERT_MENU;

/** An older message may offer too much: the handler checks the rows. */
export function alertMenu({ id }: Promotion, attention: Attention | null) {
  const options = Object.entries(ALERT_MENU)
    .filter(([, { isOffered }]) => isOffered(attention))
    .map(([choice, { label: said }]) => ({ label: said, value: `${choice}:${id}` }));
  return overflow(ACTION.alertMenu, options);
}

/** For operators of any role. */
export function acknowledgeButton({ id, flagKey }: Promotion) {
  return button(ACTION.acknowledge, 'I’m on it', { value: id, accessibilityLabel: label(`I’m on it: ${flagKey}`, 75) });
}

/** Mentions the owner, and nobody else. */
export function ownerQuestion(promotion: Promotion, owner: string): Message {
  const text = `${person(owner)}, are you still on it? ${isStuck(promotion)}.`;
  return {
    text,
    blocks: [
      section(`${text}\nIf you don’t answer within 10 minutes, nobody is on it and the alert is repeated.`),
      {
        type: 'actions',
        elements: [
          button(ACTION.stillOnIt, 'Confirm', { value: promotion.id, style: 'primary' }),
          button(ACTION.handOver, 'Release it', { value: promotion.id }),
        ],
      },
    ],
  };
}

/** Replaces the question once answered. `ownerName` is a name, not a mention. */
export function answeredQuestion(
  ownerName: string,
  ownership: Ownership | null,
  owner: string,
  isOpen: boolean,
): Message {
  const asked = `${code(ownerName)} was asked: are you still on it?`;
  if (!isOpen) return { text: `${asked} The promotion has ended.` };
  if (ownership === null) return { text: `${asked} Nobody is on it now.` };
  return ownership.owner === owner
    ? { text: `${asked} They said yes, ${when(ownership.confirmedAt)}.` }
    : { text: `${asked} ${person(ownership.owner)} is on it now.` };
}

export function ownerLostReply(facts: {
  readonly promotion: Promotion;
  readonly severity: Severity;
  readonly owner: string;
  readonly reason: OwnerLoss;
  readonly mention: string | null;
}): Message {
  const why =
    facts.reason === 'silent'
      ? `${person(facts.owner)} was on it and didn’t answer within 10 minutes.`
      : `${person(facts.owner)} was on it and is no longer an operator.`;
  return stillOpen(facts, `${why} *Nobody is on it now.*`);
}

/** `name`: who released it, without a mention: they know. */
export function releasedReply(facts: {
  readonly promotion: Promotion;
  readonly name: string;
  readonly ownership: Ownership | null;
  readonly mention: string | null;
}): Message {
  const { ownership, mention } = facts;
  const now =
    ownership === null
      ? `*Nobody is on it now*${mention === null ? '' : ` ${mention}`}.`
      : `${person(ownership.owner)} is on it now.`;
  return { text: `:wave: ${code(facts.name)} released ${subject(facts.promotion)}. ${now}` };
}

export function takenOverReply(promotion: Promotion, name: string, from: string): Message {
  return { text: `:raising_hand: ${code(name)} took over ${subject(promotion)} from ${person(from)}.` };
}

export function snoozeEndedReply(facts: {
  readonly promotion: Promotion;
  readonly severity: Severity;
  /** Mentioned instead of everybody. */
  readonly owner: string | null;
  readonly mention: string | null;
}): Message {
  const { owner } = facts;
  return stillOpen(
    { ...facts, mention: owner === null ? facts.mention : person(owner) },
    owner === null ? 'Its snooze is over.' : 'Its snooze is over, and you are on it.',
  );
}

function stillOpen(
  facts: { readonly promotion: Promotion; readonly severity: Severity; readonly mention: string | null },
  why: string,
): Message {
  const called = facts.mention === null ? '' : ` ${facts.mention}`;
  return { text: `${HEADLINE[facts.severity]}, still open${called}: ${isStuck(facts.promotion)}. ${why}` };
}

/** `from`: the owner before. */
export function takenAnswer(promotion: Promotion, from: string | null, isCritical: boolean): string {
  const over = from === null ? '' : ` You took over from ${person(from)}; its thread says so.`;
  const then = isCritical ? ' I’ll ask again in 45 minutes.' : '';
  return `:raising_hand: *You’re on it*: ${subject(promotion)}.${over}${then}`;
}

/** Why it was not acknowledged; offers to take over if somebody is on it. */
export function takeRefusalAnswer(refusal: TakeRefusal, superadmins: readonly Operator[]): Answer {
  switch (refusal.kind) {
    case 'yours_already':
      return say(`You’re already on it, since ${when(refusal.ownership.since)}: ${subject(refusal.promotion)}.`);
    case 'taken':
      return offerTakeOver(refusal.promotion, refusal.ownership);
    default:
      return say(refusalWords(refusal, 'be on an alert', superadmins));
  }
}

/** Nobody takes over without seeing, and confirming, from whom. */
function offerTakeOver(promotion: Promotion, { owner, since }: Ownership): Answer {
  const text = `${person(owner)} is already on it, since ${when(since)}: ${subject(promotion)}. Take over?`;
  const value = JSON.stringify({ promotionId: promotion.id, over: owner });
  return {
    text,
    blocks: [section(text), { type: 'actions', elements: [button(ACTION.takeOver, 'Take over', { value })] }],
  };
}

export function confirmedAnswer(promotion: Promotion): string {
  return `:white_check_mark: *You’re still on it*: ${subject(promotion)}. I’ll ask again in 45 minutes.`;
}

export function releasedAnswer(promotion: Promotion): string {
  return `:wave: You released ${subject(promotion)}. Its thread says so.`;
}

export function answerRefusalAnswer(refusal: AnswerRefusal, superadmins: readonly Operator[]): Answer {
  switch (refusal.kind) {
    case 'not_asked':
      return say(
        `You’re on it, since ${when(refusal.ownership.since)}: ${subject(refusal.promotion)}. There is nothing to confirm now.`,
      );
    case 'not_owner':
      return refusal.ownership === null
        ? say(`Nobody is on ${subject(refusal.promotion)} now. ${takeHint(refusal.promotion)}`)
        : offerTakeOver(refusal.promotion, refusal.ownership);
    default:
      return say(refusalWords(refusal, 'answer for an alert', superadmins));
  }
}

function takeHint({ id }: Promotion): string {
  return `To be on it: ${code(`${COMMAND} take ${id}`)}`;
}

export function snoozedAnswer(promotion: Promotion, until: Date): string {
  return `:zzz: ${subject(promotion)} is *snoozed* until ${when(until)}. New developments are still posted.`;
}

export function unsnoozedAnswer(promotion: Promotion): string {
  return `:bell: ${subject(promotion)} is no longer snoozed.`;
}

export function snoozeRefusalAnswer(
  refusal: SnoozeRefusal | UnsnoozeRefusal,
  around: {
    readonly superadmins: readonly Operator[];
    readonly now: Date;
    /** The person's time zone, according to Slack. */
    readonly timeZone: string | null;
  },
): Answer {
  switch (refusal.kind) {
    case 'too_long':
      return say(
        refusal.latest <= around.now
          ? `${subject(refusal.promotion)} has been critical for more than 24 hours, so it can’t be snoozed. ${takeHint(refusal.promotion)}`
          : `${subject(refusal.promotion)} is critical: snooze it until ${when(refusal.latest)} at the latest. Choose a shorter time.`,
      );
    case 'unknown_time_zone':
      return say(
        `${around.timeZone === null ? 'Slack doesn’t say what your time zone is' : `I don’t know your time zone ${code(around.timeZone, 60)}`}, so I don’t know when it is 09:00 for you. Snooze for 1 h or 4 h, or set your time zone in Slack.`,
      );
    case 'not_snoozed':
      return say(`${subject(refusal.promotion)} is not snoozed.`);
    default:
      return say(refusalWords(refusal, 'snooze an alert', around.superadmins));
  }
}

type SharedRefusal = Extract<TakeRefusal, { kind: 'not_operator' | 'unknown_promotion' | 'ended' | 'not_alerting' }>;

function refusalWords(refusal: SharedRefusal, to: string, superadmins: readonly Operator[]): string {
  switch (refusal.kind) {
    case 'not_operator':
      return needsOperator(to, superadmins);
    case 'unknown_promotion':
      return 'This promotion is no longer in the database.';
    case 'ended':
      return `*This has already ended.*\n${outcomeHeadline(refusal.promotion)}`;
    case 'not_alerting':
      return `${subject(refusal.promotion)} has no open alert.`;
  }
}

/** Several promotions of one flag are deploying. */
export function whichAlertWords(flagKey: string, promotions: readonly Promotion[]): string {
  const lines = promotions.slice(0, 5).map(({ id, herokuApp }) => `${code(id)} on ${key(herokuApp)}`);
  return `Several promotions of ${key(flagKey)} are deploying. Say which, by its id:\n${lines.join('\n')}`;
}

export function snoozeUsageWords(): string {
  return `Say which promotion, and for how long: ${code(`${COMMAND} snooze <id | flag-key> ${SNOOZE_CHOICES.join('|')}`)}. ${code('09:00')} is your next 09:00 that is an hour away or more.`;
}

function say(text: string): Answer {
  return { text, blocks: [section(text)] };
}
