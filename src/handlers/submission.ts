import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable } from '../db/errors.js';
import { type FieldErrors, type Modal, notice } from '../views/blocks.js';
import type { BlockId } from '../views/ids.js';
import { plainRefusedWords, type Refused, refusedWords } from '../views/refused.js';
import { withTimeout } from '../with-timeout.js';
import { referenceNote } from '../reference.js';
import { faultWords, logFailure, mayHaveTakenEffect, updateIfOpen } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Submission } from './unpack.js';

/** A modal closes, shows errors under its fields, or turns into another view. */
export type SubmitAnswer =
  | { readonly kind: 'close' }
  | { readonly kind: 'errors'; readonly errors: FieldErrors }
  | { readonly kind: 'view'; readonly view: Modal };

export type AckSubmission = (answer: SubmitAnswer) => Promise<void>;

/** Slack waits three seconds; the rest is for the network and a busy event loop. */
const ANSWER_WITHIN_MS = 2_300;
/** Few enough that the code is still good: a stale one would count as wrong. */
const TRIES_AGAIN = 3;
const TRY_AGAIN_AFTER_MS = 500;

/** `done`: what was done, for what comes after the answer. */
export interface Decided<Done> {
  readonly answer: SubmitAnswer;
  readonly done: Done | null;
}

export interface SubmissionPlan<Done> {
  readonly title: string;
  readonly faultUnder: BlockId;
  /** What to do if nobody knows whether it was saved. */
  readonly again: string;
  readonly decide: () => Promise<Decided<Done>>;
  /**
   * Whether a second attempt recognises what the first saved. Only then is an unknown outcome retried: otherwise the
   * code would look stolen, and a second link would be made.
   */
  readonly recognisesItself: boolean;
  /** What the placeholder says meanwhile. */
  readonly meanwhile: string;
  /** What the placeholder becomes if the form itself would have closed. */
  readonly saved: (done: Done | null) => Promise<Modal>;
  /** What follows the answer if something was done. */
  readonly afterwards: (done: Done) => Promise<void>;
}

/**
 * Answers a submission after the commit: a form that closes means saved. If Slack can't wait, the form says so, and
 * later how it ended. Faults show under `faultUnder` or in the form; rejects only if `afterwards` or the answer fails.
 */
export async function answerSubmission<Done>(
  deps: HandlerDependencies,
  submission: Submission,
  ack: AckSubmission,
  plan: SubmissionPlan<Done>,
): Promise<void> {
  const { title } = plan;
  const attempt = (): Promise<Attempt<Done>> =>
    plan.decide().then(
      (decided) => ({ kind: 'decided', decided }),
      async (error: unknown) => {
        logFailure(deps, error, { form: title }, 'a submission could not be decided');
        const refused = await deps.db.explainRefusal(error);
        return { kind: 'fault', error, refused, perhapsSaved: mayHaveTakenEffect(error) };
      },
    );
  const first = attempt();
  const inTime = await withTimeout(ANSWER_WITHIN_MS * deps.patience, first);
  if (inTime?.kind === 'decided') {
    await ack(inTime.decided.answer);
    if (inTime.decided.done !== null) await plan.afterwards(inTime.decided.done);
    return;
  }
  if (inTime !== null) {
    await ack({ kind: 'errors', errors: { [plan.faultUnder]: faultOfSaving(inTime, plan.again) } });
    return;
  }
  await ack({ kind: 'view', view: notice(title, `:hourglass_flowing_sand: *Working on it…* ${plan.meanwhile}`) });
  const late = await triedAgain(await first, attempt, plan.recognisesItself);
  const shown = showHowItEnded(deps, submission, plan, late);
  try {
    if (late.kind === 'decided' && late.decided.done !== null) await plan.afterwards(late.decided.done);
  } finally {
    await shown;
  }
}

interface Fault {
  readonly kind: 'fault';
  readonly error: unknown;
  /** The database won't accept it until somebody changes something. */
  readonly refused: Refused | null;
  /** By this attempt or one before. */
  readonly perhapsSaved: boolean;
}
type Attempt<Done> = { readonly kind: 'decided'; readonly decided: Decided<Done> } | Fault;

/** Slack's three seconds no longer count: retry a busy database, as the person would. */
async function triedAgain<Done>(
  first: Attempt<Done>,
  attempt: () => Promise<Attempt<Done>>,
  recognisesItself: boolean,
): Promise<Attempt<Done>> {
  let last = first;
  for (let tries = 0; tries < TRIES_AGAIN && last.kind === 'fault' && isDatabaseUnavailable(last.error); tries += 1) {
    const { perhapsSaved } = last;
    if (perhapsSaved && !recognisesItself) return last;
    await sleep(TRY_AGAIN_AFTER_MS);
    const next = await attempt();
    last = next.kind === 'fault' ? { ...next, perhapsSaved: perhapsSaved || next.perhapsSaved } : next;
  }
  return last;
}

/** Never rejects: if the form can't say it, Slack or the place that the placeholder named does. */
async function showHowItEnded<Done>(
  deps: HandlerDependencies,
  submission: Submission,
  plan: SubmissionPlan<Done>,
  late: Attempt<Done>,
): Promise<void> {
  const { title } = plan;
  try {
    const view =
      late.kind === 'fault' ? notice(title, lateFault(late, plan.again)) : await lateView(deps, plan, late.decided);
    await updateIfOpen(deps, submission.viewId, view);
  } catch (error) {
    deps.log.error({ err: error, form: title }, 'a form could not say how it ended');
  }
}

/** The placeholder has no fields any more. */
async function lateView<Done>(
  deps: HandlerDependencies,
  { title, saved }: SubmissionPlan<Done>,
  { answer, done }: Decided<Done>,
): Promise<Modal> {
  switch (answer.kind) {
    case 'view':
      return answer.view;
    case 'errors':
      return notice(title, `*Not saved.* ${Object.values(answer.errors).join(' ')} Open the form again to retry.`);
    case 'close':
      try {
        return await saved(done);
      } catch (error) {
        deps.log.error({ err: error, form: title }, 'what a form saved could not be read again');
        return notice(title, '*Saved.*');
      }
  }
}

/** A commit whose answer was lost may have happened. */
function faultOfSaving(fault: Fault, again: string): string {
  const { error, refused, perhapsSaved } = fault;
  if (refused !== null && !perhapsSaved) return `${plainRefusedWords(refused)} Nothing was saved.${referenceNote()}`;
  const said = perhapsSaved
    ? `${faultWords(error)} It may have been saved. ${again}`
    : `${faultWords(error)} Nothing was saved. Submit again in a minute.`;
  return `${said}${referenceNote()}`;
}

/** In the form's place. */
function lateFault(fault: Fault, again: string): string {
  return fault.refused !== null && !fault.perhapsSaved
    ? `:no_entry: ${refusedWords(fault.refused)} Nothing was saved.${referenceNote()}`
    : `:warning: ${faultOfSaving(fault, again)} Open the form again for that.`;
}
