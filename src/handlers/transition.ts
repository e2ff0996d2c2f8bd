import * as z from 'zod';
import { evidenceState } from '../db/evidence-state.js';
import {
  admitToTransition,
  carryOutTransition,
  type TransitionLookAgain as LookAgain,
} from '../decisions/transition.js';
import type { Promotion } from '../promotions/promotion.js';
import { isDenial } from '../promotions/denial.js';
import { isRowId } from '../promotions/row-id.js';
import type { Transition, TransitionRefusal } from '../promotions/transition.js';
import { bare } from '../promotions/typed.js';
import type { ChangedSince } from '../promotions/shown.js';
import { type Answer, type Modal, notice, textAnswer } from '../views/blocks.js';
import { unknownPromotionWords } from '../views/help.js';
import { ACTION, BLOCK } from '../views/ids.js';
import { MARKED_SHOWN, markedListAnswer, notAllowedWords, promotingOffWords } from '../views/mark.js';
import {
  nothingMarkedWords,
  transitionAnswer,
  transitionModal,
  transitionRefusalWords,
  transitionTitle,
} from '../views/transition.js';
import { answer, type Opening, openModal } from './answer.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import type { HandlerDependencies } from './dependencies.js';
import { openWithEvidence } from './form-evidence.js';
import { refuseOutsider } from './outsider.js';
import type { Clicks } from './handler.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Command, type Submission, unpackClick, unpackSubmission } from './unpack.js';

/** How long Heroku may take to be read again. */
const EVIDENCE_AGAIN_MS = 1_000;

/** The form's state. It grants nothing: rights, row and evidence are read again. */
const formState = z.object({
  promotionId: z.string().refine(isRowId),
  transition: z.enum(['promote', 'cancel']),
  /** What the form showed of Heroku; null: still being asked, or not needed. */
  evidence: evidenceState.nullable(),
  /** The fingerprint of the row that it showed; absent in an earlier version's form. */
  shown: z.string().default(''),
  /** Where to post the outcome, and whether it replaces the buttons that were clicked. */
  answerUrl: z.string().nullable(),
  replace: z.boolean(),
});
type FormState = z.output<typeof formState>;

interface Asking {
  readonly userId: string;
  readonly triggerId: string;
  readonly responseUrl: string | null;
  readonly teamId: string | null;
  readonly replace: boolean;
}

/** `/flag-promotions promote|cancel [id | flag-key]`: opens the form, or lists what is marked. */
export async function commandTransition(
  deps: HandlerDependencies,
  transition: Transition,
  command: Command,
  typed: string,
): Promise<void> {
  const reference = bare(typed);
  const asking = { ...command, replace: false };
  await openModal(deps, command, transitionTitle(transition), async (): Promise<Opening> => {
    const found = await findMarked(deps, reference);
    return 'promotion' in found
      ? open(deps, transition, asking, found.promotion)
      : { kind: 'answer', answer: found.answer };
  });
}

export const transitionClicks = {
  [ACTION.promote]: (deps, body) => clickTransition(deps, 'promote', body),
  [ACTION.cancel]: (deps, body) => clickTransition(deps, 'cancel', body),
} satisfies Clicks;

async function clickTransition(deps: HandlerDependencies, transition: Transition, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const asking = { ...click, replace: click.isEphemeral };
  await openModal(deps, click, transitionTitle(transition), async (): Promise<Opening> => {
    const outsider = await refuseOutsider(deps, click);
    if (outsider !== null) return { kind: 'answer', answer: outsider };
    const promotion = isRowId(click.value) ? await deps.db.promotions.find(click.value) : null;
    return promotion === null
      ? { kind: 'answer', answer: textAnswer(unknownPromotionWords(click.value)) }
      : open(deps, transition, asking, promotion);
  });
}

/** By id, or by flag key if exactly one of its promotions is marked; else an answer that helps to choose. */
async function findMarked(
  deps: HandlerDependencies,
  reference: string,
): Promise<{ promotion: Promotion } | { answer: Answer }> {
  const byId = isRowId(reference) ? await deps.db.promotions.find(reference) : null;
  if (byId !== null) return { promotion: byId };
  const marked = await deps.db.promotions.marked(reference === '' ? null : reference, MARKED_SHOWN + 1);
  const [only] = marked;
  if (reference === '' || marked.length > 1) return { answer: markedListAnswer(marked) };
  return only === undefined
    ? { answer: textAnswer(nothingMarkedWords(reference, await deps.db.promotions.newestOf(reference))) }
    : { promotion: only };
}

