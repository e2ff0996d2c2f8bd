import { setTimeout as sleep } from 'node:timers/promises';
import type { ResolutionOutcome } from '../db/promotions.js';
import { contradicts, evidenceChanged } from '../promotions/evidence.js';
import { isDeploying } from '../promotions/promotion.js';
import { checkRcaUrl } from '../promotions/rca-url.js';
import { type Modal, notice } from '../views/blocks.js';
import { BLOCK, CONFIRMED } from '../views/ids.js';
import { rcaUrlWords } from '../views/rca.js';
import { type FieldErrors, NOTE_MAX_LENGTH, refusalWords, resolvedModal, savingModal } from '../views/resolution.js';
import { answer, failureWords, isStranger, STRANGER, showThatItEnded, updateIfOpen } from './answer.js';
import { stuckPage } from './commands/stuck.js';
import type { HandlerDependencies } from './dependencies.js';
import { parseModalState, type ResolutionModalState, renderResolutionModal } from './resolution-form.js';
import { type Submission, unpackSubmission } from './unpack.js';

/** How a modal's submission is answered: it closes, shows errors under its fields, or turns into another view. */
export type SubmitAnswer =
  | { readonly kind: 'close' }
  | { readonly kind: 'errors'; readonly errors: FieldErrors }
  | { readonly kind: 'view'; readonly view: Modal };

export type AckSubmission = (answer: SubmitAnswer) => Promise<void>;

/** Slack waits three seconds; what is left after this goes to the network and a busy event loop. */
const ANSWER_WITHIN_MS = 2_300;
const EVIDENCE_WITHIN_MS = 1_000;

/**
 * The form of a resolution was submitted. It is answered after the commit: a modal that closes means durable. Where
 * the database is slower than Slack waits, the modal says so, and later how it ended.
 */
export async function submitResolution(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = parseModalState(submission.privateMetadata);
  const deciding = decide(deps, submission, state).catch((error: unknown): Decided => {
    deps.log.error({ err: error, promotionId: state.promotionId }, 'a resolution failed');
    return {
      answer: { kind: 'errors', errors: { [BLOCK.code]: notKnownWhetherSaved(error) } },
      saved: null,
      ended: null,
    };
  });

  const inTime = await Promise.race([deciding, sleep(ANSWER_WITHIN_MS, null, { ref: false })]);
  if (inTime !== null) {
    await ack(inTime.answer);
  } else {
    await ack({ kind: 'view', view: savingModal(state.action) });
    const late = await deciding;
    await updateIfOpen(deps, submission.viewId, await lateView(deps, late, state));
  }
  const { saved, ended } = inTime ?? (await deciding);
  if (ended !== null) await showThatItEnded(deps, ended);
  if (saved === null) return;
  if (state.listUrl !== null) await answer(deps, state.listUrl, await stuckPage(deps, 0), { replace: true });
}

interface Decided {
  readonly answer: SubmitAnswer;
  /** The promotion that was resolved by this submission. */
  readonly saved: string | null;
  /** The promotion that has ended, by this submission or before it: what Slack has to show now. */
  readonly ended: string | null;
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  state: ResolutionModalState,
): Promise<Decided> {
  const unsaved = (to: SubmitAnswer): Decided => ({ answer: to, saved: null, ended: null });
  const title = state.action === 'completed' ? 'Mark completed' : 'Mark failed';
  if (await isStranger(deps, submission.teamId)) return unsaved({ kind: 'view', view: notice(title, STRANGER.text) });

  const fields = readFields(submission, state, deps.rcaUrlHosts);
  if ('errors' in fields) return unsaved({ kind: 'errors', errors: fields.errors });

  const now = deps.now();
  const promotion = await deps.db.promotions.find(state.promotionId);
  if (promotion === null) return unsaved(await refused(deps, { kind: 'unknown_promotion' }, title, now));
  const reread = await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS);
  const unseen = state.evidence === null || evidenceChanged(state.evidence, reread);
  // What has ended needs no second look: whoever ended it is the answer.
  if (unseen && isDeploying(promotion)) {
    // Nothing was looked at yet, so the code that was typed is as good as before.
    const view = renderResolutionModal(
      promotion,
      { ...state, evidence: reread },
      {
        evidenceChanged: state.evidence !== null,
      },
    );
    return unsaved({ kind: 'view', view });
  }
  const outcome = await deps.db.promotions.resolve(
    {
      promotionId: state.promotionId,
      action: state.action,
      operatorId: submission.userId,
      note: fields.note,
      rcaUrl: fields.rcaUrl,
      shown: state.evidence ?? reread,
      reread,
      confirmedContradiction: fields.confirmed,
    },
    now,
    (authenticator) => deps.checkCode(submission.field(BLOCK.code), authenticator, now),
  );
  if (outcome.kind === 'resolved') {
    const { id } = outcome.promotion;
    return { answer: { kind: 'close' }, saved: id, ended: id };
  }
  const ended = outcome.kind === 'already_resolved' ? outcome.promotion.id : null;
  return { answer: await refused(deps, outcome, title, now), saved: null, ended };
}

