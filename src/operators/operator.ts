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
