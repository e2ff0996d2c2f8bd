import { hkdfSync } from 'node:crypto';

/**
 * Names a key (32 bytes) beside what it sealed or hashed, so that keys can be rotated: 32 bits that reveal nothing of
 * it.
 */
export function keyId(key: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'flag-promotions key id v1', 4)).toString('hex');
}
