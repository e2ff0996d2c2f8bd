import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import { isSuperadmin, type Operator } from '../operators/operator.js';
import { contradicts, type Evidence, type ResolutionAction } from './evidence.js';
import { endedAt, isDeploying, type Promotion, type RowChanged } from './promotion.js';
import { refuseSamePerson, type SamePerson, type TakesSecondPerson } from './second-person.js';

/** What an operator submitted, beside the code. */
export interface ResolutionRequest {
  readonly promotionId: string;
  readonly action: ResolutionAction;
  readonly operatorId: string;
  readonly note: string | null;
  readonly rcaUrl: string | null;
  /** The evidence that the modal showed, and the one read again at submission. */
  readonly shown: Evidence;
  readonly reread: Evidence;
  /** The operator ticked "I know that this contradicts what Heroku says". */
  readonly confirmedContradiction: boolean;
  /** The operator asked, beside `failed`, for what was there before. */
  readonly setBack: boolean;
  /** Whether the row is the one that the form showed. */
  readonly isAsShown: (promotion: Promotion) => boolean;
  readonly takesSecondPerson: TakesSecondPerson;
}

/** Why a resolution was not made. Each is an expected answer, not a fault. */
export type ResolutionRefusal =
  | { readonly kind: 'unknown_promotion' }
  | { readonly kind: 'not_superadmin' }
  | {
      readonly kind: 'already_resolved';
      readonly promotion: Promotion;
      readonly at: Date;
      /** The same operator asked for the same outcome: their first submission went through. */
      readonly byThisRequest: boolean;
    }
  | { readonly kind: 'not_deploying'; readonly promotion: Promotion }
  | { readonly kind: 'contradiction_unconfirmed' }
  | SamePerson
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

/** What is to be resolved, as it was locked, with the code that authorises it. */
export interface Resolvable {
  readonly promotion: Promotion;
  readonly check: AcceptedCode;
}

export type ResolutionDecision = ({ readonly kind: 'resolve' } & Resolvable) | ResolutionRefusal | RowChanged;

/**
 * Decides a resolution from rows that the caller holds locked. The code is checked last, and only where everything
 * else stands, so that a refusal never burns a code or counts against the operator.
 */
export function decideResolution(
  request: ResolutionRequest,
  locked: { readonly promotion: Promotion | null; readonly operator: Operator | null },
  checkCode: () => CodeCheck,
): ResolutionDecision {
  const { promotion, operator } = locked;
  if (!isSuperadmin(operator)) return { kind: 'not_superadmin' };
  if (promotion === null) return { kind: 'unknown_promotion' };
  if (!isDeploying(promotion)) {
    const at = endedAt(promotion);
    if (at === null) return { kind: 'not_deploying', promotion };
    const sameOutcome = promotion.state === terminalStateOf(request.action);
    return {
      kind: 'already_resolved',
      promotion,
      at,
      byThisRequest: sameOutcome && promotion.resolvedBy === request.operatorId,
    };
  }
  const samePerson = refuseSamePerson(promotion, request.operatorId, request.takesSecondPerson);
  if (samePerson !== null) return samePerson;
  if (!request.isAsShown(promotion)) return { kind: 'row_changed' };
  if (contradicts(request.shown, request.action) && !request.confirmedContradiction) {
    return { kind: 'contradiction_unconfirmed' };
  }
  const check = checkCode();
  return check.kind === 'accepted' ? { kind: 'resolve', promotion, check } : { kind: 'code_refused', check };
}

export function terminalStateOf(action: ResolutionAction): 'deployed' | 'failed' {
  return action === 'completed' ? 'deployed' : 'failed';
}