async function open(
  deps: HandlerDependencies,
  transition: Transition,
  asking: Asking,
  promotion: Promotion,
): Promise<Opening> {
  const refused = await whyRefused(deps, transition, asking.userId, promotion);
  if (refused !== null) return { kind: 'answer', answer: textAnswer(refused) };
  const state: FormState = {
    promotionId: promotion.id,
    transition,
    evidence: null,
    shown: deps.fingerprint(promotion),
    answerUrl: asking.responseUrl,
    replace: asking.replace,
  };
  if (transition === 'cancel') return { kind: 'modal', view: render(promotion, state, null) };
  return openWithEvidence(deps, promotion, (evidence) => render(promotion, { ...state, evidence }, null));
}

/** Null if the form may open. */
async function whyRefused(
  deps: HandlerDependencies,
  transition: Transition,
  userId: string,
  promotion: Promotion,
): Promise<string | null> {
  const refusal = await admitToTransition(deps, { transition, operatorId: userId, promotion });
  if (refusal !== null && isDenial(refusal)) return refusalText(deps, refusal, transition, userId);
  if (transition === 'promote' && deps.findApp === null) return promotingOffWords();
  if (refusal === null) return null;
  return refusal.kind === 'config_var_not_allowed'
    ? notAllowedWords(promotion.configVar, deps.configVars)
    : refusalText(deps, refusal, transition, userId);
}

async function refusalText(
  deps: HandlerDependencies,
  refusal: TransitionRefusal,
  transition: Transition,
  operatorId: string,
): Promise<string> {
  const words = await refusalWords(deps, refusal, transition, operatorId);
  return words.kind === 'sentence' ? words.text : Object.values(words.errors).join(' ');
}

async function refusalWords(
  deps: HandlerDependencies,
  refusal: TransitionRefusal,
  transition: Transition,
  operatorId: string,
) {
  if (isDenial(refusal)) deps.onDenied(refusal.kind);
  const superadmins = isDenial(refusal) ? await deps.db.operators.superadmins() : [];
  return transitionRefusalWords(refusal, transition, { now: await deps.db.now(), operatorId, superadmins });
}

function render(promotion: Promotion, state: FormState, changed: ChangedSince | null): Modal {
  return transitionModal({
    promotion,
    transition: state.transition,
    evidence: state.evidence,
    changed,
    privateMetadata: JSON.stringify(state),
  });
}

export async function submitTransition(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = formState.parse(JSON.parse(submission.privateMetadata));
  const title = transitionTitle(state.transition);
  const said = (promotion: Promotion, channel = deps.channelOf(promotion.herokuApp)) =>
    transitionAnswer(promotion, channel);
  await answerSubmission<Promotion>(deps, submission, ack, {
    title,
    faultUnder: BLOCK.code,
    again: 'Submit again with a fresh code; it can’t be done twice.',
    decide: () => decide(deps, submission, state),
    recognisesItself: true,
    meanwhile: 'The result comes in this form.',
    saved: async (promotion) => notice(title, promotion === null ? '*Saved.*' : said(promotion).text),
    afterwards: async (done) => {
      await deps.showInSlack(done.id);
      if (state.answerUrl === null) return;
      // Slack may have refused the intended channel.
      const told = await deps.db.messages.newest('progress', done.id);
      await answer(deps, state.answerUrl, said(done, told?.message?.channel), { replace: state.replace });
    },
  });
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  state: FormState,
): Promise<Decided<Promotion>> {
  const undone = (to: SubmitAnswer): Decided<Promotion> => ({ answer: to, done: null });
  const say = (text: string) => undone({ kind: 'view', view: notice(transitionTitle(state.transition), text) });
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) return say(outsider.text);
  if (state.transition === 'promote' && deps.findApp === null) return say(promotingOffWords());
  const { promotionId, transition, evidence, shown: fingerprint } = state;
  const operatorId = submission.userId;
  const code = submission.field(BLOCK.code);
  const asked = { promotionId, transition, operatorId, evidence, fingerprint, code };
  const result = await carryOutTransition(deps, asked, EVIDENCE_AGAIN_MS);
  if (result.kind === 'done') return { answer: { kind: 'close' }, done: result.promotion };
  // The typed code was not used up.
  if (result.kind === 'look_again') return undone({ kind: 'view', view: showAgain(deps, state, result) });
  if (result.kind === 'config_var_not_allowed') return say(notAllowedWords(result.configVar, deps.configVars));
  if (result.kind === 'code_refused') noteRefusedCode(deps, result.check);
  const words = await refusalWords(deps, result, transition, operatorId);
  return words.kind === 'sentence' ? say(words.text) : undone(underFields(result, words.errors));
}

function showAgain(deps: HandlerDependencies, state: FormState, { promotion, evidence, changed }: LookAgain): Modal {
  const now: FormState = { ...state, evidence, shown: deps.fingerprint(promotion) };
  return render(promotion, now, changed === 'unseen' ? null : changed);
}
