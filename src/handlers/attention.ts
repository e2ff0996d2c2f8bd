import * as z from 'zod';
import type { AttentionRequest } from '../db/attention.js';
import type { Operator } from '../operators/operator.js';
import { isOpen, worstSeverity } from '../promotions/alert.js';
import type { OwnerAnswer } from '../promotions/ownership.js';
import type { Promotion } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import {
  MORNING_AT_LEAST_MS,
  MORNING_HOUR,
  SNOOZE_CHOICES,
  type SnoozeChoice,
  snoozeUntil,
} from '../promotions/snooze.js';
import { bare } from '../promotions/typed.js';
import {
  type AlertMenuChoice,
  answerRefusalAnswer,
  confirmedAnswer,
  releasedAnswer,
  snoozedAnswer,
  snoozeRefusalAnswer,
  snoozeUsageWords,
  takenAnswer,
  takeRefusalAnswer,
  unsnoozedAnswer,
  whichAlertWords,
} from '../views/attention.js';
import { type Answer, textAnswer } from '../views/blocks.js';
import { unknownPromotionWords, usageWords } from '../views/help.js';
import { ACTION } from '../views/ids.js';
import { answer, showThatItEnded } from './answer.js';
import { findPromotion } from './commands/show.js';
import type { HandlerDependencies } from './dependencies.js';
import { refuseOutsider } from './outsider.js';
import { type Clicks, lookUp } from './handler.js';
import { type Click, type Command, unpackClick } from './unpack.js';

/** Acknowledging and snoozing take an operator of any role and no code. The database decides, as it writes. */

type Who = Pick<AttentionRequest, 'promotionId' | 'operatorId'>;
export type Deed = (deps: HandlerDependencies, who: Who) => Promise<Answer>;

const snoozeFor =
  (choice: SnoozeChoice): Deed =>
  (deps, who) =>
    snooze(deps, who, choice);
/** `take` and `snooze_tomorrow` are in messages from an earlier version. */
export const MENU: Readonly<Record<AlertMenuChoice | 'take' | 'snooze_tomorrow', Deed>> = {
  take: (deps, who) => take(deps, who, null),
  hand_over: (deps, who) => answerAsOwner(deps, who, 'hand_over'),
  snooze_1h: snoozeFor('1h'),
  snooze_4h: snoozeFor('4h'),
  snooze_morning: snoozeFor('09:00'),
  snooze_tomorrow: snoozeFor('09:00'),
  unsnooze: (deps, who) => unsnooze(deps, who),
};

export const attentionClicks = {
  [ACTION.acknowledge]: clickAcknowledge,
  [ACTION.alertMenu]: clickAlertMenu,
  [ACTION.takeOver]: clickTakeOver,
  [ACTION.stillOnIt]: (deps, body) => clickOwnerAnswer(deps, 'confirm', body),
  [ACTION.handOver]: (deps, body) => clickOwnerAnswer(deps, 'hand_over', body),
} satisfies Clicks;

async function clickAcknowledge(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await act(deps, click, click.value, (around, who) => take(around, who, null));
}

async function clickAlertMenu(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const [choice = '', promotionId = ''] = click.value.split(':');
  await act(
    deps,
    click,
    promotionId,
    lookUp(MENU, choice) ?? (async () => textAnswer(unknownPromotionWords(click.value))),
  );
}

const takeOverValue = z.object({ promotionId: z.string().refine(isRowId), over: z.string() });

/** `Take over`, shown to a person who heard that somebody is on it. */
async function clickTakeOver(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const { promotionId, over } = takeOverValue.parse(JSON.parse(click.value));
  await act(deps, click, promotionId, (around, who) => take(around, who, over));
}

/** The owner's question was answered, by whoever it was. */
async function clickOwnerAnswer(deps: HandlerDependencies, said: OwnerAnswer, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await act(deps, click, click.value, (around, who) => answerAsOwner(around, who, said));
}

async function act(deps: HandlerDependencies, click: Click, promotionId: string, deed: Deed): Promise<void> {
  await answer(deps, click.responseUrl, await done(deps, click, promotionId, deed), { replace: click.isEphemeral });
}

async function done(
  deps: HandlerDependencies,
  who: Pick<Click, 'userId' | 'teamId'>,
  promotionId: string,
  deed: Deed,
): Promise<Answer> {
  const outsider = await refuseOutsider(deps, who);
  if (outsider !== null) return outsider;
  if (!isRowId(promotionId)) return textAnswer(unknownPromotionWords(promotionId));
  return deed(deps, { promotionId, operatorId: who.userId });
}

