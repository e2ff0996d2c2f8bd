import { isLock, type RefusedCode, refusalWord } from '../operators/code-check.js';
import type { HandlerDependencies } from './dependencies.js';

/** Counts a refused code, and announces a lock to the operator and the superadmins. */
export function noteRefusedCode(deps: HandlerDependencies, check: RefusedCode): void {
  deps.onCodeRefused(refusalWord(check));
  if (!isLock(check)) return;
  deps.onLocked();
  void deps.announce();
}
