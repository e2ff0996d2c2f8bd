import { createHmac, hkdfSync, randomInt } from 'node:crypto';
import { keyId } from './keys.js';

/** Crockford's base32 in small letters: nothing is mistaken for something else when typed off paper. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 10;
const TYPED = /^[0-9a-hjkmnp-tv-z]{10}$/u;
const RECOVERY_CODES = 10;

/** Ten fresh codes of 50 random bits, as shown: `xxxxx-xxxxx`. */
export function newRecoveryCodes(): readonly string[] {
  const codes = new Set<string>();
  while (codes.size < RECOVERY_CODES) {
    const letters = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    codes.add(`${letters.slice(0, 5)}-${letters.slice(5)}`);
  }
  return [...codes];
}

/** A typed recovery code, normalised; null if it isn't one. Ignores case, dashes and spaces. */
export function recoveryCodeOf(typed: string): string | null {
  const code = bare(typed);
  return TYPED.test(code) ? code : null;
}

function bare(code: string): string {
  return code.toLowerCase().replaceAll(/[\s-]/gu, '');
}

export interface RecoveryHash {
  /** A new code's: `<id of the key>.<hash>`. */
  ofNew(code: string, operatorId: string): string;
  /** Everything that may be stored for a typed code, one for each key and form. */
  all(code: string, operatorId: string): readonly string[];
  /** The id of the key behind a stored hash; null if an earlier version didn't write it. */
  keyIdOf(stored: string): string | null;
  /** Whether no key of ours can have made a stored hash. */
  isOfAnotherKey(stored: string): boolean;
}

const WITH_KEY_ID = /^([0-9a-f]{8})\./u;

/**
 * Keyed by a key derived from each key (32 bytes): nobody can try codes on a copy of the database. The operator's id is
 * hashed too, so a row moved to another operator opens nothing. The first key makes new hashes.
 */
export function createRecoveryHash(first: Uint8Array, ...others: readonly Uint8Array[]): RecoveryHash {
  const keys = [first, ...others].map((key) => ({
    id: keyId(key),
    own: Buffer.from(hkdfSync('sha256', key, '', 'flag-promotions recovery codes v1', 32)),
  }));
  const hashBy = (own: Buffer, code: string, operatorId: string) =>
    createHmac('sha256', own)
      .update(`${operatorId}\n${bare(code)}`)
      .digest('base64url');
  const all: RecoveryHash['all'] = (code, operatorId) =>
    keys.flatMap(({ id, own }) => {
      const hash = hashBy(own, code, operatorId);
      return [`${id}.${hash}`, hash];
    });
  const keyIdOf: RecoveryHash['keyIdOf'] = (stored) => WITH_KEY_ID.exec(stored)?.[1] ?? null;
  return {
    ofNew: (code, operatorId) => all(code, operatorId)[0] ?? '',
    all,
    keyIdOf,
    isOfAnotherKey(stored) {
      const id = keyIdOf(stored);
      return id !== null && keys.every((key) => key.id !== id);
    },
  };
}
