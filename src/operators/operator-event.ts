import type { Role } from './operator.js';

/** Something about an operator that superadmins are told. */
export interface OperatorEvent {
  /** As the audit log names it. */
  readonly action: string;
  /** A Slack user's id, or who else did it. */
  readonly actor: string;
  readonly operator: string;
  readonly role: Role | null;
  readonly formerRole: Role | null;
  readonly invitedBy: string | null;
  readonly lockedUntil: Date | null;
  /** The number of consecutive locks. */
  readonly locks: number;
}
