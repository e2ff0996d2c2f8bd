/** The lesser one first. */
export const ROLES = ['engineer', 'superadmin'] as const;
export type Role = (typeof ROLES)[number];

/** A Slack user with a role. */
export interface Operator {
  readonly slackUserId: string;
  readonly role: Role;
  readonly disabledAt: Date | null;
}

/** Whether this is an enabled operator of any role. Linking an RCA takes no more. */
export function isOperator(operator: Operator | null): operator is Operator {
  return operator !== null && operator.disabledAt === null;
}

/** Whether this is an enabled superadmin. Resolving and promoting take one, and a code. */
export function isSuperadmin(operator: Operator | null): operator is Operator {
  return isOperator(operator) && operator.role === 'superadmin';
}

export type RoleRefusal = 'not_superadmin' | 'not_operator';

/** Why a person may not do what takes a superadmin, or any operator; null if they may. */
export function roleRefusal(needs: 'superadmin' | 'operator', person: Operator | null): RoleRefusal | null {
  if (needs === 'superadmin') return isSuperadmin(person) ? null : 'not_superadmin';
  return isOperator(person) ? null : 'not_operator';
}
