import type { OperatorEvent } from '../operators/operator-event.js';
import type { Role } from '../operators/operator.js';
import { type Answer, context, section } from './blocks.js';
import { COMMAND } from './ids.js';
import { code, person, when } from './text.js';

const A_ROLE: Record<Role, string> = { engineer: 'an engineer', superadmin: 'a superadmin' };
const SLACK_ID = /^[UW][A-Z0-9]+$/u;

/** The notice to a superadmin about a change of operators, or to an operator about their lock; null: no notice. */
export function operatorNotice(event: OperatorEvent, readBy: string): Answer | null {
  const text = textOf(event, readBy);
  if (text === null) return null;
  return {
    text,
    blocks: [
      section(text),
      context(`Didn’t expect this? Ask them by phone. Who may do what: ${code(`${COMMAND} operators`)}`),
    ],
  };
}

function textOf(event: OperatorEvent, readBy: string): string | null {
  const { action, actor, operator, role, invitedBy } = event;
  const by = SLACK_ID.test(actor) ? person(actor) : 'Somebody with a shell on the app’s host';
  const who = person(operator);
  const as = role === null ? '' : ` as ${role}`;
  switch (action.replace('console.flag.operator.', '')) {
    case 'added':
      return `:key: ${by} invited ${who}${as}. Nothing is active yet.`;
    case 'activated':
      return `:key: ${activated(event, by, who)}`;
    case 'rotated':
      return `:key: ${who} replaced their secret.`;
    case 'reset':
      return `:key: ${by} reset ${who}. Their secret and recovery codes stopped working.`;
    case 'disabled':
      return `:no_entry: ${by} disabled ${who}.`;
    case 'forgotten':
      return `:no_entry: ${by} removed ${who}.`;
    case 'unlocked':
      return `:unlock: ${by} unlocked ${who}.`;
    case 'enrolment_declined':
      return `:rotating_light: ${who} says that somebody else used their link${invitedBy === null ? '' : `, which ${person(invitedBy)} had sent`}. Nobody became an operator. Ask them who can read their messages before you send a new one.`;
    case 'enrolment_locked':
      return `:rotating_light: ${who}’s link ended after too many wrong tries. Nobody became an operator.`;
    case 'enrolment_expired':
      return `:hourglass: ${who}’s link was used, but nobody confirmed it within 15 minutes. It changed nothing.`;
    case 'console.flag.promotion.totp_rejected':
      return locked(event, readBy);
    default:
      return null;
  }
}

function activated({ role, formerRole }: OperatorEvent, by: string, who: string): string {
  if (role === null) return `${by} made ${who} an operator.`;
  if (formerRole === role) return `${by} gave ${who} a new secret. They are still ${A_ROLE[role]}.`;
  return formerRole === null
    ? `${by} made ${who} ${A_ROLE[role]}.`
    : `${by} changed ${who} from ${formerRole} to ${role}.`;
}

function locked({ operator, lockedUntil, locks }: OperatorEvent, readBy: string): string {
  const until = lockedUntil === null ? '' : ` until ${when(lockedUntil)}`;
  const row = locks > 1 ? ` This is lock ${locks} in a row; each lasts longer.` : '';
  return operator === readBy
    ? `:rotating_light: Five wrong codes locked you${until}.${row} If it wasn’t you, somebody is using your Slack account: sign out everywhere, and tell a superadmin.`
    : `:rotating_light: Five wrong codes locked ${person(operator)}${until}.${row} Ask them by phone. If it wasn’t them, somebody is using their Slack account. Disable them: ${code(`${COMMAND} operators disable`)}`;
}
