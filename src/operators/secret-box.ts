import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 'v1';
const SEALED = /^v1\.([\w-]+)$/u;

/** A stored TOTP secret that cannot be opened: another key, another operator's row, or damage. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError';
  constructor(cause?: unknown) {
    super(
      'The stored TOTP secret cannot be decrypted: TOTP_ENCRYPTION_KEY is not the one it was stored under, or the row was altered. Restore the key, or enrol the operator again.',
      { cause },
    );
  }
}

/** Encrypts operators' TOTP secrets at rest. */
export interface SecretBox {
  /** AES-256-GCM under a fresh IV; the operator's id is bound to the result as associated data. */
  seal(secret: string, operatorId: string): string;
  /** @throws {SecretBoxError} where key, operator or ciphertext do not belong together */
  open(sealed: string, operatorId: string): string;
}

/** `key` is 32 bytes. The sealed form is `v1.<base64url of iv, tag, ciphertext>`. */
export function createSecretBox(key: Uint8Array): SecretBox {
  return {
    seal(secret, operatorId) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(operatorId));
      const ciphertext = Buffer.concat([cipher.update(Buffer.from(secret)), cipher.final()]);
      return `${FORMAT}.${Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64url')}`;
    },
    open(sealed, operatorId) {
      // Matched whole: the decoder would pass over what does not belong.
      const encoded = SEALED.exec(sealed)?.[1];
      if (encoded === undefined) throw new SecretBoxError();
      try {
        const bytes = Buffer.from(encoded, 'base64url');
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(Buffer.from(operatorId));
        decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString();
      } catch (cause) {
        throw new SecretBoxError(cause);
      }
    },
  };
}
