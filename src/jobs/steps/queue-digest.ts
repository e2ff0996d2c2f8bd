import cronParser from 'cron-parser';
import type { Database } from '../../db/database.js';
import { isLate } from '../../promotions/digest.js';
import { defineStep, type Step } from './step.js';

export interface DigestSchedule {
  /** A validated cron expression. */
  readonly cron: string;
  /** A validated IANA time zone. */
  readonly timeZone: string;
}

export interface QueueDigestDependencies {
  readonly db: Pick<Database, 'messages'>;
  /** null: no digests. */
  readonly schedule: DigestSchedule | null;
}

/** Queues a week's digest and its chart, once per due time. */
export function queueDigestStep({ db, schedule }: QueueDigestDependencies): Step {
  return defineStep({
    async gather(at) {
      const newest = schedule === null ? null : lastDue(schedule, at);
      const queued = newest === null ? null : await db.messages.newest('digest', newest.due);
      return queued === null ? newest : null;
    },
    decide: (newest) => (newest === null ? [] : [{ kind: 'queue_digest' as const, ...newest }]),
    act: ({ due, dueAt }) =>
      db.messages.queue(
        { kind: 'digest', subject: due, detail: { due_at: dueAt } },
        { kind: 'digest_chart', subject: due, detail: { due_at: dueAt }, under: 'digest' },
      ),
  });
}

/** The newest due time of a digest that is still news; null: none. */
export function lastDue({ cron, timeZone }: DigestSchedule, now: Date): { due: string; dueAt: Date } | null {
  const before = cronParser
    .parseExpression(cron, { currentDate: new Date(now.getTime() + 1), tz: timeZone })
    .prev()
    .toDate();
  // Then forwards: only so does the parser handle an hour that the clock jumped over.
  const onwards = cronParser.parseExpression(cron, { currentDate: before, tz: timeZone });
  let dueAt = before;
  for (let next = onwards.next().toDate(); next <= now; next = onwards.next().toDate()) dueAt = next;
  return isLate(dueAt, now) ? null : { due: wallClock(dueAt, timeZone), dueAt };
}

/** Digests differ by the wall clock's reading: an hour that the clock repeats is due once. */
function wallClock(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return `${format.format(at)} ${timeZone}`;
}