/** `/flag-promotions take <id | flag-key>` */
export async function commandTake(deps: HandlerDependencies, command: Command, typed: string): Promise<void> {
  const reference = bare(typed);
  const said =
    reference === ''
      ? textAnswer(usageWords('take'))
      : await about(deps, command, reference, (around, who) => take(around, who, null));
  await answer(deps, command.responseUrl, said);
}

/** `/flag-promotions snooze <id | flag-key> 1h|4h|09:00` */
export async function commandSnooze(deps: HandlerDependencies, command: Command, rest: string): Promise<void> {
  const [reference = '', typed = '', ...more] = rest.split(/\s+/u).map(bare);
  // `tomorrow` is what earlier versions took.
  const choice = SNOOZE_CHOICES.find((known) => known === typed.toLowerCase().replace(/^(?:tomorrow|9:00)$/u, '09:00'));
  const said =
    choice === undefined || more.length > 0
      ? textAnswer(snoozeUsageWords())
      : await about(deps, command, reference, snoozeFor(choice));
  await answer(deps, command.responseUrl, said);
}

/** By id or flag key; if the flag is deploying on several apps, asks for the id. */
async function about(deps: HandlerDependencies, command: Command, reference: string, deed: Deed): Promise<Answer> {
  const deploying = await deps.db.promotions.deployingOf(reference, 10);
  const byId = isRowId(reference);
  if (!byId && deploying.length > 1) return textAnswer(whichAlertWords(reference, deploying));
  const promotion = (byId ? null : deploying[0]) ?? (await findPromotion(deps, reference));
  return promotion === null ? textAnswer(unknownPromotionWords(reference)) : done(deps, command, promotion.id, deed);
}

async function take(deps: HandlerDependencies, who: Who, over: string | null): Promise<Answer> {
  // Read before: once it is taken, no fault may make it look as if it wasn't.
  const open = (await deps.db.alerts.ofPromotion(who.promotionId)).filter(isOpen);
  const outcome = await deps.db.attention.take({ ...who, over, at: await deps.db.now() });
  if (outcome.kind !== 'taken_now') {
    return takeRefusalAnswer(outcome, await afterRefusal(deps, outcome));
  }
  await deps.showInSlack(who.promotionId);
  return textAnswer(takenAnswer(outcome.promotion, outcome.from, worstSeverity(open) === 'critical'));
}

async function answerAsOwner(deps: HandlerDependencies, who: Who, said: OwnerAnswer): Promise<Answer> {
  const outcome = await deps.db.attention.answer({ ...who, answer: said, at: await deps.db.now() });
  if (outcome.kind !== 'done') return answerRefusalAnswer(outcome, await afterRefusal(deps, outcome));
  await deps.showInSlack(who.promotionId);
  return textAnswer(said === 'confirm' ? confirmedAnswer(outcome.promotion) : releasedAnswer(outcome.promotion));
}

async function snooze(deps: HandlerDependencies, who: Who, choice: SnoozeChoice): Promise<Answer> {
  const now = await deps.db.now();
  const timeZone = choice === '09:00' ? await deps.slack.timeZoneOf(who.operatorId) : null;
  const until = snoozeUntil(choice, now, () =>
    timeZone === null ? null : deps.nextAt(now, timeZone, MORNING_HOUR, MORNING_AT_LEAST_MS),
  );
  const outcome = await deps.db.attention.snooze({ ...who, until, at: now });
  if (outcome.kind !== 'snoozed') {
    return snoozeRefusalAnswer(outcome, { superadmins: await afterRefusal(deps, outcome), now, timeZone });
  }
  await deps.showInSlack(who.promotionId);
  return textAnswer(snoozedAnswer(outcome.promotion, outcome.until));
}

async function unsnooze(deps: HandlerDependencies, who: Who): Promise<Answer> {
  const now = await deps.db.now();
  const outcome = await deps.db.attention.unsnooze({ ...who, at: now });
  if (outcome.kind !== 'done') {
    return snoozeRefusalAnswer(outcome, { superadmins: await afterRefusal(deps, outcome), now, timeZone: null });
  }
  await deps.showInSlack(who.promotionId);
  return textAnswer(unsnoozedAnswer(outcome.promotion));
}

/** Updates what ended meanwhile; returns whom to ask if a role is missing. */
async function afterRefusal(
  deps: HandlerDependencies,
  refusal: { readonly kind: string; readonly promotion?: Promotion },
): Promise<readonly Operator[]> {
  if (refusal.kind === 'ended' && refusal.promotion !== undefined) await showThatItEnded(deps, refusal.promotion.id);
  if (refusal.kind !== 'not_operator') return [];
  deps.onDenied('not_operator');
  return deps.db.operators.superadmins();
}
