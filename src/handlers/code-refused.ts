import { isLock, type RefusedCode, refusalWord } from '../operators/code-check.js';
import { referenceNote } from '../reference.js';
import type { FieldErrors } from '../views/blocks.js';
import { BLOCK } from '../views/ids.js';
import type { HandlerDependencies } from './dependencies.js';
import type { SubmitAnswer } from './submission.js';

/** Counts a refused code, and announces a lock to the operator and the superadmins. */
export function noteRefusedCode(deps: HandlerDependencies, check: RefusedCode): void {
  deps.onCodeRefused(refusalWord(check));
  if (check.kind === 'unreadable')
    deps.log.error('a code could not be checked: TOTP_ENCRYPTION_KEY does not open the operator’s secret');
  if (!isLock(check)) return;
  deps.onLocked();
  void deps.announce();
}

/** A refusal under its fields, with the reference if the app couldn't check the code. */
export function underFields(
  refusal: { readonly kind: string; readonly check?: RefusedCode },
  errors: FieldErrors,
): SubmitAnswer {
  const said = errors[BLOCK.code];
  const isFault = refusal.kind === 'code_refused' && refusal.check?.kind === 'unreadable' && said !== undefined;
  return { kind: 'errors', errors: isFault ? { ...errors, [BLOCK.code]: `${said}${referenceNote()}` } : errors };
}
