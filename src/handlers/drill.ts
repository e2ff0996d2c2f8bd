import * as z from 'zod';
import type { DrillResolved } from '../db/drills.js';
import type { Operator } from '../operators/operator.js';
import { contradicts, type ResolutionAction } from '../promotions/evidence.js';
import { type Drill, PRETEND_APP, pretendEvidence, SLACK_ONLY } from '../promotions/drill.js';
import { checkResolutionFields } from '../promotions/resolution.js';
import { isRowId } from '../promotions/row-id.js';
import { bare } from '../promotions/typed.js';
import { takeRefusalAnswer } from '../views/attention.js';
import { type Answer, type FieldErrors, notice, textAnswer } from '../views/blocks.js';
import {
  DRILL_OVER,
  DRILL_USAGE,
  drillAcknowledgedWords,
  drillModal,
  drillOutcome,
  drillPagedLatelyWords,
  drillStartedWords,
  drillTitle,
  drillUnderWayWords,
  NO_DRILL,
} from '../views/drill.js';
import { ACTION, BLOCK, CONFIRMED } from '../views/ids.js';
import { fieldFaultWords, OVERRIDE, refusalWords } from '../views/resolution.js';
import { answer, type Opening, openModal } from './answer.js';
import { refuseNoSuperadmin, refuseUnlessSuperadmin } from './authority.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Clicks } from './handler.js';
import { refuseOutsider } from './outsider.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Click, type Command, type Submission, unpackClick, unpackSubmission } from './unpack.js';

/** A drill's command, buttons and form. Nothing here can reach a promotion: only a drill's id comes in. */

export const drillClicks = {
  [ACTION.drillAcknowledge]: clickAcknowledge,
  [ACTION.drillCompleted]: (deps, body) => clickResolve(deps, 'completed', body),
  [ACTION.drillFailed]: (deps, body) => clickResolve(deps, 'failed', body),
} satisfies Clicks;

/** `/flag-promotions drill [page | end]` */
export async function commandDrill(deps: HandlerDependencies, command: Command, rest: string): Promise<void> {
  await answer(
    deps,
    command.responseUrl,
    await asked(
      deps,
      command,
      bare(rest)
        .toLowerCase()
        .replace(/^[-\u2013\u2014]+/u, ''),
    ),
  );
}

async function asked(deps: HandlerDependencies, { userId }: Command, word: string): Promise<Answer> {
  if (!['', 'page', 'end'].includes(word)) return textAnswer(DRILL_USAGE);
  const attempted = word === 'page' ? 'drill page' : 'drill';
  const to = word === 'end' ? 'end a drill' : 'start a drill';
  const refusal = await refuseUnlessSuperadmin(deps, userId, attempted, to);
  if (refusal !== null) return refusal;
  if (word === 'end') {
    const ended = await deps.db.drills.end(userId);
    if (ended.kind === 'not_superadmin') return refuseNoSuperadmin(deps, userId, attempted, to);
    if (ended.kind === 'none') return textAnswer(NO_DRILL);
    await show(deps, ended.drill);
    return textAnswer(`${DRILL_OVER} ${drillOutcome(ended.drill)}`);
  }
  const reach = word === 'page' ? deps.drillReach : null;
  const started = await deps.db.drills.start(userId, reach ?? SLACK_ONLY);
  if (started.kind === 'not_superadmin') return refuseNoSuperadmin(deps, userId, attempted, to);
  if (started.kind === 'under_way') return textAnswer(drillUnderWayWords(started.drill));
  if (started.kind === 'paged_lately') {
    await deps.db.denials.record({ at: deps.now(), actor: userId, promotionId: null, attempted, reason: started.kind });
    return textAnswer(drillPagedLatelyWords(started.nextAt));
  }
  await show(deps, started.drill);
  return textAnswer(drillStartedWords(started.drill, deps.channelOf(PRETEND_APP), reach));
}

/** In parallel, so that a pager that hangs delays no alert in Slack. */
async function show(deps: HandlerDependencies, { id }: Pick<Drill, 'id'>): Promise<void> {
  const inSlack = async () => {
    await deps.deliver('drill', id);
    await deps.deliver('drill_ended', id);
  };
  await Promise.all([inSlack(), deps.deliver('drill_page', id), deps.deliver('drill_webhook', id)]);
}

async function clickAcknowledge(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await answer(deps, click.responseUrl, await acknowledge(deps, click));
}

