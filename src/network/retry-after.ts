/** Nobody means a longer wait: it must be a mistake. */
const LONGEST_WAIT_MS = 3_600_000;
/** A number of seconds above this is a point in time, below it a duration. */
const EPOCH_SECONDS = 1_000_000_000;

/** Milliseconds to wait by a `Retry-After` (seconds or a date) or a limit's reset; null if it says neither. */
export function retryAfterMs(text: string | undefined | null, now: Date): number | null {
  if (text == null) return null;
  const seconds = /^\d{1,12}(?:\.\d{1,6})?$/.test(text) ? Number(text) : null;
  if (seconds !== null && seconds < EPOCH_SECONDS) return bounded(seconds * 1000);
  const at = seconds === null ? httpDate(text) : seconds * 1000;
  return Number.isNaN(at) ? null : bounded(at - now.getTime());
}

/** `Date.parse` alone turns almost anything with a number into a date. */
export function httpDate(text: string): number {
  return /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}

function bounded(milliseconds: number): number {
  return Math.ceil(Math.min(Math.max(milliseconds, 0), LONGEST_WAIT_MS));
}
