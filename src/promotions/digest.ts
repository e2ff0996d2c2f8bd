import type { MessageRef } from './alert.js';

/** A digest that is, or was, due. */
export interface Digest {
  /** The wall clock's reading at which it is due, with its zone: what tells one from another. */
  readonly due: string;
  /** The same as a moment: the week that it tells of ends here. */
  readonly dueAt: Date;
  readonly state: 'pending' | 'posted' | 'charting' | 'closed';
  readonly message: MessageRef | null;
  /** When the row was inserted, by the database's own clock. */
  readonly createdAt: Date;
}

/** What a digest tells of. */
export const DIGEST_PERIOD_DAYS = 7;
/** What could not be posted in this time is no news any more. */
export const DIGEST_WITHIN_MS = 24 * 60 * 60_000;

export type DigestStep =
  | { readonly kind: 'post' }
  /** An earlier attempt may have posted it: look for it first. */
  | { readonly kind: 'find' }
  | { readonly kind: 'chart'; readonly message: MessageRef }
  /** It is too late, or whoever was at the chart never came back: two charts are worse than none. */
  | { readonly kind: 'close' };

/** Decides the next step of delivering a digest. Pure. */
export function nextDigestStep(digest: Digest, attemptsBefore: number, now: Date): DigestStep {
  const isLate = now.getTime() - digest.dueAt.getTime() > DIGEST_WITHIN_MS;
  if (digest.state === 'pending' && !isLate) return attemptsBefore === 0 ? { kind: 'post' } : { kind: 'find' };
  if (digest.state === 'posted' && digest.message !== null && !isLate)
    return { kind: 'chart', message: digest.message };
  return { kind: 'close' };
}
