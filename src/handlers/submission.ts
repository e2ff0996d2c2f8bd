import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable } from '../db/errors.js';
import { type Modal, notice } from '../views/blocks.js';
import type { FieldErrors } from '../views/resolution.js';
import { within } from '../within.js';
import { failureWords, updateIfOpen } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Submission } from './unpack.js';

/** How a modal's submission is answered: it closes, shows errors under its fields, or turns into another view. */
export type SubmitAnswer =
  | { readonly kind: 'close' }
  | { readonly kind: 'errors'; readonly errors: FieldErrors }
  | { readonly kind: 'view'; readonly view: Modal };

export type AckSubmission = (answer: SubmitAnswer) => Promise<void>;

/** Slack waits three seconds; what is left after this goes to the network and a busy event loop. */
const ANSWER_WITHIN_MS = 2_300;
/** So few that the code is still good at the last: a stale one would count as wrong. */
const TRIES_AGAIN = 3;
const TRY_AGAIN_AFTER_MS = 500;

/** A submission, decided: what its modal is answered, and what was done, for whatever comes after the answer. */
export interface Decided<Done> {
  readonly answer: SubmitAnswer;
  readonly done: Done | null;
}

/**
 * Answers a submission after the commit: a modal that closes means durable. Where deciding takes longer than Slack
 * waits, the modal says so, and later how it ended; meanwhile a database that does not answer is asked again. A fault is told under the field `faultUnder`; it never rejects for
 * it. Resolves with what was done, null where nothing was.
 */
export async function answerSubmission<Done>(
  deps: HandlerDependencies,
  submission: Submission,
  ack: AckSubmission,
  how: {
    readonly title: string;
    readonly faultUnder: string;
    /** What to do after a fault, which says nothing of what was saved. */
    readonly again: string;
    readonly decide: () => Promise<Decided<Done>>;
    /** What the placeholder says that stands for the form meanwhile. */
    readonly meanwhile: string;
    /** What the placeholder turns into where the form itself would have closed. */
    readonly saved: (done: Done | null) => Promise<Modal>;
  },
): Promise<Done | null> {
  const { title } = how;
  const attempt = (): Promise<Attempt<Done>> =>
    how.decide().then(
      (decided) => ({ kind: 'decided', decided }),
      (error: unknown) => {
        deps.log.error({ err: error, form: title }, 'a submission could not be decided');
        return { kind: 'fault', error };
      },
    );
  const first = attempt();
  const inTime = await within(ANSWER_WITHIN_MS, first);
  if (inTime?.kind === 'decided') {
    await ack(inTime.decided.answer);
    return inTime.decided.done;
  }
  if (inTime !== null) {
    await ack({ kind: 'errors', errors: { [how.faultUnder]: notKnownWhetherSaved(inTime.error, how.again) } });
    return null;
  }
  await ack({ kind: 'view', view: notice(title, `:hourglass_flowing_sand: *Working on it…* ${how.meanwhile}`) });
  // Nobody's three seconds run any more: a database that had too much to do is asked again, as the person would.
  let late = await first;
  for (let tries = 0; tries < TRIES_AGAIN && late.kind === 'fault' && isDatabaseUnavailable(late.error); tries += 1) {
    await sleep(TRY_AGAIN_AFTER_MS);
    late = await attempt();
  }
  if (late.kind === 'fault') {
    const words = `:warning: ${notKnownWhetherSaved(late.error, how.again)} Open the form again for that.`;
    await updateIfOpen(deps, submission.viewId, notice(title, words));
    return null;
  }
  await updateIfOpen(deps, submission.viewId, await lateView(title, late.decided, how.saved));
  return late.decided.done;
}

type Attempt<Done> =
  | { readonly kind: 'decided'; readonly decided: Decided<Done> }
  | { readonly kind: 'fault'; readonly error: unknown };

/** What the placeholder turns into, whose fields are gone. */
async function lateView<Done>(
  title: string,
  { answer, done }: Decided<Done>,
  saved: (done: Done | null) => Promise<Modal>,
): Promise<Modal> {
  switch (answer.kind) {
    case 'view':
      return answer.view;
    case 'errors':
      return notice(title, `*Not saved.* ${Object.values(answer.errors).join(' ')} Open the form again to retry.`);
    case 'close':
      return saved(done);
  }
}

/** A commit whose answer was lost may have happened. Submitting again is safe, and says so if it had. */
function notKnownWhetherSaved(error: unknown, again: string): string {
  const why =
    failureWords(error)
      .replace(/^:warning: /u, '')
      .split(' Nothing was changed.')[0] ?? '';
  return `${why} It is not known whether this was saved. ${again}`;
}
