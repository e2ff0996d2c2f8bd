export const DIGEST_PERIOD = '7d';
const DAY_MS = 24 * 60 * 60_000;
export const DIGEST_PERIOD_MS = 7 * DAY_MS;
/** A digest that couldn't be posted for this long is no longer news. */
const NEWS_FOR_MS = DAY_MS;

export function isLate(dueAt: Date, now: Date): boolean {
  return now.getTime() - dueAt.getTime() > NEWS_FOR_MS;
}
