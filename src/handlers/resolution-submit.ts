import {
  type AskedResolution,
  type LookAgain,
  type ResolveOutcome,
  readSetBack,
  resolve,
} from '../decisions/resolve.js';
import { isDenial } from '../promotions/denial.js';
import { contradicts } from '../promotions/evidence.js';
import { checkResolutionFields } from '../promotions/resolution.js';
import { bareLink } from '../promotions/typed.js';
import { type FieldErrors, type Modal, notice } from '../views/blocks.js';
import { BLOCK, CONFIRMED } from '../views/ids.js';
import { fieldFaultWords, OVERRIDE, refusalWords, resolvedModal, TITLE } from '../views/resolution.js';
import { answer, showThatItEnded } from './answer.js';
import { stuckPage } from './commands/stuck.js';
import { noteRefusedCode, underFields } from './code-refused.js';
import type { HandlerDependencies } from './dependencies.js';
import { refuseOutsider } from './outsider.js';
import { parseModalState, type ResolutionModalState, renderResolutionModal } from './resolution-form.js';
import { type AckSubmission, answerSubmission, type Decided, type SubmitAnswer } from './submission.js';
import { type Submission, unpackSubmission } from './unpack.js';

const EVIDENCE_WITHIN_MS = 1_000;

/**
 * The form is answered after the commit: a modal that closes means durable. If the database is slower than Slack waits,
 * the modal says so, and later how it ended.
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
      // An end by others is closed here; this submission's own was closed in its commit.
      await (done.saved ? deps.showInSlack(done.ended) : showThatItEnded(deps, done.ended));
      if (done.back !== null) await deps.showInSlack(done.back);
      if (done.saved && state.listUrl !== null) {
        await answer(deps, state.listUrl, await stuckPage(deps, 0), { replace: true });
      }
    },
  });
}

/** An ended promotion that Slack has to show. */
interface Done {
  readonly ended: string;
  /** By this submission, rather than before it. */
  readonly saved: boolean;
  /** The promotion that reverts it, started in the same commit. */
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
  const outsider = await refuseOutsider(deps, submission);
  if (outsider !== null) return unsaved({ kind: 'view', view: notice(title, outsider.text) });

  const fields = readFields(submission, state, deps.rcaUrlHosts);
  if ('errors' in fields) return unsaved({ kind: 'errors', errors: fields.errors });

  const { promotionId, action, evidence, shown: fingerprint } = state;
  const code = submission.field(BLOCK.code);
  const { outcome, now } = await resolve(
    deps,
    { promotionId, action, operatorId, ...fields, evidence, fingerprint, code },
    EVIDENCE_WITHIN_MS,
  );
  switch (outcome.kind) {
    case 'resolved': {
      const { promotion: ended, back } = outcome;
      return { answer: { kind: 'close' }, done: { ended: ended.id, saved: true, back: back?.id ?? null } };
    }
    case 'look_again':
      // The typed code was not used up.
      return unsaved({ kind: 'view', view: await showAgain(deps, state, outcome) });
    default:
      return {
        answer: await refused(deps, outcome, { title, now, operatorId }),
        done: outcome.kind === 'already_resolved' ? { ended: outcome.promotion.id, saved: false, back: null } : null,
      };
  }
}

async function showAgain(
  deps: HandlerDependencies,
  state: ResolutionModalState,
  { promotion, evidence, changed }: LookAgain,
): Promise<Modal> {
  const setBack = await readSetBack(deps, promotion, state.action);
  const now = { ...state, evidence, shown: deps.fingerprint(promotion) };
  return renderResolutionModal(promotion, now, { changed: changed === 'unseen' ? null : changed, setBack });
}

async function refused(
  deps: HandlerDependencies,
  outcome: Exclude<ResolveOutcome, { kind: 'resolved' | 'look_again' }>,
  { title, now, operatorId }: { readonly title: string; readonly now: Date; readonly operatorId: string },
): Promise<SubmitAnswer> {
  if (outcome.kind === 'code_refused') noteRefusedCode(deps, outcome.check);
  if (isDenial(outcome)) deps.onDenied(outcome.kind);
  const superadmins = isDenial(outcome) ? await deps.db.operators.superadmins() : [];
  const words = refusalWords(outcome, { now, operatorId, superadmins });
  return words.kind === 'field_errors'
    ? underFields(outcome, words.errors)
    : { kind: 'view', view: notice(title, words.text) };
}

type Fields = Pick<AskedResolution, 'note' | 'rcaUrl' | 'confirmedContradiction' | 'setBack'>;

function readFields(
  submission: Submission,
  state: ResolutionModalState,
  rcaUrlHosts: readonly string[],
): Fields | { errors: FieldErrors } {
  const typed = { note: submission.field(BLOCK.note), rcaUrl: bareLink(submission.field(BLOCK.rcaUrl)) };
  const checked = checkResolutionFields(state.action, typed, rcaUrlHosts);
  const confirmedContradiction = submission.field(BLOCK.confirmation) === CONFIRMED;
  const isUnconfirmed = state.evidence !== null && contradicts(state.evidence, state.action) && !confirmedContradiction;
  if (!checked.ok || isUnconfirmed) {
    return {
      errors: {
        ...(checked.ok ? {} : fieldFaultWords(checked.faults, rcaUrlHosts)),
        ...(isUnconfirmed ? { [BLOCK.confirmation]: OVERRIDE } : {}),
      },
    };
  }
  const setBack = submission.field(BLOCK.setBack) === CONFIRMED;
  return { ...checked.fields, confirmedContradiction, setBack };
}
