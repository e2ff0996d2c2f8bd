import type { ResolutionOutcome } from '../db/promotions.js';
import { contradicts, type Evidence } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { checkRcaUrl } from '../promotions/rca-url.js';
import { bareLink } from '../promotions/typed.js';
import type { ChangedSince } from '../views/authority.js';
import { type FieldErrors, type Modal, notice } from '../views/blocks.js';
import { BLOCK, type BlockId, CONFIRMED } from '../views/ids.js';
import { rcaUrlWords } from '../views/rca.js';
import { NOTE_MAX_LENGTH, refusalWords, resolvedModal, TITLE } from '../views/resolution.js';
import { answer, EXTERNAL_USER, isExternalUser, showThatItEnded } from './answer.js';
import { stuckPage } from './commands/stuck.js';
import type { HandlerDependencies } from './dependencies.js';
import { parseModalState, type ResolutionModalState, readSetBack, renderResolutionModal } from './resolution-form.js';
import { whyShowAgain } from './shown.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Submission, unpackSubmission } from './unpack.js';

const EVIDENCE_WITHIN_MS = 1_000;

/**
 * The form of a resolution was submitted. It is answered after the commit: a modal that closes means durable. Where
 * the database is slower than Slack waits, the modal says so, and later how it ended.
 */
export async function submitResolution(deps: HandlerDependencies, body: unknown, ack: AckSubmission): Promise<void> {
  const submission = unpackSubmission(body);
  const state = parseModalState(submission.privateMetadata);
  const title = TITLE[state.action];
  await answerSubmission<Done>(deps, submission, ack, {
    title,
    faultUnder: BLOCK.code,
    again: 'Submit again with a fresh code; it can’t be done twice.',
    decide: () => decide(deps, submission, state),
    recognisesItself: true,
    meanwhile: 'The database is slow. The result comes in this form; if you close it, in the alert.',
    saved: async (resolved) => {
      const promotion = resolved === null ? null : await deps.db.promotions.find(resolved.ended);
      return promotion === null ? notice(title, '*Saved.*') : resolvedModal(promotion, state.action);
    },
    afterwards: async (done) => {
      // What ended by itself is closed here; what was resolved by this submission was closed as it committed.
      await (done.saved ? deps.showInSlack(done.ended) : showThatItEnded(deps, done.ended));
      if (done.back !== null) await deps.showInSlack(done.back);
      if (done.saved && state.listUrl !== null) {
        await answer(deps, state.listUrl, await stuckPage(deps, 0), { replace: true });
      }
    },
  });
}

/** A promotion that has ended: what Slack has to show now. */
interface Done {
  readonly ended: string;
  /** By this submission, rather than before it. */
  readonly saved: boolean;
  /** The promotion that sets it back, under way since. */
  readonly back: string | null;
}

async function decide(
  deps: HandlerDependencies,
  submission: Submission,
  state: ResolutionModalState,
): Promise<Decided<Done>> {
  const unsaved = (to: SubmitAnswer): Decided<Done> => ({ answer: to, done: null });
  const title = TITLE[state.action];
  const operatorId = submission.userId;
  if (await isExternalUser(deps, submission.teamId))
    return unsaved({ kind: 'view', view: notice(title, EXTERNAL_USER.text) });

  const fields = readFields(submission, state, deps.rcaUrlHosts);
  if ('errors' in fields) return unsaved({ kind: 'errors', errors: fields.errors });

  const { promotion, now } = await deps.db.promotions.findNow(state.promotionId);
  if (promotion === null)
    return unsaved(await refused(deps, { kind: 'unknown_promotion' }, { title, now, operatorId }));
  const reread = await deps.readEvidence(promotion, EVIDENCE_WITHIN_MS);
  const isAsShown = (row: Promotion) => deps.fingerprint(row) === state.shown;
  // What has ended needs no second look: whoever ended it is the answer.
  const again = isDeploying(promotion) ? whyShowAgain(isAsShown(promotion), state.evidence, reread) : null;
  // The code that was typed is as good as before.
  if (again !== null) return unsaved({ kind: 'view', view: await showAgain(deps, promotion, state, reread, again) });
  const outcome = await deps.db.promotions.resolve(
    {
      promotionId: state.promotionId,
      action: state.action,
      operatorId,
      note: fields.note,
      rcaUrl: fields.rcaUrl,
      shown: state.evidence ?? reread,
      reread,
      confirmedContradiction: fields.confirmed,
      setBack: fields.setBack && deps.configVars.maySet(promotion.configVar),
      isAsShown,
      takesSecondPerson: deps.takesSecondPerson,
    },
    now,
    deps.readCode(submission.field(BLOCK.code), now),
  );
  if (outcome.kind === 'resolved') {
    const { promotion: ended, back } = outcome;
    return { answer: { kind: 'close' }, done: { ended: ended.id, saved: true, back: back?.id ?? null } };
  }
  // Changed between that look and the lock: the next look shows it.
  if (outcome.kind === 'row_changed') return decide(deps, submission, state);
  return {
    answer: await refused(deps, outcome, { title, now, operatorId }),
    done: outcome.kind === 'already_resolved' ? { ended: outcome.promotion.id, saved: false, back: null } : null,
  };
}