async function refused(
  deps: HandlerDependencies,
  outcome: Exclude<ResolutionOutcome, { kind: 'resolved' }>,
  title: string,
  now: Date,
): Promise<SubmitAnswer> {
  if (outcome.kind === 'code_refused')
    deps.onCodeRefused(outcome.check.kind === 'locked' ? 'locked' : outcome.check.reason);
  if (outcome.kind === 'not_superadmin') deps.onDenied('not_superadmin');
  const superadmins = outcome.kind === 'not_superadmin' ? await deps.db.operators.superadmins() : [];
  const words = refusalWords(outcome, { now, superadmins });
  return words.kind === 'field_errors'
    ? { kind: 'errors', errors: words.errors }
    : { kind: 'view', view: notice(title, words.text) };
}

function readFields(
  submission: Submission,
  state: ResolutionModalState,
  rcaUrlHosts: readonly string[],
): { note: string | null; rcaUrl: string | null; confirmed: boolean } | { errors: FieldErrors } {
  const errors: Record<string, string> = {};
  const note = submission.field(BLOCK.note);
  if (state.action === 'failed' && note === '') errors[BLOCK.note] = 'Say why: the next person will want to know.';
  if (note.length > NOTE_MAX_LENGTH) errors[BLOCK.note] = `At most ${NOTE_MAX_LENGTH} characters.`;

  const typedUrl = submission.field(BLOCK.rcaUrl);
  const rca = typedUrl === '' ? null : checkRcaUrl(typedUrl, rcaUrlHosts);
  if (rca !== null && !rca.ok) errors[BLOCK.rcaUrl] = rcaUrlWords(rca.fault, rcaUrlHosts);

  const confirmed = submission.field(BLOCK.confirmation) === CONFIRMED;
  if (state.evidence !== null && contradicts(state.evidence, state.action) && !confirmed) {
    errors[BLOCK.confirmation] = 'Tick this to go against what Heroku says.';
  }
  if (Object.keys(errors).length > 0) return { errors };
  return { note: note === '' ? null : note, rcaUrl: rca?.ok === true ? rca.url : null, confirmed };
}

/** A commit whose answer was lost may have happened. Submitting again is safe, and says so if it had. */
function notKnownWhetherSaved(error: unknown): string {
  const why =
    failureWords(error)
      .replace(/^:warning: /u, '')
      .split(' Nothing was changed.')[0] ?? '';
  return `${why} It is not known whether this was saved. Submit again with a fresh code: what was saved is not done twice.`;
}

/** What the placeholder turns into, whose fields are gone: the form again where there is something to mend. */
async function lateView(deps: HandlerDependencies, decided: Decided, state: ResolutionModalState): Promise<Modal> {
  const title = state.action === 'completed' ? 'Mark completed' : 'Mark failed';
  const { answer: to } = decided;
  if (to.kind === 'view') return to.view;
  if (to.kind === 'errors')
    return notice(title, `*Not saved.* ${Object.values(to.errors).join(' ')} Open the form again to retry.`);
  const promotion = decided.saved === null ? null : await deps.db.promotions.find(decided.saved);
  return promotion === null ? notice(title, '*Saved.*') : resolvedModal(promotion, state.action);
}
