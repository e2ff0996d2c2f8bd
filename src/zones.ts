import { DateTime, IANAZone, Settings } from 'luxon';
import type { QuietHours } from './promotions/routing.js';

/* Clocks on walls: what people mean by a time of day, and which instant that is. The one place that knows luxon. */

// Nothing is shown by luxon, so no locale matters; to ask for the machine's own would load the data of all of them.
Settings.defaultLocale = 'en-US';

/** Whether a text names a time zone of the IANA's that this program knows. */
export function isTimeZone(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_+/-]*$/u.test(name) && IANAZone.isValidZone(name);
}

/**
 * The next instant of a time of day that is `atLeastMs` away or more, as clocks in the zone show it; null where the zone is
 * not known. A time that the clocks skip counts as that much later, as in RFC 5545.
 */
export function nextAt(now: Date, timeZone: string, hour: number, atLeastMs: number): Date | null {
  if (!isTimeZone(timeZone)) return null;
  const local = DateTime.fromJSDate(now, { zone: timeZone });
  const candidates = [0, 1, 2].map((days) => onDay(local, days, hour * 60));
  return candidates.find((at) => at.getTime() - now.getTime() >= atLeastMs) ?? null;
}

/** When the quiet hours that `now` lies in end; null where it lies in none. */
export function quietUntil(quiet: QuietHours, now: Date): Date | null {
  const local = DateTime.fromJSDate(now, { zone: quiet.timeZone });
  const endsNextDay = quiet.to <= quiet.from;
  // By instants rather than by what clocks show: on the days on which clocks are changed, these do not agree.
  for (const day of [-1, 0]) {
    const start = onDay(local, day, quiet.from);
    const end = onDay(local, endsNextDay ? day + 1 : day, quiet.to);
    if (start <= now && now < end) return end;
  }
  return null;
}

/** `days` after the day of `local`, `minutes` past midnight as clocks show it. */
function onDay(local: DateTime, days: number, minutes: number): Date {
  // By the calendar: from midnight on, a day on which clocks are changed has other hours than it shows.
  const { year, month, day } = DateTime.utc(local.year, local.month, local.day).plus({ days });
  const at = { year, month, day, hour: Math.floor(minutes / 60), minute: minutes % 60 };
  return DateTime.fromObject(at, { zone: local.zone }).toJSDate();
}
