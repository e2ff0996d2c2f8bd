import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { keyId } from './keys.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 'v1';
/** Earlier versions wrote no key's id. */
const SEALED = /^v1\.(?:([0-9a-f]{8})\.)?([\w-]+)$/u;

/**
 * Why a sealed secret can't be opened: no key of ours sealed it, none opens it (it names no key), or the row was
 * altered.
 */
export type Shut = 'unknown_key' | 'not_opened' | 'damaged';

/** A stored TOTP secret that cannot be opened: another key, another operator's row, or damage. */
export class SecretBoxError extends Error {
  readonly code = 'secret_shut';
  override readonly name = 'SecretBoxError';
  constructor(
    readonly reason: Shut,
    cause?: unknown,
  ) {
    super(
      'The stored TOTP secret cannot be decrypted: TOTP_ENCRYPTION_KEY lacks the key it was stored under, or the row was altered. Restore the key, or enrol the operator again.',
      { cause },
    );
  }
}

interface Opened {
  readonly secret: string;
  /** The id of the key that opened it. */
  readonly keyId: string;
}

/** Encrypts operators' TOTP secrets at rest. */
export interface SecretBox {
  /** The id of the key that seals. */
  readonly sealsWith: string;
  /** AES-256-GCM under a fresh IV; the operator's id is bound to the result as associated data. */
  seal(secret: string, operatorId: string): string;
  /** @throws {SecretBoxError} if key, operator and ciphertext do not belong together */
  open(sealed: string, operatorId: string): string;
  /** The same, and which key opened it. */
  openWith(sealed: string, operatorId: string): Opened;
  /** Whether a sealed secret names the key that seals now. */
  isCurrent(sealed: string): boolean;
}

/**
 * Each key is 32 bytes. The first seals, all open. The sealed form is `v1.<id of the key>.<base64url of iv, tag,
 * ciphertext>`.
 */
export function createSecretBox(first: Uint8Array, ...others: readonly Uint8Array[]): SecretBox {
  const keys = new Map([first, ...others].map((key) => [keyId(key), key]));
  const sealsWith = keyId(first);

  function openWith(sealed: string, operatorId: string): Opened {
    // Matched whole: the decoder would skip invalid characters.
    const [, id, encoded] = SEALED.exec(sealed) ?? [];
    if (encoded === undefined) throw new SecretBoxError('damaged');
    const tried = id === undefined ? [...keys] : [...keys].filter(([known]) => known === id);
    if (tried.length === 0) throw new SecretBoxError('unknown_key');
    let cause: unknown;
    for (const [known, key] of tried) {
      try {
        return { secret: decrypt(encoded, operatorId, key), keyId: known };
      } catch (error) {
        cause = error;
      }
    }
    throw new SecretBoxError(id === undefined ? 'not_opened' : 'damaged', cause);
  }

  return {
    sealsWith,
    seal(secret, operatorId) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', first, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(operatorId));
      const ciphertext = Buffer.concat([cipher.update(Buffer.from(secret)), cipher.final()]);
      return `${FORMAT}.${sealsWith}.${Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64url')}`;
    },
    open: (sealed, operatorId) => openWith(sealed, operatorId).secret,
    openWith,
    isCurrent: (sealed) => SEALED.exec(sealed)?.[1] === sealsWith,
  };
}

function decrypt(encoded: string, operatorId: string, key: Uint8Array): string {
  const bytes = Buffer.from(encoded, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(operatorId));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString();
}

/** A secret as it is stored. */
export interface StoredSecret {
  readonly slackUserId: string;
  readonly sealedSecret: string;
}

/** Why these secrets can't have been sealed with a box's keys. */
export interface KeyTrouble {
  /** Whose secrets it can't open. */
  readonly operators: readonly string[];
  /** The ids of the missing keys, as far as the secrets name them. */
  readonly keyIds: readonly string[];
}

/**
 * Whether the keys are the wrong ones; null if not: a secret names a key that they lack, or they open none at all. One
 * that names no key and stays shut while others open may be damaged, so it proves nothing.
 */
export function findKeyTrouble(box: SecretBox, stored: readonly StoredSecret[]): KeyTrouble | null {
  const shut = stored.flatMap((one) => {
    try {
      box.open(one.sealedSecret, one.slackUserId);
      return [];
    } catch (error) {
      if (!(error instanceof SecretBoxError)) throw error;
      return [{ ...one, reason: error.reason }];
    }
  });
  const unknown = shut.filter(({ reason }) => reason === 'unknown_key');
  const isNoneOpen = shut.length === stored.length && shut.some(({ reason }) => reason === 'not_opened');
  if (unknown.length === 0 && !isNoneOpen) return null;
  const at = isNoneOpen ? shut : unknown;
  return {
    operators: at.map(({ slackUserId }) => slackUserId),
    keyIds: [...new Set(unknown.map(({ sealedSecret }) => SEALED.exec(sealedSecret)?.[1] ?? ''))],
  };
}

/** The keys are the wrong ones: no code could be checked. Its message is for the app's administrator. */
export class WrongKeyError extends Error {
  readonly code = 'wrong_key';
  override readonly name = 'WrongKeyError';
  constructor({ operators, keyIds }: KeyTrouble) {
    const whose = `${operators.slice(0, 10).join(', ')}${operators.length > 10 ? ` and ${operators.length - 10} more` : ''}`;
    const sealed =
      keyIds.length === 0 ? '' : ` It lacks ${keyIds.length === 1 ? 'the key' : 'the keys'} ${keyIds.join(', ')}.`;
    super(
      `TOTP_ENCRYPTION_KEY doesn’t open the secrets of ${whose}, so none of their codes could be checked.${sealed} Set the former key again, beside the new one if there is one (new,former). If it is lost: flag-promotions operators reset <id>, for each of them.`,
    );
  }
}