async function showAgain(
  deps: HandlerDependencies,
  promotion: Promotion,
  state: ResolutionModalState,
  reread: Evidence,
  again: ChangedSince | 'unseen',
): Promise<Modal> {
  const setBack = await readSetBack(deps, promotion, state.action);
  const now = { ...state, evidence: reread, shown: deps.fingerprint(promotion) };
  return renderResolutionModal(promotion, now, { changed: again === 'unseen' ? null : again, setBack });
}

async function refused(
  deps: HandlerDependencies,
  outcome: Exclude<ResolutionOutcome, { kind: 'resolved' | 'row_changed' }>,
  { title, now, operatorId }: { readonly title: string; readonly now: Date; readonly operatorId: string },
): Promise<SubmitAnswer> {
  if (outcome.kind === 'code_refused')
    deps.onCodeRefused(outcome.check.kind === 'locked' ? 'locked' : outcome.check.reason);
  const isDenied = outcome.kind === 'not_superadmin' || outcome.kind === 'same_person';
  if (isDenied) deps.onDenied(outcome.kind);
  const superadmins = isDenied ? await deps.db.operators.superadmins() : [];
  const words = refusalWords(outcome, { now, operatorId, superadmins });
  return words.kind === 'field_errors'
    ? { kind: 'errors', errors: words.errors }
    : { kind: 'view', view: notice(title, words.text) };
}

function readFields(
  submission: Submission,
  state: ResolutionModalState,
  rcaUrlHosts: readonly string[],
): { note: string | null; rcaUrl: string | null; confirmed: boolean; setBack: boolean } | { errors: FieldErrors } {
  const errors: Partial<Record<BlockId, string>> = {};
  const note = submission.field(BLOCK.note);
  if (state.action === 'failed' && note === '') errors[BLOCK.note] = 'Say why: the next person will want to know.';
  if (note.length > NOTE_MAX_LENGTH) errors[BLOCK.note] = `At most ${NOTE_MAX_LENGTH} characters.`;

  const typedUrl = bareLink(submission.field(BLOCK.rcaUrl));
  const rca = typedUrl === '' ? null : checkRcaUrl(typedUrl, rcaUrlHosts);
  if (rca !== null && !rca.ok) errors[BLOCK.rcaUrl] = rcaUrlWords(rca.fault, rcaUrlHosts);

  const confirmed = submission.field(BLOCK.confirmation) === CONFIRMED;
  if (state.evidence !== null && contradicts(state.evidence, state.action) && !confirmed) {
    errors[BLOCK.confirmation] = 'Tick this to override Heroku.';
  }
  const setBack = submission.field(BLOCK.setBack) === CONFIRMED;
  if (Object.keys(errors).length > 0) return { errors };
  return { note: note === '' ? null : note, rcaUrl: rca?.ok === true ? rca.url : null, confirmed, setBack };
}
