import type { AcceptedCode, CodeCheck, RefusedCode } from '../operators/code-check.js';
import { isSuperadmin, type Operator } from '../operators/operator.js';
import { contradicts, type Evidence, type ResolutionAction } from './evidence.js';
import { endedAt, isDeploying, type Promotion, type RowChanged } from './promotion.js';
import { checkRcaUrl, type RcaUrlFault } from './rca-url.js';
import { refuseSamePerson, type SamePerson, type TakesSecondPerson } from './second-person.js';

export const NOTE_MAX_LENGTH = 1_000;

export interface ResolutionFields {
  readonly note: string | null;
  readonly rcaUrl: string | null;
}

/** What is wrong with each field; a valid field is absent. */
export interface ResolutionFieldFaults {
  readonly note?: 'missing' | 'too_long';
  readonly rcaUrl?: RcaUrlFault;
}

/** Checks the note and RCA URL as typed; empty means not given. */
export function checkResolutionFields(
  action: ResolutionAction,
  typed: { readonly note: string; readonly rcaUrl: string },
  rcaUrlHosts: readonly string[],
):
  | { readonly ok: true; readonly fields: ResolutionFields }
  | { readonly ok: false; readonly faults: ResolutionFieldFaults } {
  const { note } = typed;
  const faulty = noteFault(action, note);
  const rca = typed.rcaUrl === '' ? null : checkRcaUrl(typed.rcaUrl, rcaUrlHosts);
  if (faulty !== null || rca?.ok === false) {
    return {
      ok: false,
      faults: { ...(faulty === null ? {} : { note: faulty }), ...(rca?.ok === false ? { rcaUrl: rca.fault } : {}) },
    };
  }
  return { ok: true, fields: { note: note === '' ? null : note, rcaUrl: rca?.url ?? null } };
}

function noteFault(action: ResolutionAction, note: string): 'missing' | 'too_long' | null {
  if (note.length > NOTE_MAX_LENGTH) return 'too_long';
  return action === 'failed' && note === '' ? 'missing' : null;
}

/** What an operator submitted, besides the code. */
export interface ResolutionRequest {
  readonly promotionId: string;
  readonly action: ResolutionAction;
  readonly operatorId: string;
  readonly note: string | null;
  readonly rcaUrl: string | null;
  /** The evidence that the modal showed, and that read again at submission. */
  readonly shown: Evidence;
  readonly reread: Evidence;
  /** The operator ticked *Override Heroku*. */
  readonly confirmedContradiction: boolean;
  /** The operator chose `failed`, and also to restore the previous value. */
  readonly setBack: boolean;
  readonly isAsShown: (promotion: Promotion) => boolean;
  readonly takesSecondPerson: TakesSecondPerson;
}

/** Why nothing was resolved: expected answers, not faults. */
export type ResolutionRefusal =
  | { readonly kind: 'unknown_promotion' }
  | { readonly kind: 'not_superadmin' }
  | {
      readonly kind: 'already_resolved';
      readonly promotion: Promotion;
      readonly at: Date;
      /** The same operator asked for the same outcome: their first submission succeeded. */
      readonly byThisRequest: boolean;
    }
  | { readonly kind: 'not_deploying'; readonly promotion: Promotion }
  | { readonly kind: 'contradiction_unconfirmed' }
  | SamePerson
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

export interface Resolvable {
  readonly promotion: Promotion;
  readonly check: AcceptedCode;
}

export type ResolutionDecision = ({ readonly kind: 'resolve' } & Resolvable) | ResolutionRefusal | RowChanged;

/**
 * Decides from locked rows. Checks the code last and only if all else holds, so that a refusal never burns a code or
 * counts against the operator.
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
