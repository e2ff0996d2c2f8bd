import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import { isSuperadmin, type Operator } from '../operators/operator.js';
import { type Evidence, evidenceChanged, verdictOf } from './evidence.js';
import { isDeploying, type Promotion } from './promotion.js';
import { refuseSamePerson, type TakesSecondPerson } from './second-person.js';

/** Completes everything in a group that is proven live: one code for exactly the list that was shown. */

/** One form lists, and one code completes, this many. */
export const MOST_COMPLETED = 50;

/** Whether Heroku proves it live: the value is in force, and no release of it is running. */
export function isProven(evidence: Evidence): boolean {
  return verdictOf(evidence) === 'live';
}

/** Why one of the list isn't completed; the others still are. */
export type LeftOutReason =
  /** Its row is gone. */
  | 'unknown_promotion'
  | 'ended'
  /** Another writer changed what the form showed. */
  | 'row_changed'
  /** Heroku says something else than the form showed. */
  | 'evidence_changed'
  /** Heroku didn't prove it again. */
  | 'not_proven'
  /** The operator marked or promoted it, and its app needs a second person. */
  | 'same_person';

export interface CompletionRow {
  readonly promotionId: string;
  readonly shown: Evidence;
  /** null: not read again, because it is gone or has ended. */
  readonly reread: Evidence | null;
  readonly isAsShown: (promotion: Promotion) => boolean;
}

export interface CompletionRequest {
  readonly operatorId: string;
  readonly groupId: string;
  readonly rows: readonly CompletionRow[];
  readonly takesSecondPerson: TakesSecondPerson;
}

export interface LeftOut {
  readonly promotionId: string;
  readonly promotion: Promotion | null;
  readonly why: LeftOutReason;
}

/** A locked row to complete. */
export interface Completable {
  readonly promotion: Promotion;
  readonly shown: Evidence;
  readonly reread: Evidence;
}

export type CompletionRefusal =
  | { readonly kind: 'not_superadmin' }
  /** `byThisRequest`: this operator completed all of it before: their first submission succeeded. */
  | { readonly kind: 'nothing_left'; readonly leftOut: readonly LeftOut[]; readonly byThisRequest: boolean }
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

export type CompletionDecision =
  | {
      readonly kind: 'complete';
      readonly rows: readonly Completable[];
      readonly leftOut: readonly LeftOut[];
      readonly check: AcceptedCode;
    }
  | CompletionRefusal;

/** Decides from locked rows. Checks the code last, once, and only if something is left to do. */
export function decideCompletion(
  request: CompletionRequest,
  locked: { readonly promotions: ReadonlyMap<string, Promotion>; readonly operator: Operator | null },
  checkCode: () => CodeCheck,
): CompletionDecision {
  if (!isSuperadmin(locked.operator)) return { kind: 'not_superadmin' };
  const rows: Completable[] = [];
  const leftOut: LeftOut[] = [];
  for (const row of request.rows) {
    const promotion = locked.promotions.get(row.promotionId) ?? null;
    const judged = judge(row, promotion, request);
    if (typeof judged === 'string') leftOut.push({ promotionId: row.promotionId, promotion, why: judged });
    else rows.push(judged);
  }
  if (rows.length === 0) {
    const isOwn = ({ promotion }: LeftOut) =>
      promotion?.state === 'deployed' && promotion.resolvedBy === request.operatorId;
    return { kind: 'nothing_left', leftOut, byThisRequest: leftOut.length > 0 && leftOut.every(isOwn) };
  }
  const check = checkCode();
  return check.kind === 'accepted' ? { kind: 'complete', rows, leftOut, check } : { kind: 'code_refused', check };
}

function judge(
  { shown, reread, isAsShown }: CompletionRow,
  promotion: Promotion | null,
  { operatorId, takesSecondPerson }: CompletionRequest,
): Completable | LeftOutReason {
  if (promotion === null) return 'unknown_promotion';
  if (!isDeploying(promotion)) return 'ended';
  if (refuseSamePerson(promotion, operatorId, takesSecondPerson) !== null) return 'same_person';
  if (!isAsShown(promotion)) return 'row_changed';
  if (reread === null || verdictOf(reread) === 'unknown') return 'not_proven';
  if (evidenceChanged(shown, reread)) return 'evidence_changed';
  return isProven(reread) ? { promotion, shown, reread } : 'not_proven';
}
