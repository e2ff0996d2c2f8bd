import type { AcceptedCode, CodeCheck, RefusedCode } from './code-check.js';
import { isOperator, type Operator, type Role, type RoleRefusal, roleRefusal } from './operator.js';

/** What can be done about an operator from Slack. `rotate` is about oneself, all others about somebody else. */
export const ADMINISTRATION_ACTIONS = ['add', 'reset', 'disable', 'unlock', 'rotate'] as const;
export type AdministrationAction = (typeof ADMINISTRATION_ACTIONS)[number];

export interface AdministrationRequest {
  readonly action: AdministrationAction;
  readonly personId: string;
  /** For `add`. */
  readonly role: Role;
  readonly askedBy: string;
}

export type AdministrationRefusal =
  | { readonly kind: 'not_superadmin' }
  | { readonly kind: 'not_operator' }
  /** Nobody adds, resets or unlocks themselves. */
  | { readonly kind: 'yourself' }
  | { readonly kind: 'unknown_person' }
  | { readonly kind: 'already_operator'; readonly role: Role }
  | { readonly kind: 'already_disabled' }
  | { readonly kind: 'last_superadmin' }
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

export type AdministrationDecision = { readonly kind: 'do'; readonly check: AcceptedCode } | AdministrationRefusal;

/** Decides from rows that the caller has locked; checks the code last, so a refusal never burns one. */
export function decideAdministration(
  request: AdministrationRequest,
  locked: {
    readonly actor: Operator | null;
    readonly person: Operator | null;
    readonly isLastSuperadmin: boolean;
  },
  checkCode: () => CodeCheck,
): AdministrationDecision {
  const refusal = refuseAdministration(request, locked);
  if (refusal !== null) return refusal;
  const check = checkCode();
  return check.kind === 'accepted' ? { kind: 'do', check } : { kind: 'code_refused', check };
}

function refuseAdministration(
  { action, role, personId, askedBy }: AdministrationRequest,
  locked: { readonly actor: Operator | null; readonly person: Operator | null; readonly isLastSuperadmin: boolean },
): AdministrationRefusal | null {
  const roleProblem = refuseAdministrator(action, locked.actor);
  if (roleProblem !== null) return { kind: roleProblem };
  const isSelf = personId === askedBy;
  if (action === 'rotate') return isSelf ? null : { kind: 'not_superadmin' };
  if (isSelf && action !== 'disable') return { kind: 'yourself' };
  const { person } = locked;
  if (action === 'add') {
    return isOperator(person) && person.role === role ? { kind: 'already_operator', role } : null;
  }
  if (person === null) return { kind: 'unknown_person' };
  if (action !== 'disable') return null;
  if (person.disabledAt !== null) return { kind: 'already_disabled' };
  return locked.isLastSuperadmin ? { kind: 'last_superadmin' } : null;
}

/** Why a person's role does not allow it; null if it does. */
export function refuseAdministrator(action: AdministrationAction, actor: Operator | null): RoleRefusal | null {
  return roleRefusal(action === 'rotate' ? 'operator' : 'superadmin', actor);
}
