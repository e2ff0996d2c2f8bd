import type { TransitionOutcome } from '../db/transitions.js';
import type { Evidence } from '../promotions/evidence.js';
import type { Promotion, RowChanged } from '../promotions/promotion.js';
import { type ChangedSince, whyShowAgain } from '../promotions/shown.js';
import { refuseAlone, refuseByRole, type Transition, type TransitionRefusal } from '../promotions/transition.js';
import type { ResolveDependencies, SubmittedForm } from './resolve.js';

/* Promoting or cancelling what is marked: what is read, checked and written. */

/** Another writer of the table may have marked a config var that this app may not set. */
interface NotAllowed {
  readonly kind: 'config_var_not_allowed';
  readonly configVar: string;
}

function refuseName(
  { configVars }: Pick<ResolveDependencies, 'configVars'>,
  transition: Transition,
  { configVar }: Promotion,
): NotAllowed | null {
  return transition === 'cancel' || configVars.maySet(configVar) ? null : { kind: 'config_var_not_allowed', configVar };
}

/**
 * Why this person may not be asked for a code, or nobody can; null if they may. Records a denial. The database decides
 * again on writing.
 */
export async function admitToTransition(
  deps: Pick<ResolveDependencies, 'db' | 'configVars' | 'takesSecondPerson' | 'now'>,
  asked: { readonly transition: Transition; readonly operatorId: string; readonly promotion: Promotion },
): Promise<TransitionRefusal | NotAllowed | null> {
  const { transition, operatorId, promotion } = asked;
  const role = refuseByRole(transition, await deps.db.operators.find(operatorId));
  const denial =
    role === null ? refuseAlone(transition, promotion, operatorId, deps.takesSecondPerson) : { kind: role };
  if (denial !== null) {
    const { id: promotionId } = promotion;
    const at = deps.now();
    await deps.db.denials.record({ at, actor: operatorId, promotionId, attempted: transition, reason: denial.kind });
    return denial;
  }
  if (promotion.state !== 'marked') return { kind: 'not_marked', promotion, byThisRequest: false };
  return refuseName(deps, transition, promotion);
}

export interface AskedTransition extends SubmittedForm {
  readonly transition: Transition;
}

/** What was shown no longer holds: nothing was written, and the code wasn't used. */
export interface TransitionLookAgain {
  readonly kind: 'look_again';
  readonly promotion: Promotion;
  /** null: not asked. */
  readonly evidence: Evidence | null;
  readonly changed: ChangedSince | 'unseen';
}

export type TransitionResult = Exclude<TransitionOutcome, RowChanged> | TransitionLookAgain | NotAllowed;

/** Reads row and, to promote, evidence again, and carries it out. */
export async function carryOutTransition(
  deps: ResolveDependencies,
  asked: AskedTransition,
  evidenceWithinMs: number,
): Promise<TransitionResult> {
  const { promotionId, transition, operatorId, evidence, fingerprint, code } = asked;
  const { promotion, now } = await deps.db.promotions.findNow(promotionId);
  const isAsShown = (row: Promotion) => deps.fingerprint(row) === fingerprint;
  let reread: Evidence | null = null;
  // If it is no longer marked, no second look is needed: the transaction says how it stands.
  if (promotion?.state === 'marked') {
    const notAllowed = refuseName(deps, transition, promotion);
    if (notAllowed !== null) return notAllowed;
    if (transition === 'promote') reread = await deps.readEvidence(promotion, evidenceWithinMs);
    const changed = whyShowAgain(isAsShown(promotion), evidence, reread);
    if (changed !== null) return { kind: 'look_again', promotion, evidence: reread, changed };
  }
  const { takesSecondPerson } = deps;
  const outcome = await deps.db.transitions.carryOut(
    { promotionId, transition, operatorId, shown: evidence, reread, isAsShown, takesSecondPerson },
    now,
    deps.readCode(code, now),
  );
  // It changed between that look and the lock: the next look shows it.
  return outcome.kind === 'row_changed' ? carryOutTransition(deps, asked, evidenceWithinMs) : outcome;
}
