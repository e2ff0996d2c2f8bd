import { createHmac, hkdfSync } from 'node:crypto';
import type { Promotion } from '../promotions/promotion.js';

/** Stands for all that a form showed of a promotion: changes as soon as one of those columns does. */
export type FingerprintRow = (promotion: Promotion) => string;

/**
 * Keyed by a key derived from `key` (32 bytes): a form travels through Slack, and from an unkeyed hash its reader could
 * guess the previous value.
 */
export function createRowFingerprint(key: Uint8Array): FingerprintRow {
  const own = Buffer.from(hkdfSync('sha256', key, '', 'flag-promotions row fingerprint v1', 32));
  return (promotion) => {
    const { flagKey, herokuApp, configVar, targetValue, previousValue, checkpoint, markedBy, promotedBy } = promotion;
    const shown = [flagKey, herokuApp, configVar, targetValue, previousValue, checkpoint, markedBy, promotedBy];
    return createHmac('sha256', own).update(JSON.stringify(shown)).digest('base64url');
  };
}