async function acknowledge(deps: HandlerDependencies, click: Click): Promise<Answer> {
  const { userId, value } = click;
  const outsider = await refuseOutsider(deps, click);
  if (outsider !== null) return outsider;
  if (!isRowId(value)) return textAnswer(DRILL_OVER);
  const outcome = await deps.db.drills.acknowledge(value, userId);
  switch (outcome.kind) {
    case 'over':
      return textAnswer(DRILL_OVER);
    case 'taken_now': {
      await show(deps, outcome.drill);
      const now = await deps.db.drills.find(value);
      return textAnswer(drillAcknowledgedWords(now ?? outcome.drill));
    }
    default: {
      if (outcome.kind === 'not_operator') deps.onDenied('not_operator');
      const superadmins = outcome.kind === 'not_operator' ? await deps.db.operators.superadmins() : [];
      return textAnswer(takeRefusalAnswer(outcome, superadmins).text);
    }
  }
}

const formState = z.object({ drillId: z.string().refine(isRowId), action: z.enum(['completed', 'failed']) });
type FormState = z.output<typeof formState>;

async function clickResolve(deps: HandlerDependencies, action: ResolutionAction, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await openModal(deps, click, drillTitle(action), async (): Promise<Opening> => {
    const say = (text: string): Opening => ({ kind: 'answer', answer: textAnswer(text) });
    const outsider = await refuseOutsider(deps, click);
    if (outsider !== null) return { kind: 'answer', answer: outsider };
    const refusal = await refuseUnlessSuperadmin(deps, click.userId, 'drill', 'resolve this');
    if (refusal !== null) return { kind: 'answer', answer: refusal };
    const drill = isRowId(click.value) ? await deps.db.drills.find(click.value) : null;
    if (drill === null || drill.endedAt !== null) return say(DRILL_OVER);
    const state: FormState = { drillId: drill.id, action };
    return { kind: 'modal', view: drillModal(drill, action, JSON.stringify(state)) };
  });
}

export async function submitDrill(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = formState.parse(JSON.parse(submission.privateMetadata));
  const title = drillTitle(state.action);
  await answerSubmission<Drill>(deps, submission, ack, {
    title,
    faultUnder: BLOCK.code,
    again: 'Submit again with a fresh code; it can’t be done twice.',
    decide: () => decide(deps, submission, state),
    recognisesItself: true,
    meanwhile: 'The result comes in this form.',
    saved: async (drill) => notice(title, drill === null ? '*Saved.*' : drillOutcome(drill)),
    afterwards: (drill) => show(deps, drill),
  });
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  { drillId, action }: FormState,
): Promise<Decided<Drill>> {
  const unsaved = (to: SubmitAnswer): Decided<Drill> => ({ answer: to, done: null });
  const say = (text: string) => unsaved({ kind: 'view', view: notice(drillTitle(action), text) });
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) return say(outsider.text);
  const drill = await deps.db.drills.find(drillId);
  if (drill === null) return say(DRILL_OVER);
  const fields = readFields(submission, drill, action);
  if ('errors' in fields) return unsaved({ kind: 'errors', errors: fields.errors });
  const now = await deps.db.now();
  const operatorId = submission.userId;
  const outcome = await deps.db.drills.resolve(
    { id: drillId, operatorId, action, ...fields },
    now,
    deps.readCode(submission.field(BLOCK.code), now),
  );
  if (outcome.kind === 'resolved') return { answer: { kind: 'close' }, done: outcome.drill };
  if (outcome.kind === 'over') return say(`${DRILL_OVER} ${drillOutcome(drill)}`);
  const words = refusalWords(outcome, { now, operatorId, superadmins: await countRefusal(deps, outcome) });
  return words.kind === 'sentence' ? say(words.text) : unsaved(underFields(outcome, words.errors));
}

/** Returns whom to ask if a role is missing. */
async function countRefusal(
  deps: HandlerDependencies,
  refusal: Exclude<DrillResolved, { kind: 'over' | 'resolved' }>,
): Promise<readonly Operator[]> {
  if (refusal.kind === 'code_refused') noteRefusedCode(deps, refusal.check);
  if (refusal.kind !== 'not_superadmin') return [];
  deps.onDenied(refusal.kind);
  return deps.db.operators.superadmins();
}

function readFields(
  submission: Submission,
  drill: Drill,
  action: ResolutionAction,
): { readonly note: string | null; readonly confirmedContradiction: boolean } | { readonly errors: FieldErrors } {
  const checked = checkResolutionFields(action, { note: submission.field(BLOCK.note), rcaUrl: '' }, []);
  if (!checked.ok) return { errors: fieldFaultWords(checked.faults, []) };
  const confirmedContradiction = submission.field(BLOCK.confirmation) === CONFIRMED;
  return contradicts(pretendEvidence(drill), action) && !confirmedContradiction
    ? { errors: { [BLOCK.confirmation]: OVERRIDE } }
    : { note: checked.fields.note, confirmedContradiction };
}
