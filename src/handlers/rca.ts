import * as z from 'zod';
import type { RcaLinkOutcome } from '../db/promotions.js';
import { isOperator } from '../operators/operator.js';
import type { Promotion } from '../promotions/promotion.js';
import { checkRcaUrl, firstUrlIn } from '../promotions/rca-url.js';
import { isRowId } from '../promotions/row-id.js';
import { bare, bareLink } from '../promotions/typed.js';
import { needsOperator } from '../views/authority.js';
import { type Answer, notice, textAnswer } from '../views/blocks.js';
import { unknownPromotionWords } from '../views/help.js';
import { ACTION, BLOCK } from '../views/ids.js';
import {
  noRcaWanted,
  notInAlertThread,
  rcaChoiceModal,
  rcaLinkedAnswer,
  rcaModal,
  rcaOffer,
  rcaUnchangedAnswer,
  rcaUrlWords,
  urlMissing,
} from '../views/rca.js';
import { answer, answerAt, type Opening, openModal } from './answer.js';
import { refuseUnlessOperator } from './authority.js';
import { refuseOutsider, whyOutside } from './outsider.js';
import { rcaDebt } from './commands/rca-debt.js';
import { findPromotion } from './commands/show.js';
import type { HandlerDependencies } from './dependencies.js';
import { type Clicks, linkOpened } from './handler.js';
import { commandDraftRca } from './rca-draft.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import {
  type Command,
  type MessageEvent,
  type Submission,
  unpackClick,
  unpackMessageEvent,
  unpackMessageShortcut,
  unpackSubmission,
} from './unpack.js';

export const rcaClicks = {
  [ACTION.openRca]: clickOpenRca,
  [ACTION.openRcaLink]: linkOpened,
  [ACTION.acceptRcaOffer]: acceptRcaOffer,
  [ACTION.declineRcaOffer]: declineRcaOffer,
} satisfies Clicks;

/** `Open RCA` if none is recorded: opens the form for its address. */
async function clickOpenRca(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await openModal(deps, click, 'Link RCA', async () => {
    const refusal = await refuseUnlessOperator(deps, click);
    if (refusal !== null) return { kind: 'answer', answer: refusal };
    const promotion = isRowId(click.value) ? await deps.db.promotions.find(click.value) : null;
    return promotion === null
      ? { kind: 'answer', answer: textAnswer(unknownPromotionWords(click.value)) }
      : formFor(promotion, null);
  });
}

/** `/flag-promotions rca …`: lists missing RCAs, links an address, opens the form if none was given, or drafts. */
export async function commandRca(deps: HandlerDependencies, command: Command, rest: string): Promise<void> {
  const [typed = '', typedUrl] = rest.split(/\s+/u);
  const reference = bare(typed);
  // Before an address, `draft` is a flag key.
  if (reference.toLowerCase() === 'draft' && firstUrlIn(typedUrl ?? '') === null) {
    return commandDraftRca(deps, command, bare(typedUrl ?? ''));
  }
  if (reference === '') return answer(deps, command.responseUrl, await rcaDebt(deps));
  if (typedUrl === undefined) {
    await openModal(deps, command, 'Link RCA', async () => {
      const refusal = await refuseUnlessOperator(deps, command);
      if (refusal !== null) return { kind: 'answer', answer: refusal };
      const promotion = await findPromotion(deps, reference);
      return promotion === null
        ? { kind: 'answer', answer: textAnswer(unknownPromotionWords(reference)) }
        : formFor(promotion, null);
    });
    return;
  }
  const promotion = await findPromotion(deps, reference);
  const said =
    promotion === null
      ? textAnswer(unknownPromotionWords(reference))
      : await linkAndSay(deps, promotion.id, firstUrlIn(typedUrl) ?? typedUrl, command.userId);
  await answer(deps, command.responseUrl, said);
}

