import { createHash } from 'node:crypto';
import { networkCode } from './failures.js';
import type { Fetch } from './network.js';

/** What a witness gets of a seal. */
export interface WitnessedSeal {
  readonly number: string;
  readonly hash: string;
  readonly events: readonly unknown[];
  readonly at: string;
  readonly signature: string;
}

export type WitnessAnswer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: number }
  /** `code`: null if there is none. */
  | { readonly kind: 'not_reached'; readonly code: string | null };

/** The hash of a witness's address, which may hold a secret. */
export function witnessId(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}

/** Sends a seal once, as docs/operating.md says; a witness may get it again. Never rejects. */
export async function sendSeal(
  url: string,
  { number, hash, events, at, signature }: WitnessedSeal,
  { fetch, signal }: { readonly fetch: Fetch; readonly signal: AbortSignal },
): Promise<WitnessAnswer> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ number: Number(number), hash, events: events.length, at, signature }),
      redirect: 'manual',
      signal,
    });
    await answer.body?.cancel();
    return answer.ok ? { kind: 'accepted' } : { kind: 'refused', status: answer.status };
  } catch (error) {
    return { kind: 'not_reached', code: networkCode(error) };
  }
}
