import { DateTime, IANAZone, Settings } from 'luxon';
import type { QuietHours } from './promotions/routing.js';

/* Times of day as people mean them, and the instants they name. The only module that knows luxon. */

// luxon displays nothing here, so no locale matters; asking for the machine's own would load the data of all.
Settings.defaultLocale = 'en-US';

/** Whether a text names an IANA time zone known here. */
export function isTimeZone(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_+/-]*$/u.test(name) && IANAZone.isValidZone(name);
}

/**
 * The next instant, at least `atLeastMs` away, of an hour by the zone's clocks; null if the zone is unknown. A time
 * that the clocks skip counts as that much later, as in RFC 5545.
 */
export function nextAt(now: Date, timeZone: string, hour: number, atLeastMs: number): Date | null {
  if (!isTimeZone(timeZone)) return null;
  const local = DateTime.fromJSDate(now, { zone: timeZone });
  const candidates = [0, 1, 2].map((days) => onDay(local, days, hour * 60));
  return candidates.find((at) => at.getTime() - now.getTime() >= atLeastMs) ?? null;
}

/** When the quiet hours that contain `now` end; null outside quiet hours. */
export function quietUntil(quiet: QuietHours, now: Date): Date | null {
  const local = DateTime.fromJSDate(now, { zone: quiet.timeZone });
  const endsNextDay = quiet.to <= quiet.from;
  // Compare instants, not times of day: they disagree on days when the clocks change.
  for (const day of [-1, 0]) {
    const start = onDay(local, day, quiet.from);
    const end = onDay(local, endsNextDay ? day + 1 : day, quiet.to);
    if (start <= now && now < end) return end;
  }
  return null;
}

/** `days` after the day of `local`, at `minutes` past midnight by the clocks. */
function onDay(local: DateTime, days: number, minutes: number): Date {
  // By the calendar: on a day when clocks change, hours counted from midnight differ from what clocks show.
  const { year, month, day } = DateTime.utc(local.year, local.month, local.day).plus({ days });
  const at = { year, month, day, hour: Math.floor(minutes / 60), minute: minutes % 60 };
  return DateTime.fromObject(at, { zone: local.zone }).toJSDate();
}
