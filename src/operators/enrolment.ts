import { generateSecret, generateURI } from 'otplib';

const ISSUER = 'flag-promotions';

/** A new TOTP secret: 160 random bits in base32, as RFC 4226 section 4 recommends. */
export function newSecret(): string {
  return generateSecret({ length: 20 });
}

/** The `otpauth://` address that authenticator apps read from a QR code. It holds the secret. */
export function enrolmentUri(secret: string, operatorId: string): string {
  return generateURI({ issuer: ISSUER, label: operatorId, secret });
}

/** Why a given secret cannot be used; null where it can. */
export function base32Problem(secret: string): string | null {
  if (!/^[A-Z2-7]+$/u.test(secret)) return 'must be base32 in capitals: A to Z and 2 to 7, without spaces or padding.';
  return secret.length < 26 ? 'must have at least 26 characters: 128 bits (RFC 4226 section 4).' : null;
}