export async function submitRca(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = formState.parse(JSON.parse(submission.privateMetadata));
  await answerSubmission<LinkedRca>(deps, submission, ack, {
    title: 'Link RCA',
    faultUnder: BLOCK.rcaUrl,
    again: 'Submit again; it can’t be saved twice.',
    decide: () => decide(deps, submission, state.promotionId),
    recognisesItself: true,
    meanwhile: 'The result comes in this form.',
    saved: async (done) =>
      notice('Link RCA', done === null ? '*Saved.*' : outcomeWords(done.outcome, done.promotionId)),
    afterwards: ({ promotionId }) => deps.showInSlack(promotionId),
  });
}

interface LinkedRca {
  readonly promotionId: string;
  readonly outcome: RcaLinkOutcome;
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  chosen: string | null,
): Promise<Decided<LinkedRca>> {
  const undone = (to: SubmitAnswer): Decided<LinkedRca> => ({ answer: to, done: null });
  const refusal = await refuseUnlessOperator(deps, submission);
  if (refusal !== null) return undone({ kind: 'view', view: notice('Link RCA', refusal.text) });

  const promotionId = chosen ?? submission.field(BLOCK.promotion);
  if (!isRowId(promotionId)) {
    return undone({ kind: 'errors', errors: { [BLOCK.promotion]: 'Choose a promotion.' } });
  }
  const checked = checkRcaUrl(bareLink(submission.field(BLOCK.rcaUrl)), deps.rcaUrlHosts);
  if (!checked.ok) {
    return undone({ kind: 'errors', errors: { [BLOCK.rcaUrl]: rcaUrlWords(checked.fault, deps.rcaUrlHosts) } });
  }
  const outcome = await link(deps, promotionId, checked.url, submission.userId);
  return outcome.kind === 'linked' || outcome.kind === 'unchanged'
    ? { answer: { kind: 'close' }, done: { promotionId, outcome } }
    : undone({ kind: 'view', view: notice('Link RCA', outcomeWords(outcome, promotionId)) });
}

/** `Link as RCA` on a message: links its address to the alert in whose thread it is. */
export async function shortcutLinkAsRca(deps: HandlerDependencies, body: unknown): Promise<void> {
  const shortcut = unpackMessageShortcut(body);
  const url = firstUrlIn(shortcut.text);
  const refusal = await refuseUnlessOperator(deps, shortcut);
  if (refusal !== null) return answer(deps, shortcut.responseUrl, refusal);

  const promotionId = await deps.db.messages.promotionOfThread({ channel: shortcut.channel, ts: shortcut.threadTs });
  if (promotionId !== null && url !== null) {
    return answer(deps, shortcut.responseUrl, await linkAndSay(deps, promotionId, url, shortcut.userId));
  }
  await openModal(deps, shortcut, 'Link RCA', async () => {
    const promotion = promotionId === null ? null : await deps.db.promotions.find(promotionId);
    if (promotion !== null) return formFor(promotion, url);
    const promotions = await deps.db.promotions.withoutRca(100);
    if (promotions.length === 0) return { kind: 'answer', answer: textAnswer(noRcaWanted()) };
    return {
      kind: 'modal',
      view: rcaChoiceModal({ promotions, initialUrl: url, privateMetadata: JSON.stringify({ promotionId: null }) }),
    };
  });
}

/** Mentioning the app in an alert's thread, with an address, links the RCA. */
export async function mentionWithRca(deps: HandlerDependencies, body: unknown): Promise<void> {
  const event = unpackMessageEvent(body);
  const { userId } = event;
  if (userId === null) return;
  const who = { userId, teamId: event.teamId };
  const outside = await refuseOutsider(deps, who);
  if (outside !== null) return postEphemeral(deps, event, userId, outside);

  // Who only greets the app tried nothing that needs a right.
  const promotionId = await promotionOf(deps, event);
  if (promotionId === null) return postEphemeral(deps, event, userId, textAnswer(notInAlertThread()));
  const url = firstUrlIn(event.text);
  if (url === null) return postEphemeral(deps, event, userId, textAnswer(urlMissing()));
  const refusal = await refuseUnlessOperator(deps, who);
  await postEphemeral(deps, event, userId, refusal ?? (await linkAndSay(deps, promotionId, url, userId)));
}

