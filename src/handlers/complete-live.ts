import * as z from 'zod';
import { completeLive, findLive, type LiveList, listedRow } from '../decisions/complete-live.js';
import { isSuperadmin } from '../operators/operator.js';
import { isRowId } from '../promotions/row-id.js';
import { referenceNote } from '../reference.js';
import { textAnswer } from '../views/blocks.js';
import {
  COMPLETION_TITLE,
  completedModal,
  completionModal,
  completionRefusal,
  needsCompletionRole,
  nothingLiveWords,
} from '../views/completion.js';
import { notice } from '../views/blocks.js';
import { ACTION, BLOCK } from '../views/ids.js';
import { withTimeout } from '../with-timeout.js';
import { answer, failureWords, logFailure, type Opening, openModal } from './answer.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import { groupPage } from './commands/stuck.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Clicks } from './handler.js';
import { refuseOutsider } from './outsider.js';
import { type AckSubmission, answerSubmission, type Decided } from './submission.js';
import { type Click, type Submission, unpackClick, unpackSubmission } from './unpack.js';

/** Heroku is asked about up to a hundred promotions, behind a placeholder. */
const EVIDENCE_AT_ONCE_MS = 600;
const EVIDENCE_WITHIN_MS = 12_000;
const EVIDENCE_AGAIN_MS = 8_000;

/** The form's state: 3,000 characters hold 50 rows. It grants nothing, and says only what was shown. */
const formState = z.object({
  groupId: z.string().refine(isRowId),
  /** When the evidence was read, in seconds. */
  at: z.number().int(),
  rows: z.array(
    z.tuple([z.string().refine(isRowId), z.string(), z.number().int(), z.union([z.literal(0), z.literal(1)])]),
  ),
  listUrl: z.string().nullable(),
});
type FormState = z.output<typeof formState>;

export const completionClicks = { [ACTION.completeLive]: clickCompleteLive } satisfies Clicks;

async function clickCompleteLive(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  await openModal(deps, click, COMPLETION_TITLE, async (): Promise<Opening> => {
    const refusal = await refuse(deps, click);
    if (refusal !== null) return { kind: 'answer', answer: textAnswer(refusal) };
    const groupId = click.value;
    const finding = findLive(deps, groupId, EVIDENCE_WITHIN_MS);
    const form = async (found: LiveList) => {
      if (found.listed.length === 0) {
        const note = found.unchecked > 0 ? referenceNote() : '';
        return notice(COMPLETION_TITLE, `${nothingLiveWords(found.others, found.unchecked)}${note}`);
      }
      const state: FormState = {
        groupId,
        at: Math.floor((await deps.db.now()).getTime() / 1000),
        rows: found.listed.map((one) => {
          const { id, fingerprint, version, orEarlier } = listedRow(deps, one);
          return [id, fingerprint, version, orEarlier ? 1 : 0];
        }),
        listUrl: click.isEphemeral ? click.responseUrl : null,
      };
      return completionModal({ ...found, privateMetadata: JSON.stringify(state) });
    };
    const early = await withTimeout(EVIDENCE_AT_ONCE_MS, finding);
    if (early !== null) return { kind: 'modal', view: await form(early) };
    return {
      kind: 'modal',
      view: notice(COMPLETION_TITLE, ':hourglass_flowing_sand: *Working on it…* Heroku is being asked about each.'),
      // It may fail while the placeholder opens, before anybody awaits it.
      later: finding.then(form).catch(async (error: unknown) => {
        logFailure(deps, error, {}, 'a modal could not be prepared');
        return notice(COMPLETION_TITLE, await failureWords(deps, error, { changedNothing: true }));
      }),
    };
  });
}

async function refuse(deps: HandlerDependencies, click: Click): Promise<string | null> {
  const outsider = await refuseOutsider(deps, click);
  if (outsider !== null) return outsider.text;
  if (!isRowId(click.value)) return nothingLiveWords(0, 0);
  if (isSuperadmin(await deps.db.operators.find(click.userId))) return null;
  deps.onDenied('not_superadmin');
  const denial = { actor: click.userId, promotionId: null, attempted: 'complete_live', reason: 'not_superadmin' };
  await deps.db.denials.record({ at: deps.now(), ...denial });
  return needsCompletionRole(await deps.db.operators.superadmins());
}

interface Done {
  readonly completed: readonly string[];
}

/** The form was submitted. Its answer lists what was left out, so it becomes a view after the commit. */
export async function submitCompletion(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = formState.parse(JSON.parse(submission.privateMetadata));
  await answerSubmission<Done>(deps, submission, ack, {
    title: COMPLETION_TITLE,
    faultUnder: BLOCK.code,
    again: 'Submit again with a fresh code; it can’t be done twice.',
    decide: () => decide(deps, submission, state),
    recognisesItself: true,
    meanwhile:
      'Heroku is asked about each again. The result comes in this form; if you close it, in the group’s thread.',
    saved: async (done) => completedModal(done?.completed.length ?? 0, []),
    afterwards: async ({ completed }) => {
      const [first] = completed;
      // Showing one of them updates the group and its reply; the next tick does the rest.
      if (first !== undefined) await deps.showInSlack(first);
      if (state.listUrl !== null) {
        const page = await groupPage(deps, { groupId: state.groupId, offset: 0 });
        await answer(deps, state.listUrl, page, { replace: true });
      }
    },
  });
}

async function decide(deps: HandlerDependencies, submission: Submission, state: FormState): Promise<Decided<Done>> {
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) {
    return { answer: { kind: 'view', view: notice(COMPLETION_TITLE, outsider.text) }, done: null };
  }
  const { outcome, now } = await completeLive(
    deps,
    {
      operatorId: submission.userId,
      groupId: state.groupId,
      listed: state.rows.map(([id, fingerprint, version, orEarlier]) => ({
        id,
        fingerprint,
        version,
        orEarlier: orEarlier === 1,
      })),
      shownAt: new Date(state.at * 1000),
      code: submission.field(BLOCK.code),
    },
    EVIDENCE_AGAIN_MS,
  );
  if (outcome.kind === 'completed') {
    const completed = outcome.completed.map(({ id }) => id);
    return {
      answer: { kind: 'view', view: completedModal(completed.length, outcome.leftOut) },
      done: { completed },
    };
  }
  if (outcome.kind === 'code_refused') noteRefusedCode(deps, outcome.check);
  if (outcome.kind === 'not_superadmin') deps.onDenied(outcome.kind);
  const superadmins = outcome.kind === 'not_superadmin' ? await deps.db.operators.superadmins() : [];
  const words = completionRefusal(outcome, { now, superadmins });
  return {
    answer: words.kind === 'view' ? words : underFields(outcome, words.errors),
    done: null,
  };
}
