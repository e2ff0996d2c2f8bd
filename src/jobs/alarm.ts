import { scheduleJob } from 'node-schedule';

export interface AlarmDependencies {
  readonly cron: string;
  readonly ring: () => void;
  /** By how many milliseconds the process's wall clock, which node-schedule reads, is ahead of the one that never jumps. */
  readonly wallClockAhead: () => number;
  /** Hears by how many milliseconds the clock was set forward, or back (negative). */
  readonly onClockSet: (byMs: number) => void;
}

/** Rings by a cron expression, and once whenever the wall clock was set. */
export interface Alarm {
  stop(): void;
}

/** The latest that a clock that was set is noticed. */
const COMPARE_EVERY_MS = 1_000;
/** Clocks that nobody sets drift apart by far less between two comparisons. */
const LEAST_STEP_MS = 1_000;

/**
 * node-schedule waits for a date on the wall clock, and goes on from that date: set back by an hour, the clock would not reach
 * it for an hour; set forward, it would ring once for everything in between. So each next date is counted from the present,
 * and a clock that was set rings by itself: one tick too many costs nothing.
 *
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
