/** Whether the watchdog looks, as far as is known. */
export interface MaintenanceSeen {
  /** When maintenance last completed, in whichever replica; null where it never did. */
  readonly last: Date | null;
  /** null while it completes as it should; else since when this process has known it to be silent. */
  readonly silentSince: Date | null;
}

/** For how long after somebody opened their home tab it is kept up to date. They may not look any more: Slack does not tell. */
export const HOME_WATCHED_MS = 24 * 60 * 60_000;
/** A tab is published to once in this time at the most. */
export const HOME_INTERVAL_MS = 4_000;
/** When the watchdog last looked may be this much behind on a tab on which nothing else changed. */
const LOOK_GRANULARITY_MS = 5 * 60_000;

/** What of the watchdog's looks has to differ for a tab to be published again. Pure. */
export function maintenanceMark({ last, silentSince }: MaintenanceSeen): string {
  const look = last === null ? 'never' : String(Math.floor(last.getTime() / LOOK_GRANULARITY_MS));
  return `${look}/${silentSince === null ? 'alive' : 'silent'}`;
}
