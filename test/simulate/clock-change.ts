import type { DatabaseOptions } from './database-model.js';

const LEAST_CHANGE_MS = 1_000;
const MOST_CHANGE_MS = 3_600_000;

/** By how much a clock is set: seconds by NTP, up to an hour by a failover to another server; in either direction. */
export function clockChange(random: () => number): number {
  const ms = LEAST_CHANGE_MS * (MOST_CHANGE_MS / LEAST_CHANGE_MS) ** random();
  return Math.round(random() < 0.5 ? -ms : ms);
}

/** Sets the database's clock; returns by how much. */
export function setClock(
  database: DatabaseOptions,
  { trace, count }: { readonly trace: (line: string) => void; readonly count: (what: string) => void },
): number {
  const byMs = clockChange(database.random);
  count(byMs < 0 ? 'clocks set back' : 'clocks set forward');
  trace(`the database's clock is set by ${byMs} ms`);
  database.aheadMs += byMs;
  return byMs;
}
