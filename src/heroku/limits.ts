import type { IncomingHttpHeaders } from 'node:http';
import { retryAfterMs as waitMs } from '../network/retry-after.js';

/** Milliseconds to wait by `Retry-After` (seconds or a date), else `RateLimit-Reset`; null if neither says. */
export function retryAfterMs(headers: IncomingHttpHeaders, now: Date): number | null {
  return waitMs(headers['retry-after'], now) ?? waitMs(single(headers['ratelimit-reset']), now);
}

/** `RateLimit-Remaining`: requests left to this account; null if missing or not a number. */
export function rateLimitRemaining(headers: IncomingHttpHeaders): number | null {
  const text = single(headers['ratelimit-remaining']);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** `Request-Id`: one id, or several separated by commas; null if missing or anything else. */
export function requestId(headers: IncomingHttpHeaders): string | null {
  const text = single(headers['request-id']);
  return text !== undefined && /^[\w-]{1,64}(?:, ?[\w-]{1,64}){0,9}$/.test(text) ? text : null;
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
