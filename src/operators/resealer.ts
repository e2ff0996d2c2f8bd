import type { RecoveryHash } from './recovery-codes.js';
import { type SecretBox, SecretBoxError } from './secret-box.js';

/** Re-seals with the first key what former keys sealed. See `Resealer` in `db/resealing.ts`. */
export function createResealer(box: SecretBox, { keyIdOf }: Pick<RecoveryHash, 'keyIdOf'>) {
  return {
    keyId: box.sealsWith,
    keyIdOf,
    reseal(sealed: string, to: string) {
      try {
        const { secret, keyId } = box.openWith(sealed, to);
        return { keyId, sealed: box.isCurrent(sealed) ? null : box.seal(secret, to) };
      } catch (error) {
        if (error instanceof SecretBoxError) return null;
        throw error;
      }
    },
  };
}
