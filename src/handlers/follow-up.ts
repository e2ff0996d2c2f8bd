import * as z from 'zod';
import { evidenceState } from '../db/evidence-state.js';
import {
  type FollowUpLookAgain as LookAgain,
  findDeployed,
  judgeFollowUp,
  recordDenial,
  startFollowUp,
} from '../decisions/follow-up.js';
import { type FollowUp, type FollowUpRefusal, type Standing, valueToSet } from '../promotions/follow-up.js';
import type { Promotion } from '../promotions/promotion.js';
import { isDenial } from '../promotions/denial.js';
import { isRowId } from '../promotions/row-id.js';
import { bare } from '../promotions/typed.js';
import type { ChangedSince } from '../promotions/shown.js';
import { type Answer, type Modal, notice, textAnswer } from '../views/blocks.js';
import {
  DEPLOYED_SHOWN,
  followUpAnswer,
  followUpModal,
  followUpRefusalWords,
  followUpTitle,
  nothingDeployedWords,
  whichAppAnswer,
} from '../views/follow-up.js';
import { unknownPromotionWords, usageWords } from '../views/help.js';
import { ACTION, BLOCK } from '../views/ids.js';
import { promotingOffWords } from '../views/mark.js';
import { answer, type Opening, openModal } from './answer.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import type { HandlerDependencies } from './dependencies.js';
import { openWithEvidence } from './form-evidence.js';
import type { Clicks } from './handler.js';
import { refuseOutsider } from './outsider.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Command, type Submission, unpackClick, unpackSubmission } from './unpack.js';

/** How long Heroku may take to be read again. */
const EVIDENCE_AGAIN_MS = 1_000;

/** The form's state. It grants nothing: rights, rows and evidence are read again. */
const formState = z.object({
  promotionId: z.string().refine(isRowId),
  followUp: z.enum(['revert', 'set_again']),
  /** The id of the older promotion that was asked for. */
  asked: z.string().nullable(),
  /** What the form showed of Heroku; null: still being asked. */
  evidence: evidenceState.nullable(),
  /** The fingerprint of the row that it showed. */
  shown: z.string(),
  /** Where to post the outcome. */
  answerUrl: z.string().nullable(),
});
type FormState = z.output<typeof formState>;

interface Asking {
  readonly userId: string;
  readonly responseUrl: string | null;
}

/** `/flag-promotions revert <id | flag-key>`: opens the form, or asks on which app. */
export async function commandRevert(deps: HandlerDependencies, command: Command, typed: string): Promise<void> {
  const reference = bare(typed);
  await openModal(deps, command, followUpTitle('revert'), async (): Promise<Opening> => {
    const found = await choose(deps, reference);
    return 'promotion' in found
      ? open(deps, 'revert', command, found.promotion)
      : { kind: 'answer', answer: found.answer };
  });
}

export const followUpClicks = {
  [ACTION.revert]: (deps, body) => clickFollowUp(deps, 'revert', body),
  [ACTION.setAgain]: (deps, body) => clickFollowUp(deps, 'set_again', body),
} satisfies Clicks;

async function clickFollowUp(deps: HandlerDependencies, followUp: FollowUp, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await openModal(deps, click, followUpTitle(followUp), async (): Promise<Opening> => {
    const outsider = await refuseOutsider(deps, click);
    if (outsider !== null) return { kind: 'answer', answer: outsider };
    const promotion = isRowId(click.value) ? await deps.db.promotions.find(click.value) : null;
    return promotion === null
      ? { kind: 'answer', answer: textAnswer(unknownPromotionWords(click.value)) }
      : open(deps, followUp, click, promotion);
  });
}

/** By id, or by flag key if it is deployed on one app; else an answer that helps to choose. */
async function choose(
  deps: HandlerDependencies,
  reference: string,
): Promise<{ promotion: Promotion } | { answer: Answer }> {
  if (reference === '') return { answer: textAnswer(usageWords('revert')) };
  const found = await findDeployed(deps.db, reference, DEPLOYED_SHOWN + 1);
  switch (found.kind) {
    case 'one':
      return { promotion: found.promotion };
    case 'several':
      return { answer: whichAppAnswer(reference, found.deployed) };
    case 'none': {
      const { newest } = found;
      const text = newest === null ? unknownPromotionWords(reference) : nothingDeployedWords(reference, newest);
      return { answer: textAnswer(text) };
    }
  }
}

