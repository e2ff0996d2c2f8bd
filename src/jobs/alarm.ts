import { scheduleJob } from 'node-schedule';

export interface AlarmDependencies {
  readonly cron: string;
  readonly ring: () => void;
  /** Milliseconds that the wall clock, which node-schedule reads, is ahead of the one that never jumps. */
  readonly wallClockAhead: () => number;
  /** Gets the milliseconds that the clock was set forward, or back (negative). */
  readonly onClockSet: (byMs: number) => void;
}

/** Rings by a cron expression, and once whenever the wall clock is set. */
export interface Alarm {
  stop(): void;
}

/** A clock that was set is noticed within this time. */
const COMPARE_EVERY_MS = 1_000;
/** Clocks that nobody sets drift far less than this between two comparisons. */
const LEAST_STEP_MS = 1_000;

/**
 * node-schedule waits for a date on the wall clock: set back an hour, it would be silent for that hour. So each next
 * date is computed from now, and a clock change rings at once: one tick too many costs nothing.
 * @throws if node-schedule doesn't understand the cron
 */
export function startAlarm({ cron, ring, wallClockAhead, onClockSet }: AlarmDependencies): Alarm {
  const job = scheduleJob(cron, () => {
    job.reschedule(cron);
    ring();
  });
  if (job === null) throw new Error(`MAINTENANCE_CRON was not understood by the scheduler: ${cron}`);

  let before = wallClockAhead();
  const comparing = setInterval(() => {
    const ahead = wallClockAhead();
    const setByMs = Math.round(ahead - before);
    before = ahead;
    if (Math.abs(setByMs) < LEAST_STEP_MS) return;
    onClockSet(setByMs);
    job.reschedule(cron);
    ring();
  }, COMPARE_EVERY_MS);

  return {
    stop() {
      clearInterval(comparing);
      job.cancel();
    },
  };
}
