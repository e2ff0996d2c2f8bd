import type { TypedCode } from '../db/codes.js';
import type { Database } from '../db/database.js';
import type { Promotions, ResolutionOutcome } from '../db/promotions.js';
import { isSuperadmin } from '../operators/operator.js';
import type { AllowedConfigVars } from '../promotions/config-vars.js';
import type { Evidence, ResolutionAction } from '../promotions/evidence.js';
import { isDeploying, type Promotion, type RowChanged } from '../promotions/promotion.js';
import type { ResolutionFields, ResolutionRequest } from '../promotions/resolution.js';
import { refuseSamePerson, type SamePerson, type TakesSecondPerson } from '../promotions/second-person.js';
import { type SetBack, setBackOf } from '../promotions/set-back.js';
import { type ChangedSince, whyShowAgain } from '../promotions/shown.js';
import type { FingerprintRow } from './fingerprint.js';

/* Resolves, for a button or the command line: what is read, checked and written. No texts. */

export interface ResolveDependencies {
  readonly db: Database;
  /** Never rejects; resolves within `deadlineMs`, possibly with the fact that Heroku didn't answer. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  readonly configVars: AllowedConfigVars;
  readonly takesSecondPerson: TakesSecondPerson;
  /** Ties a code to what was shown with it. */
  readonly fingerprint: FingerprintRow;
  readonly readCode: (typed: string, now: Date) => TypedCode;
  readonly now: () => Date;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly promotion: Promotion }
  | { readonly kind: 'not_superadmin' }
  | { readonly kind: 'unknown_promotion' }
  | SamePerson;

/**
 * Whether this person may be asked for a code at all; records a refusal. The database decides again on writing. Lets
 * finished promotions through: how they ended says more.
 */
export async function admitToResolve(
  deps: Pick<ResolveDependencies, 'db' | 'takesSecondPerson' | 'now'>,
  asked: { readonly promotionId: string | null; readonly operatorId: string; readonly action: ResolutionAction },
): Promise<Admission> {
  const { promotionId, operatorId, action } = asked;
  const denied = async <T extends Admission>(refusal: T): Promise<T> => {
    const at = deps.now();
    await deps.db.denials.record({ at, actor: operatorId, promotionId, attempted: action, reason: refusal.kind });
    return refusal;
  };
  if (!isSuperadmin(await deps.db.operators.find(operatorId))) return denied({ kind: 'not_superadmin' });
  const promotion = promotionId === null ? null : await deps.db.promotions.find(promotionId);
  if (promotion === null) return { kind: 'unknown_promotion' };
  const samePerson = refuseSamePerson(promotion, operatorId, deps.takesSecondPerson);
  return samePerson === null || !isDeploying(promotion) ? { kind: 'admitted', promotion } : denied(samePerson);
}

/** What the promotion could be reverted to; asked only if that would be offered. */
export async function readSetBack(
  deps: Pick<ResolveDependencies, 'db' | 'configVars'>,
  promotion: Promotion,
  action: ResolutionAction,
): Promise<SetBack> {
  if (action !== 'failed') return { kind: 'unknown' };
  if (!deps.configVars.maySet(promotion.configVar)) return { kind: 'not_allowed' };
  return setBackOf(promotion, await deps.db.acceptedRelease(promotion.id));
}

/** What a person was shown, and the code that they typed. */
export interface SubmittedForm {
  readonly promotionId: string;
  readonly operatorId: string;
  /** What they were shown of Heroku; null: still being asked, or not needed. */
  readonly evidence: Evidence | null;
  /** The fingerprint of the row that they were shown. */
  readonly fingerprint: string;
  /** As it was typed. */
  readonly code: string;
}

export interface AskedResolution
  extends SubmittedForm,
    Pick<ResolutionRequest, 'action' | 'confirmedContradiction' | 'setBack'>,
    ResolutionFields {}

/** What was shown no longer holds: nothing was written, and the code wasn't used. */
export interface LookAgain {
  readonly kind: 'look_again';
  readonly promotion: Promotion;
  readonly evidence: Evidence;
  readonly changed: ChangedSince | 'unseen';
}

export type ResolveOutcome = Exclude<ResolutionOutcome, RowChanged> | LookAgain;

/** Reads row and evidence again, and resolves. `now`: by the database's clock, which the code was checked against. */
export async function resolve(
  deps: Omit<ResolveDependencies, 'db' | 'now'> & {
    readonly db: { readonly promotions: Pick<Promotions, 'findNow' | 'resolve'> };
  },
  asked: AskedResolution,
  evidenceWithinMs: number,
): Promise<{ readonly outcome: ResolveOutcome; readonly now: Date }> {
  const { fingerprint, code, evidence, ...request } = asked;
  const { promotion, now } = await deps.db.promotions.findNow(asked.promotionId);
  if (promotion === null) return { outcome: { kind: 'unknown_promotion' }, now };
  const reread = await deps.readEvidence(promotion, evidenceWithinMs);
  const isAsShown = (row: Promotion) => deps.fingerprint(row) === fingerprint;
  // A finished promotion needs no second look: the answer is who ended it.
  const changed = isDeploying(promotion) ? whyShowAgain(isAsShown(promotion), evidence, reread) : null;
  if (changed !== null) return { outcome: { kind: 'look_again', promotion, evidence: reread, changed }, now };
  const outcome = await deps.db.promotions.resolve(
    {
      ...request,
      shown: evidence ?? reread,
      reread,
      setBack: asked.setBack && deps.configVars.maySet(promotion.configVar),
      isAsShown,
      takesSecondPerson: deps.takesSecondPerson,
    },
    now,
    deps.readCode(code, now),
  );
  // It changed between that look and the lock: the next look shows it.
  return outcome.kind === 'row_changed' ? resolve(deps, asked, evidenceWithinMs) : { outcome, now };
}
