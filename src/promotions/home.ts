/** Whether the watchdog is running, as far as is known. */
export interface MaintenanceSeen {
  /** When maintenance last completed, in any replica; null: never. */
  readonly last: Date | null;
  /** null while it completes on time; else since when this process has seen it silent. */
  readonly silentSince: Date | null;
}

/** A home tab is updated this long after it was opened. Slack doesn't say whether anyone still looks. */
export const HOME_WATCHED_MS = 24 * 60 * 60_000;
/** A tab is published at most this often. */
export const HOME_INTERVAL_MS = 4_000;
/** A tab on which nothing else changed may show the watchdog's last check this late. */
const LOOK_GRANULARITY_MS = 5 * 60_000;

/** A tab is published again if this differs. Pure. */
export function maintenanceMark({ last, silentSince }: MaintenanceSeen): string {
  const look = last === null ? 'never' : String(Math.floor(last.getTime() / LOOK_GRANULARITY_MS));
  return `${look}/${silentSince === null ? 'alive' : 'silent'}`;
}
