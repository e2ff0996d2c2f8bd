import type { CodeCheck } from './code-check.js';
import { type HashRecoveryCode, recoveryCodeOf } from './recovery-codes.js';
import type { SecretBox } from './secret-box.js';
import { type Authenticator, checkCode, countedFailure, failuresSoFar } from './totp.js';

/** What is stored of how an operator proves who they are. */
export interface StoredProofs extends Omit<Authenticator, 'secret'> {
  readonly operatorId: string;
  readonly sealedSecret: string;
  readonly recoveryCodes: readonly { readonly hash: string; readonly usedAt: Date | null }[];
}

const isUnused = ({ usedAt }: StoredProofs['recoveryCodes'][number]): boolean => usedAt === null;

/**
 * Reads what was typed where a code is asked for: a TOTP code, or a recovery code in its place, for which alone the stored
 * recovery codes are looked at. `check` is pure: whoever calls it stores what it answers, in the transaction of what the code
 * authorises.
 */
export function createCodeReader(box: SecretBox, hash: HashRecoveryCode) {
  return (typed: string, now: Date) => {
    const recoveryCode = recoveryCodeOf(typed);
    const check = (stored: StoredProofs): CodeCheck =>
      recoveryCode === null
        ? checkCode(typed, { ...stored, secret: box.open(stored.sealedSecret, stored.operatorId) }, now)
        : checkRecoveryCode(recoveryCode, stored, now);
    return { isRecoveryCode: recoveryCode !== null, check };
  };

  function checkRecoveryCode(recoveryCode: string, stored: StoredProofs, now: Date): CodeCheck {
    const { lockedUntil } = stored;
    if (lockedUntil !== null && lockedUntil > now) return { kind: 'locked', lockedUntil };
    const hashed = hash(recoveryCode, stored.operatorId);
    const known = stored.recoveryCodes.find((one) => one.hash === hashed);
    if (known === undefined) return countedFailure(stored, now);
    return known.usedAt === null
      ? { kind: 'accepted', recoveryCode: hashed, left: stored.recoveryCodes.filter(isUnused).length - 1 }
      : { kind: 'rejected', reason: 'reused', failedAttempts: failuresSoFar(stored), lockedUntil: null };
  }
}
