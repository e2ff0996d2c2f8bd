import * as z from 'zod';
import { type Enrolment, refuseConfirmation } from '../operators/enrolment.js';
import { isRowId } from '../promotions/row-id.js';
import { notice, textAnswer } from '../views/blocks.js';
import {
  CONFIRMATION_TITLE,
  confirmationAnswer,
  confirmationModal,
  confirmationRefusalWords,
  confirmedWords,
  declinedWords,
  staleConfirmationWords,
  whichEnrolmentWords,
} from '../views/enrolment.js';
import { ACTION, BLOCK, COMMAND } from '../views/ids.js';
import { membershipWords } from '../views/operators.js';
import { answer, type Opening, openModal } from './answer.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import type { HandlerDependencies } from './dependencies.js';
import { refuseOutsider } from './outsider.js';
import { type Clicks, linkOpened } from './handler.js';
import { mentionedPerson } from './mentioned.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Command, type Submission, unpackClick, unpackSubmission } from './unpack.js';

/** After a link's first code, the inviter types the word they heard, or the person says that it wasn't them. */

/** The form's state. It grants nothing: rights and rows are read again. */
const formState = z.object({ enrolmentId: z.string().refine(isRowId), answerUrl: z.string().nullable() });
type FormState = z.output<typeof formState>;

export const enrolmentClicks = {
  [ACTION.openEnrolment]: linkOpened,
  [ACTION.confirmEnrolment]: clickConfirmEnrolment,
  [ACTION.declineEnrolment]: clickDeclineEnrolment,
} satisfies Clicks;

/** `/flag-promotions operators confirm [@person]` */
export async function commandConfirm(
  deps: HandlerDependencies,
  command: Command,
  typed: readonly string[],
): Promise<void> {
  await openModal(deps, command, CONFIRMATION_TITLE, async (): Promise<Opening> => {
    const mentioned = mentionedPerson(typed);
    const found = await deps.db.enrolments.underWay(mentioned ?? command.userId);
    const about = mentioned === null ? found : found.filter(({ slackUserId }) => slackUserId === mentioned);
    const mine = about.filter(({ invitedBy }) => invitedBy === command.userId);
    const waiting = mine.filter(({ state }) => state === 'proved');
    const [first = null] = [...waiting, ...mine, ...about];
    if (waiting.length > 1) return { kind: 'answer', answer: textAnswer(whichEnrolmentWords(waiting)) };
    return opening(deps, first, command.userId, command.responseUrl);
  });
}

/** `Type the word` or `Yes, that was me` opens the form. */
async function clickConfirmEnrolment(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await openModal(deps, click, CONFIRMATION_TITLE, async (): Promise<Opening> => {
    const outsider = await refuseOutsider(deps, click);
    if (outsider !== null) return { kind: 'answer', answer: outsider };
    const enrolment = await enrolmentOf(deps, click.value);
    const stale = staleWords(enrolment, enrolment?.invitedBy ?? null, click.userId);
    return stale === null
      ? opening(deps, enrolment, click.userId, click.responseUrl)
      : { kind: 'answer', answer: textAnswer(stale) };
  });
}

async function opening(
  deps: HandlerDependencies,
  enrolment: Enrolment | null,
  userId: string,
  answerUrl: string | null,
): Promise<Opening> {
  const actor = await deps.db.operators.find(userId);
  const facts = { open: enrolment, confirmedBy: userId, actor, isLastSuperadmin: false };
  const refusal = refuseConfirmation(facts, await deps.db.now());
  if (refusal?.kind === 'not_superadmin' || refusal?.kind === 'not_operator') {
    deps.onDenied(refusal.kind);
    const tried = { at: deps.now(), actor: userId, promotionId: null, attempted: 'operators confirm' };
    await deps.db.denials.record({ ...tried, reason: refusal.kind });
  }
  if (refusal !== null || enrolment === null) {
    const superadmins = await deps.db.operators.superadmins();
    const words = confirmationRefusalWords(refusal ?? { kind: 'nothing_to_confirm' }, superadmins);
    return { kind: 'answer', answer: textAnswer(words) };
  }
  const state: FormState = { enrolmentId: enrolment.id, answerUrl };
  return { kind: 'modal', view: confirmationModal(enrolment, JSON.stringify(state)) };
}

