import { useEffect, useState } from 'react';

/** The world's time in ms, updated every `everyMs`. */
export function useNow(offsetMs: number, everyMs: number): number {
  const [, look] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => look((looks) => looks + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Date.now() + offsetMs;
}

export function atOf(ts: string): Date {
  return new Date(Number(ts) * 1_000);
}

const clockTime = new Intl.DateTimeFormat('en', { hour: 'numeric', minute: '2-digit' });
const exactTime = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'long' });
const shortDay = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });
const dayOfYear = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const day = new Intl.DateTimeFormat('en', { weekday: 'long', month: 'long', day: 'numeric' });

export const timeOf = (at: Date): string => clockTime.format(at);
export const exactly = (at: Date): string => exactTime.format(at);
/** `9:44 PM` today, `Nov 22` on another day, `Nov 22, 2025` in another year. */
export function shortly(at: Date, now: number): string {
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return timeOf(at);
  return (at.getFullYear() === today.getFullYear() ? shortDay : dayOfYear).format(at);
}
export const dayOf = (at: Date): string => day.format(at);

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** How often the page reads the clock. */
export const PRESENT_STEP_MS = 10_000;
/** How far its time may lag, with a second or two of rounding: less than this isn't ahead. */
const LAG_MS = PRESENT_STEP_MS + 2_000;

/** `2 days ago`, `just now`, `in less than a minute`, `in 3 hours`. */
export function ago(at: Date, now: number): string {
  const ahead = at.getTime() - now;
  const [unit, length] = UNITS.find(([, of]) => Math.abs(ahead) >= of) ?? [null, 1];
  if (unit === null) return ahead > LAG_MS ? 'in less than a minute' : 'just now';
  return relative.format(Math.trunc(ahead / length), unit);
}

const FORMATS: Readonly<Record<string, Intl.DateTimeFormatOptions>> = {
  date_num: { year: 'numeric', month: '2-digit', day: '2-digit' },
  date: { year: 'numeric', month: 'long', day: 'numeric' },
  date_short: { year: 'numeric', month: 'short', day: 'numeric' },
  date_long: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  date_pretty: { year: 'numeric', month: 'long', day: 'numeric' },
  date_short_pretty: { year: 'numeric', month: 'short', day: 'numeric' },
  date_long_pretty: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  time: { hour: 'numeric', minute: '2-digit' },
  time_secs: { hour: 'numeric', minute: '2-digit', second: '2-digit' },
};

/** A date as Slack writes it (https://docs.slack.dev/messaging/formatting-message-text#date-formatting). */
export function slackDate(format: string, at: Date, now: number): string {
  return format.replaceAll(/\{(\w+)\}/gu, (whole, token: string) => {
    if (token === 'ago') return ago(at, now);
    const options = FORMATS[token];
    return options === undefined ? whole : new Intl.DateTimeFormat('en', options).format(at);
  });
}
