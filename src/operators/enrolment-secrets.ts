import { createHash, randomBytes } from 'node:crypto';
import { generateSecret, generateURI, ScureBase32Plugin } from 'otplib';
import type { FirstCodeCheck } from './enrolment.js';
import { matchingStep } from './totp.js';

const ISSUER = 'flag-promotions';

/** A new TOTP secret: 160 random bits in base32, as RFC 4226 section 4 recommends. */
export function newSecret(): string {
  return generateSecret({ length: 20 });
}

/** The `otpauth://` address that authenticator apps read from a QR code. It holds the secret. */
export function enrolmentUri(secret: string, operatorId: string): string {
  return generateURI({ issuer: ISSUER, label: operatorId, secret });
}

/** RFC 4226 section 4: a shared secret has at least 128 bits. */
const SECRET_BYTES_LEAST = 16;

/** Why a given secret cannot be used; null if it can. */
export function base32Problem(secret: string): string | null {
  const malformed = 'must be base32 in capitals (A to Z and 2 to 7), whole, without spaces or padding.';
  if (!/^[A-Z2-7]+$/u.test(secret)) return malformed;
  let bytes: Uint8Array;
  try {
    bytes = new ScureBase32Plugin().decode(secret);
  } catch {
    return malformed;
  }
  return bytes.length < SECRET_BYTES_LEAST ? 'must hold at least 128 bits: 26 characters (RFC 4226 section 4).' : null;
}

/** A link's token: 256 random bits, in letters that an address can carry. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether a text has a token's form. */
export function isToken(text: string): boolean {
  return /^[\w-]{43}$/u.test(text);
}

/** A token's stored hash, which finds its row: nobody can get the link back from it. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Judges the first code made with a fresh secret. */
export function checkFirstCode(code: string, secret: string, now: Date): FirstCodeCheck {
  const digits = code.replaceAll(/\s/gu, '');
  if (!/^\d{6}$/u.test(digits)) return { kind: 'malformed' };
  const step = matchingStep(digits, secret, now);
  return step === null ? { kind: 'wrong' } : { kind: 'right', step };
}