export async function submitConfirmation(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = formState.parse(JSON.parse(submission.privateMetadata));
  await answerSubmission<Enrolment>(deps, submission, ack, {
    title: CONFIRMATION_TITLE,
    faultUnder: BLOCK.code,
    again: `Check: \`${COMMAND} operators\`. If it wasn’t saved, submit again with a fresh code.`,
    decide: () => decide(deps, submission, state),
    recognisesItself: false,
    meanwhile: 'The result comes where you began.',
    saved: async (done) => notice(CONFIRMATION_TITLE, done === null ? '*Saved.*' : confirmedWords(done)),
    afterwards: async (done) => {
      await answer(deps, state.answerUrl, textAnswer(confirmedWords(done)));
      await showThatItIsOver(deps, done);
    },
  });
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  { enrolmentId }: FormState,
): Promise<Decided<Enrolment>> {
  const undone = (to: SubmitAnswer): Decided<Enrolment> => ({ answer: to, done: null });
  const say = (text: string) => undone({ kind: 'view', view: notice(CONFIRMATION_TITLE, text) });
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) return say(outsider.text);
  const enrolment = await deps.db.enrolments.byId(enrolmentId);
  if (enrolment === null) return say(staleConfirmationWords(null, null, submission.userId));
  // They may have become a guest since they were invited.
  const { kind: membership } = await deps.slack.memberOf(enrolment.slackUserId);
  if (membership !== 'member') return say(`${membershipWords(membership)} Nothing was changed.`);
  const now = await deps.db.now();
  const outcome = await deps.db.enrolments.confirm(
    {
      enrolmentId,
      confirmedBy: submission.userId,
      isWord: (stored, slackUserId) => deps.spokenWords.isRight(submission.field(BLOCK.word), stored, slackUserId),
    },
    now,
    deps.readCode(submission.field(BLOCK.code), now),
  );
  if (outcome.kind === 'activated') return { answer: { kind: 'close' }, done: outcome.enrolment };
  if (outcome.kind === 'code_refused') noteRefusedCode(deps, outcome.check);
  if (outcome.kind === 'not_superadmin' || outcome.kind === 'not_operator') deps.onDenied(outcome.kind);
  if (outcome.kind === 'wrong_word' && outcome.left === 0) {
    void showThatItIsOver(deps, enrolment);
  }
  const superadmins = await deps.db.operators.superadmins();
  const words = confirmationAnswer(outcome, { now, superadmins });
  return words.kind === 'sentence' ? say(words.text) : undone(underFields(outcome, words.errors));
}

async function clickDeclineEnrolment(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const outsider = await refuseOutsider(deps, click);
  if (outsider !== null) return answer(deps, click.responseUrl, outsider);
  const enrolment = await enrolmentOf(deps, click.value);
  const stale = staleWords(enrolment, enrolment?.slackUserId ?? null, click.userId);
  if (stale !== null) return answer(deps, click.responseUrl, textAnswer(stale));
  const declined = await deps.db.enrolments.decline(click.userId, await deps.db.now());
  await answer(deps, click.responseUrl, textAnswer(declinedWords()), { replace: true });
  if (declined !== null) await showThatItIsOver(deps, declined);
}

/** Never rejects: what fails is due at the next tick. */
async function showThatItIsOver(deps: HandlerDependencies, { id }: Enrolment): Promise<void> {
  void deps.announce();
  for (const kind of ['enrolment_ended', 'confirm_enrolment', 'link_used'] as const) await deps.deliver(kind, id);
}

async function enrolmentOf(deps: HandlerDependencies, value: string): Promise<Enrolment | null> {
  return isRowId(value) ? deps.db.enrolments.byId(value) : null;
}

/** Why a click on a question does nothing; null if the question is open and was put to this person. */
function staleWords(enrolment: Enrolment | null, asked: string | null, userId: string): string | null {
  const isOpen = enrolment !== null && (enrolment.state === 'sent' || enrolment.state === 'proved');
  return isOpen && asked === userId ? null : staleConfirmationWords(enrolment, asked, userId);
}
