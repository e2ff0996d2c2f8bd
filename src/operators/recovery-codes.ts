import { createHmac, hkdfSync, randomInt } from 'node:crypto';

/** Crockford's base32 in small letters: nothing in it is mistaken for something else when it is typed off paper. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 10;
const TYPED = /^[0-9a-hjkmnp-tv-z]{10}$/u;
export const RECOVERY_CODES = 10;

/** Ten fresh codes of 50 random bits, as they are shown: `xxxxx-xxxxx`. */
export function newRecoveryCodes(): readonly string[] {
  const codes = new Set<string>();
  while (codes.size < RECOVERY_CODES) {
    const letters = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    codes.add(`${letters.slice(0, 5)}-${letters.slice(5)}`);
  }
  return [...codes];
}

/** What was typed as a recovery code, bare; null where it is none. Letters' case, dashes and spaces are of no matter. */
export function recoveryCodeOf(typed: string): string | null {
  const code = bare(typed);
  return TYPED.test(code) ? code : null;
}

function bare(code: string): string {
  return code.toLowerCase().replaceAll(/[\s-]/gu, '');
}

/** What is stored of a recovery code. */
export type HashRecoveryCode = (code: string, operatorId: string) => string;

/**
 * Keyed by a key of its own that is derived from `key` (32 bytes): without it, a copy of the database is no place to try
 * codes at. The operator's id is part of what is hashed, so that a row that is moved to another operator opens nothing.
 */
export function createRecoveryHash(key: Uint8Array): HashRecoveryCode {
  const own = Buffer.from(hkdfSync('sha256', key, '', 'flag-promotions recovery codes v1', 32));
  return (code, operatorId) =>
    createHmac('sha256', own)
      .update(`${operatorId}\n${bare(code)}`)
      .digest('base64url');
}
