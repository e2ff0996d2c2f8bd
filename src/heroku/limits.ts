import type { IncomingHttpHeaders } from 'node:http';

/** Heroku's limits renew within the hour; a longer wait must be a mistake. */
const LONGEST_WAIT_MS = 3_600_000;
/** A number of seconds above this is a point in time, below it a duration. */
const EPOCH_SECONDS = 1_000_000_000;

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

function waitMs(text: string | undefined, now: Date): number | null {
  if (text === undefined) return null;
  const seconds = /^\d{1,12}(?:\.\d{1,6})?$/.test(text) ? Number(text) : null;
  if (seconds !== null && seconds < EPOCH_SECONDS) return bounded(seconds * 1000);
  const at = seconds === null ? httpDate(text) : seconds * 1000;
  return Number.isNaN(at) ? null : bounded(at - now.getTime());
}

/** `Date.parse` alone turns almost anything with a number into a date. */
function httpDate(text: string): number {
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}

function bounded(milliseconds: number): number {
  return Math.ceil(Math.min(Math.max(milliseconds, 0), LONGEST_WAIT_MS));
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
