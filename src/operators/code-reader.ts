import type { CodeCheck } from './code-check.js';
import { type RecoveryHash, recoveryCodeOf } from './recovery-codes.js';
import { type SecretBox, SecretBoxError, type Shut } from './secret-box.js';
import { type Authenticator, checkCode, countedFailure, failuresSoFar } from './totp.js';

/** What is stored to prove an operator's identity. */
export interface StoredProofs extends Omit<Authenticator, 'secret'> {
  readonly operatorId: string;
  readonly sealedSecret: string;
  readonly recoveryCodes: readonly { readonly hash: string; readonly usedAt: Date | null }[];
}

const isUnused = ({ usedAt }: StoredProofs['recoveryCodes'][number]): boolean => usedAt === null;

/**
 * Reads a typed TOTP code, or a recovery code in its place. `check` is pure: the caller stores its answer in the
 * transaction of what the code authorises. A code that none of our keys can check doesn't count as a guess.
 */
export function createCodeReader(box: SecretBox, hash: RecoveryHash) {
  return (typed: string, now: Date) => {
    const recoveryCode = recoveryCodeOf(typed);
    const check = (stored: StoredProofs): CodeCheck =>
      recoveryCode === null ? checkTotp(typed, stored, now) : checkRecoveryCode(recoveryCode, stored, now);
    return { isRecoveryCode: recoveryCode !== null, check };
  };

  function checkTotp(typed: string, stored: StoredProofs, now: Date): CodeCheck {
    const opened = openSecret(stored);
    return 'shut' in opened ? { kind: 'unreadable' } : checkCode(typed, { ...stored, secret: opened.secret }, now);
  }

  function checkRecoveryCode(recoveryCode: string, stored: StoredProofs, now: Date): CodeCheck {
    const { lockedUntil } = stored;
    if (lockedUntil !== null && lockedUntil > now) return { kind: 'locked', lockedUntil };
    const hashed = hash.all(recoveryCode, stored.operatorId);
    const known = stored.recoveryCodes.find((one) => hashed.includes(one.hash));
    if (known === undefined) return isOfAnotherKey(stored) ? { kind: 'unreadable' } : countedFailure(stored, now);
    return known.usedAt === null
      ? { kind: 'accepted', recoveryCode: known.hash, left: stored.recoveryCodes.filter(isUnused).length - 1 }
      : { kind: 'rejected', reason: 'reused', failedAttempts: failuresSoFar(stored), lockedUntil: null };
  }

  function openSecret({
    sealedSecret,
    operatorId,
  }: StoredProofs): { readonly secret: string } | { readonly shut: Shut } {
    try {
      return { secret: box.open(sealedSecret, operatorId) };
    } catch (error) {
      if (error instanceof SecretBoxError) return { shut: error.reason };
      throw error;
    }
  }

  /** A hash without a key id was made with the key that sealed the secret beside it. */
  function isOfAnotherKey(stored: StoredProofs): boolean {
    const opened = openSecret(stored);
    const isShut = 'shut' in opened && opened.shut !== 'damaged';
    return stored.recoveryCodes.some(({ hash: known }) =>
      hash.keyIdOf(known) === null ? isShut : hash.isOfAnotherKey(known),
    );
  }
}
