import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import { type Operator, type RoleRefusal, roleRefusal } from '../operators/operator.js';
import type { Evidence } from './evidence.js';
import type { Promotion, RowChanged } from './promotion.js';
import { refuseSamePerson, type SamePerson, type TakesSecondPerson } from './second-person.js';

/** What an operator can do to a marked promotion. */
export type Transition = 'promote' | 'cancel';

/** What an operator submitted, besides the code. */
export interface TransitionRequest {
  readonly promotionId: string;
  readonly transition: Transition;
  readonly operatorId: string;
  /** What Heroku said when the form was shown, and when it was read again; null: not asked. */
  readonly shown: Evidence | null;
  readonly reread: Evidence | null;
  readonly isAsShown: (promotion: Promotion) => boolean;
  readonly takesSecondPerson: TakesSecondPerson;
}

/** Why it was not done: expected answers, not faults. */
export type TransitionRefusal =
  | { readonly kind: 'unknown_promotion' }
  | { readonly kind: 'not_superadmin' }
  | { readonly kind: 'not_operator' }
  | {
      readonly kind: 'not_marked';
      readonly promotion: Promotion;
      /** The same operator asked for the same before: that submission succeeded. */
      readonly byThisRequest: boolean;
    }
  | SamePerson
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

export interface Authorised {
  readonly promotion: Promotion;
  readonly check: AcceptedCode;
}

export type TransitionDecision = ({ readonly kind: 'do' } & Authorised) | TransitionRefusal | RowChanged;

/**
 * Decides from locked rows. Promoting takes a superadmin, because it changes production; cancelling any operator.
 * Checks the code last, so that a refusal never burns one.
 */
export function decideTransition(
  request: TransitionRequest,
  locked: { readonly promotion: Promotion | null; readonly operator: Operator | null },
  checkCode: () => CodeCheck,
): TransitionDecision {
  const { promotion, operator } = locked;
  const refusal = refuseByRole(request.transition, operator);
  if (refusal !== null) return { kind: refusal };
  if (promotion === null) return { kind: 'unknown_promotion' };
  if (promotion.state !== 'marked') {
    return { kind: 'not_marked', promotion, byThisRequest: wasDoneBy(request, promotion) };
  }
  const samePerson = refuseAlone(request.transition, promotion, request.operatorId, request.takesSecondPerson);
  if (samePerson !== null) return samePerson;
  if (!request.isAsShown(promotion)) return { kind: 'row_changed' };
  const check = checkCode();
  return check.kind === 'accepted' ? { kind: 'do', promotion, check } : { kind: 'code_refused', check };
}

/** Why a second person is needed; null if this one may. Whoever marked something may always cancel it. */
export function refuseAlone(
  transition: Transition,
  promotion: Promotion,
  operatorId: string,
  takes: TakesSecondPerson,
): SamePerson | null {
  return transition === 'promote' ? refuseSamePerson(promotion, operatorId, takes) : null;
}

/** Why a person's role doesn't allow it; null if it does. */
export function refuseByRole(transition: Transition, operator: Operator | null): RoleRefusal | null {
  return roleRefusal(transition === 'promote' ? 'superadmin' : 'operator', operator);
}

function wasDoneBy({ transition, operatorId }: TransitionRequest, promotion: Promotion): boolean {
  return transition === 'promote'
    ? promotion.promotedBy === operatorId
    : promotion.state === 'cancelled' && promotion.resolvedBy === operatorId;
}
