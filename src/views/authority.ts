import type { RefusedCode } from '../operators/code-check.js';
import type { Operator } from '../operators/operator.js';
import { type Field, plainText } from './blocks.js';
import { BLOCK, INPUT } from './ids.js';
import { person } from './text.js';

/* Who may do what, and the code that proves it, in words. */

/** The field that takes a TOTP code. */
export function codeInput(): Field {
  return {
    type: 'input',
    block_id: BLOCK.code,
    label: plainText('TOTP code'),
    hint: plainText(
      'The 6 digits that your authenticator app shows now, or one of your recovery codes. Either works once.',
    ),
    element: {
      type: 'plain_text_input',
      action_id: INPUT,
      min_length: 6,
      max_length: 12,
      placeholder: plainText('123456'),
    },
  };
}

export const WHY_A_CODE = 'A code is asked for so that a Slack account alone, stolen or borrowed, can change nothing.';

/** Why a code was not taken, for under its field. */
export function codeWords(check: RefusedCode, now: Date): string {
  if (check.kind === 'locked') return locked(check.lockedUntil, now);
  switch (check.reason) {
    case 'malformed':
      return 'A code has exactly 6 digits; a recovery code reads xxxxx-xxxxx.';
    case 'reused':
      return 'This code was used already. Wait for the next one (at most 30 seconds), or take another recovery code.';
    case 'wrong':
      return check.lockedUntil === null
        ? `This code is not right. Nothing was changed. Is your phone’s clock right? Failures so far: ${check.failedAttempts} of 5.`
        : `This code is not right either. ${locked(check.lockedUntil, now)}`;
  }
}

/** Fields' errors are plain text without date tokens: a span reads the same in every time zone. */
function locked(until: Date, now: Date): string {
  const minutes = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 60_000));
  const time = until.toISOString().slice(11, 16);
  return `Locked after 5 wrong codes. Try again in ${minutes} min (${time} UTC), or ask another superadmin.`;
}

/** Whom to ask. Mentions in an answer that only one person sees notify nobody. `to`: what was asked for, an infinitive. */
export function needsSuperadmin(to: string, superadmins: readonly Operator[]): string {
  const who =
    superadmins.length === 0
      ? 'Nobody has it yet; whoever runs this app can enrol a superadmin with `flag-promotions operators add`.'
      : `Ask ${named(superadmins)}.`;
  return `:lock: You need the superadmin role to ${to}. ${who} Nothing was changed.`;
}

/** The same for what any operator may do. `doing`: what was asked for, a gerund. */
export function needsOperator(doing: string, superadmins: readonly Operator[]): string {
  const who = superadmins.length === 0 ? 'a superadmin' : named(superadmins);
  return `:lock: ${doing} takes an operator’s role. Ask ${who} to do it, or to add you. Nothing was changed.`;
}

function named(operators: readonly Operator[]): string {
  return operators
    .slice(0, 5)
    .map((operator) => person(operator.slackUserId))
    .join(' or ');
}