/** A link in the thread of an alert without an RCA: offers to link it. */
export async function offerRca(deps: HandlerDependencies, body: unknown): Promise<void> {
  const event = unpackMessageEvent(body);
  const { userId } = event;
  const url = firstUrlIn(event.text);
  if (userId === null || url === null) return;
  const promotionId = await promotionOf(deps, event);
  if (promotionId === null) return;
  const identity = await deps.slack.identity();
  // A mention is handled as one; people who may not link get no offer.
  if (event.text.includes(`<@${identity.botUserId}>`)) return;
  if (!isOperator(await deps.db.operators.find(userId))) return;
  if ((await whyOutside(deps, { userId, teamId: event.teamId }, true)) !== null) return;
  const promotion = await deps.db.promotions.find(promotionId);
  const checked = checkRcaUrl(url, deps.rcaUrlHosts);
  if (promotion === null || promotion.rcaUrl !== null || !checked.ok) return;
  const value = JSON.stringify({ promotionId, url: checked.url });
  // Slack's limit for a button's value; a longer address can still be linked by a mention or the shortcut.
  if (value.length > 2_000) return;
  await postEphemeral(deps, event, userId, rcaOffer(promotion, checked.url, value));
}

const offer = z.object({ promotionId: z.string().refine(isRowId), url: z.string() });

async function acceptRcaOffer(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const { promotionId, url } = offer.parse(JSON.parse(click.value));
  const refusal = await refuseUnlessOperator(deps, click);
  const said = refusal ?? (await linkAndSay(deps, promotionId, url, click.userId));
  await answer(deps, click.responseUrl, said, { replace: true });
}

async function declineRcaOffer(deps: HandlerDependencies, body: unknown): Promise<void> {
  const { responseUrl } = unpackClick(body);
  if (responseUrl !== null) await deps.slack.dismiss(responseUrl);
}

const formState = z.object({ promotionId: z.string().refine(isRowId).nullable() });

function formFor(promotion: Promotion, initialUrl: string | null): Opening {
  const privateMetadata = JSON.stringify({ promotionId: promotion.id } satisfies z.input<typeof formState>);
  return { kind: 'modal', view: rcaModal({ promotion, initialUrl, privateMetadata }) };
}

async function promotionOf(deps: HandlerDependencies, event: MessageEvent): Promise<string | null> {
  if (event.threadTs === null) return null;
  return deps.db.messages.promotionOfThread({ channel: event.channel, ts: event.threadTs });
}

function link(
  deps: HandlerDependencies,
  promotionId: string,
  url: string,
  operatorId: string,
): Promise<RcaLinkOutcome> {
  return deps.db.promotions.linkRca({ promotionId, url, operatorId, at: deps.now() });
}

async function linkAndSay(
  deps: HandlerDependencies,
  promotionId: string,
  typed: string,
  userId: string,
): Promise<Answer> {
  const checked = checkRcaUrl(typed, deps.rcaUrlHosts);
  if (!checked.ok) return textAnswer(rcaUrlWords(checked.fault, deps.rcaUrlHosts));
  const outcome = await link(deps, promotionId, checked.url, userId);
  if (outcome.kind === 'linked') await deps.showInSlack(promotionId);
  return textAnswer(outcomeWords(outcome, promotionId));
}

function outcomeWords(outcome: RcaLinkOutcome, promotionId: string): string {
  switch (outcome.kind) {
    case 'linked':
      return rcaLinkedAnswer(outcome.promotion, outcome.previousUrl);
    case 'unchanged':
      return rcaUnchangedAnswer(outcome.promotion);
    case 'already_linked':
      return rcaUnchangedAnswer(outcome.promotion);
    case 'not_operator':
      return needsOperator('link an RCA', []);
    case 'unknown_promotion':
      return unknownPromotionWords(promotionId);
  }
}

function postEphemeral(deps: HandlerDependencies, event: MessageEvent, user: string, said: Answer): Promise<void> {
  return answerAt(deps, { at: 'channel', channel: event.channel, user, threadTs: event.threadTs }, said);
}
