/** What a digest tells of. */
export const DIGEST_PERIOD = '7d';
const DAY_MS = 24 * 60 * 60_000;
export const DIGEST_PERIOD_MS = 7 * DAY_MS;
/** What couldn't be posted in this time is no news any more. */
const NEWS_FOR_MS = DAY_MS;

/** Whether a digest that was due then is too late to be posted. */
export function isLate(dueAt: Date, now: Date): boolean {
  return now.getTime() - dueAt.getTime() > NEWS_FOR_MS;
}
