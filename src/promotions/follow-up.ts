import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import { type Operator, type RoleRefusal, roleRefusal } from '../operators/operator.js';
import type { AllowedConfigVars } from './config-vars.js';
import type { Evidence } from './evidence.js';
import type { FollowUp, Since } from './progress.js';
import type { Promotion, RowChanged } from './promotion.js';
import { refuseSamePerson, type SamePerson, type TakesSecondPerson } from './second-person.js';
import type { SetBack } from './set-back.js';

export type { FollowUp } from './progress.js';

/** A deployed promotion among the others of its app and config var. */
export interface Standing extends Since {
  readonly promotion: Promotion;
  /** What reverting it would set. */
  readonly setBack: SetBack;
  /** The id of the promotion that this one reverts; null: it is no revert. */
  readonly reverts: string | null;
}

/** What an operator submitted, besides the code. */
export interface FollowUpRequest {
  readonly promotionId: string;
  readonly followUp: FollowUp;
  readonly operatorId: string;
  /** What Heroku said when the form was shown, and when it was read again. */
  readonly shown: Evidence | null;
  readonly reread: Evidence | null;
  readonly isAsShown: (promotion: Promotion) => boolean;
  readonly takesSecondPerson: TakesSecondPerson;
  readonly configVars: AllowedConfigVars;
}

/** Why nothing was started: expected answers, not faults. */
export type FollowUpRefusal =
  | { readonly kind: 'unknown_promotion' }
  | { readonly kind: RoleRefusal }
  | { readonly kind: 'not_deployed'; readonly promotion: Promotion }
  /** A later promotion of the same config var counts. */
  | { readonly kind: 'superseded'; readonly promotion: Promotion; readonly by: Promotion }
  /** Another promotion of the same config var is marked or under way. */
  | { readonly kind: 'active'; readonly promotion: Promotion }
  /** It was started already; `byThisRequest`: by this operator. */
  | { readonly kind: 'already'; readonly promotion: Promotion; readonly byThisRequest: boolean }
  | { readonly kind: 'value_unknown'; readonly promotion: Promotion }
  /** Heroku had the value before the promotion: it changed nothing. */
  | { readonly kind: 'changed_nothing'; readonly promotion: Promotion }
  | { readonly kind: 'not_allowed'; readonly promotion: Promotion }
  | SamePerson
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

export type FollowUpDecision =
  | {
      readonly kind: 'do';
      readonly promotion: Promotion;
      /** The value to set; null: remove the config var. */
      readonly value: string | null;
      readonly check: AcceptedCode;
    }
  | FollowUpRefusal
  | RowChanged;

type Asking = Pick<FollowUpRequest, 'followUp' | 'operatorId' | 'takesSecondPerson' | 'configVars'>;

/**
 * Why a follow-up can't start, before any code is typed; null if it can. Pure. Takes a superadmin, like promoting: it
 * changes production.
 */
export function refuseFollowUp(
  asking: Asking,
  standing: Standing | null,
  operator: Operator | null,
): FollowUpRefusal | null {
  const role = roleRefusal('superadmin', operator);
  if (role !== null) return { kind: role };
  if (standing === null) return { kind: 'unknown_promotion' };
  const { promotion } = standing;
  const already = startedAlready(asking, standing);
  if (already !== null) return already;
  if (promotion.state !== 'deployed') return { kind: 'not_deployed', promotion };
  if (standing.newest !== null && standing.newest.id !== promotion.id) {
    return { kind: 'superseded', promotion, by: standing.newest };
  }
  if (standing.active !== null) return { kind: 'active', promotion: standing.active };
  return refuseByValue(asking, standing) ?? refuseSamePerson(promotion, asking.operatorId, asking.takesSecondPerson);
}

/** The value that a follow-up sets. Call only if it isn't refused. */
export function valueToSet(followUp: FollowUp, { promotion, setBack }: Standing): string | null {
  if (followUp === 'set_again') return promotion.targetValue;
  return setBack.kind === 'known' ? setBack.value : null;
}

/** Decides from locked rows. Checks the code last, so that a refusal never burns one. */
export function decideFollowUp(
  request: FollowUpRequest,
  locked: { readonly standing: Standing | null; readonly operator: Operator | null },
  checkCode: () => CodeCheck,
): FollowUpDecision {
  const { standing, operator } = locked;
  const refusal = refuseFollowUp(request, standing, operator);
  // A later promotion changes what the form has to show.
  if (refusal?.kind === 'superseded') return { kind: 'row_changed' };
  if (refusal !== null) return refusal;
  if (standing === null) return { kind: 'unknown_promotion' };
  if (!request.isAsShown(standing.promotion)) return { kind: 'row_changed' };
  const check = checkCode();
  if (check.kind !== 'accepted') return { kind: 'code_refused', check };
  return { kind: 'do', promotion: standing.promotion, value: valueToSet(request.followUp, standing), check };
}

/** One that failed or was cancelled changed nothing, so it may be started again. */
function startedAlready({ operatorId }: Asking, standing: Standing): FollowUpRefusal | null {
  const { followedBy, active, newest } = standing;
  const started = [active, newest].find((one) => one !== null && one.id === followedBy?.promotionId);
  if (started == null || followedBy === null) return null;
  return { kind: 'already', promotion: started, byThisRequest: followedBy.operatorId === operatorId };
}

function refuseByValue({ followUp, configVars }: Asking, { promotion, setBack }: Standing): FollowUpRefusal | null {
  if (!configVars.maySet(promotion.configVar)) return { kind: 'not_allowed', promotion };
  if (followUp === 'set_again' || setBack.kind === 'known') return null;
  return { kind: setBack.kind === 'held_already' ? 'changed_nothing' : 'value_unknown', promotion };
}
