import type { RefusedCode } from '../operators/code-check.js';
import type { SamePerson } from '../promotions/second-person.js';
import type { ChangedSince } from '../promotions/shown.js';
import type { Operator } from '../operators/operator.js';
import { type Block, type Field, plainText, section } from './blocks.js';
import { BLOCK, INPUT } from './ids.js';
import { person, span } from './text.js';

/** Rights, and the code that proves them, in words. */

const CHANGED: Record<ChangedSince, string> = {
  evidence: 'Heroku’s answer changed meanwhile.',
  row: 'This promotion changed meanwhile.',
};

/** Above a form that is shown again. `nothing`: what wasn't done. */
export function lookAgain(changed: ChangedSince, nothing: string): Block {
  return section(lookAgainWords(changed, nothing));
}

export function lookAgainWords(changed: ChangedSince, nothing: string): string {
  return `:warning: *${CHANGED[changed]}* ${nothing} Look again:`;
}

export function codeInput(): Field {
  return {
    type: 'input',
    block_id: BLOCK.code,
    label: plainText('Authenticator code'),
    hint: plainText('6 digits, or a recovery code.'),
    element: {
      type: 'plain_text_input',
      action_id: INPUT,
      min_length: 6,
      max_length: 12,
      placeholder: plainText('123456'),
    },
  };
}

const KEY_MISSING =
  'The app can’t check your code: its TOTP_ENCRYPTION_KEY doesn’t open your secret. Tell the app’s administrator. Nothing was changed. It doesn’t count as a wrong code.';

export function codeWords(check: RefusedCode, now: Date): string {
  if (check.kind === 'locked') return locked(check.lockedUntil, now);
  if (check.kind === 'unreadable') return KEY_MISSING;
  switch (check.reason) {
    case 'malformed':
      return 'A code has exactly 6 digits; a recovery code reads xxxxx-xxxxx.';
    case 'reused':
      return 'Code already used. Wait for the next one (up to 30 s), or take another recovery code.';
    case 'wrong':
      return check.lockedUntil === null
        ? `Wrong code (${check.failedAttempts} of 5). Try the next one; if that fails too, check your phone’s clock.`
        : `Wrong code. ${locked(check.lockedUntil, now)}`;
  }
}

/** Field errors are plain text without date tokens: a span reads the same in every time zone. */
function locked(until: Date, now: Date): string {
  const minutes = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 60_000));
  const time = until.toISOString().slice(11, 16);
  return `Locked after 5 wrong codes. Try again in ${span(minutes * 60_000)} (${time} UTC), or ask another superadmin.`;
}

/** Whom to ask; mentions in an ephemeral answer notify nobody. `to`: what was tried, as `resolve this`. */
export function needsSuperadmin(to: string, superadmins: readonly Operator[]): string {
  const who =
    superadmins.length === 0
      ? 'There is none yet; the app’s administrator can enrol one with `flag-promotions operators add U… --role superadmin`.'
      : `Ask ${named(superadmins)}.`;
  return `:lock: Only a superadmin can ${to}. ${who}`;
}

/** For what any operator may do. `to`: what was tried, as `snooze an alert`. */
export function needsOperator(to: string, superadmins: readonly Operator[]): string {
  const who = superadmins.length === 0 ? 'a superadmin' : named(superadmins);
  return `:lock: Only an operator can ${to}. Ask ${who} to do it, or to add you.`;
}

/** For what needs a person who did nothing to the promotion yet. `to`: what was tried, as `promote this`. */
export function needsSecondPerson(
  to: string,
  { part }: SamePerson,
  { operatorId, superadmins }: { readonly operatorId: string; readonly superadmins: readonly Operator[] },
): string {
  const others = superadmins.filter(({ slackUserId }) => slackUserId !== operatorId);
  const who = others.length === 0 ? 'There is no other superadmin yet.' : `Ask ${named(others)}.`;
  return `:busts_in_silhouette: You ${part} it, so somebody else has to ${to}. ${who}`;
}

function named(operators: readonly Operator[]): string {
  return operators
    .slice(0, 5)
    .map((operator) => person(operator.slackUserId))
    .join(' or ');
}