async function open(
  deps: HandlerDependencies,
  followUp: FollowUp,
  { userId, responseUrl }: Asking,
  asked: Promotion,
): Promise<Opening> {
  const { standing, refusal } = await judgeFollowUp(deps, followUp, asked.id, userId);
  if (refusal !== null) {
    await recordDenial(deps, refusal, { followUp, promotionId: asked.id, operatorId: userId });
    return { kind: 'answer', answer: await refusalAnswer(deps, refusal, followUp, userId) };
  }
  if (deps.findApp === null) return { kind: 'answer', answer: textAnswer(promotingOffWords()) };
  if (standing === null) return { kind: 'answer', answer: textAnswer(unknownPromotionWords(asked.id)) };
  const { promotion } = standing;
  const state: FormState = {
    promotionId: promotion.id,
    followUp,
    asked: asked.id === promotion.id ? null : asked.id,
    evidence: null,
    shown: deps.fingerprint(promotion),
    answerUrl: responseUrl,
  };
  return openWithEvidence(deps, promotion, (evidence) => render(standing, { ...state, evidence }, null));
}

async function refusalWords(
  deps: HandlerDependencies,
  refusal: FollowUpRefusal,
  followUp: FollowUp,
  operatorId: string,
) {
  if (isDenial(refusal)) deps.onDenied(refusal.kind);
  const superadmins = isDenial(refusal) ? await deps.db.operators.superadmins() : [];
  const around = { now: await deps.db.now(), operatorId, superadmins, configVars: deps.configVars };
  return followUpRefusalWords(refusal, followUp, around);
}

async function refusalAnswer(
  deps: HandlerDependencies,
  refusal: FollowUpRefusal,
  followUp: FollowUp,
  operatorId: string,
): Promise<Answer> {
  const words = await refusalWords(deps, refusal, followUp, operatorId);
  return words.kind === 'answer' ? words.answer : textAnswer(Object.values(words.errors).join(' '));
}

function render(standing: Standing, state: FormState, changed: ChangedSince | null): Modal {
  return followUpModal({
    followUp: state.followUp,
    promotion: standing.promotion,
    value: valueToSet(state.followUp, standing),
    reverts: standing.reverts,
    asked: state.asked,
    evidence: state.evidence,
    changed,
    privateMetadata: JSON.stringify(state),
  });
}

interface Done {
  readonly started: Promotion;
  readonly from: Promotion;
}

export async function submitFollowUp(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = formState.parse(JSON.parse(submission.privateMetadata));
  const title = followUpTitle(state.followUp);
  const said = (started: Promotion, channel = deps.channelOf(started.herokuApp)) =>
    followUpAnswer(state.followUp, started, channel);
  await answerSubmission<Done>(deps, submission, ack, {
    title,
    faultUnder: BLOCK.code,
    again: 'Submit again with a fresh code; it can’t be done twice.',
    decide: () => decide(deps, submission, state),
    recognisesItself: true,
    meanwhile: 'The result comes in this form.',
    saved: async (done) => notice(title, done === null ? '*Saved.*' : said(done.started).text),
    afterwards: async ({ started, from }) => {
      await deps.showInSlack(started.id);
      await deps.showInSlack(from.id);
      await deps.deliver('drift_group', deps.channelOf(from.herokuApp));
      if (state.answerUrl === null) return;
      // Slack may have refused the intended channel.
      const told = await deps.db.messages.newest('progress', started.id);
      await answer(deps, state.answerUrl, said(started, told?.message?.channel));
    },
  });
}

async function decide(deps: HandlerDependencies, submission: Submission, state: FormState): Promise<Decided<Done>> {
  const undone = (to: SubmitAnswer): Decided<Done> => ({ answer: to, done: null });
  const title = followUpTitle(state.followUp);
  const say = (text: string) => undone({ kind: 'view', view: notice(title, text) });
  const { followUp, promotionId } = state;
  const operatorId = submission.userId;
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) return say(outsider.text);
  if (deps.findApp === null) return say(promotingOffWords());
  const { evidence, shown: fingerprint } = state;
  const code = submission.field(BLOCK.code);
  const asked = { promotionId, followUp, operatorId, evidence, fingerprint, code };
  const { result } = await startFollowUp(deps, asked, EVIDENCE_AGAIN_MS);
  if (result.kind === 'started') return { answer: { kind: 'close' }, done: result };
  // The typed code was not used up.
  if (result.kind === 'look_again') return undone({ kind: 'view', view: showAgain(deps, state, result) });
  if (result.kind === 'code_refused') noteRefusedCode(deps, result.check);
  const words = await refusalWords(deps, result, followUp, operatorId);
  return words.kind === 'answer' ? say(words.answer.text) : undone(underFields(result, words.errors));
}

function showAgain(deps: HandlerDependencies, state: FormState, { standing, evidence, changed }: LookAgain): Modal {
  const { promotion } = standing;
  const now: FormState = {
    ...state,
    promotionId: promotion.id,
    asked: promotion.id === state.promotionId ? state.asked : state.promotionId,
    evidence,
    shown: deps.fingerprint(promotion),
  };
  return render(standing, now, changed === 'unseen' ? null : changed);
}
