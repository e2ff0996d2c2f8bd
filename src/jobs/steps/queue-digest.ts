import cronParser from 'cron-parser';
import type { Database } from '../../db/database.js';
import { isLate } from '../../promotions/digest.js';
import { defineStep, type Step } from './step.js';

/** When digests are due. */
export interface DigestSchedule {
  /** A cron expression that was validated before. */
  readonly cron: string;
  /** An IANA time zone that was validated before. */
  readonly timeZone: string;
}

export interface QueueDigestDependencies {
  readonly db: Pick<Database, 'messages'>;
  /** null: no digests. */
  readonly schedule: DigestSchedule | null;
}

/** Queues the digest of a week, with its chart, once for each time at which it is due. */
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

/** The newest time at which a digest was due, while it is news; null where there was none. */
export function lastDue({ cron, timeZone }: DigestSchedule, now: Date): { due: string; dueAt: Date } | null {
  const before = cronParser
    .parseExpression(cron, { currentDate: new Date(now.getTime() + 1), tz: timeZone })
    .prev()
    .toDate();
  // Forwards from there: only so the parser knows what to do with an hour that the clock jumped over.
  const onwards = cronParser.parseExpression(cron, { currentDate: before, tz: timeZone });
  let dueAt = before;
  for (let next = onwards.next().toDate(); next <= now; next = onwards.next().toDate()) dueAt = next;
  return isLate(dueAt, now) ? null : { due: wallClock(dueAt, timeZone), dueAt };
}

/** The clock's reading tells one digest from another: an hour that the clock goes through twice is due once. */
function wallClock(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return `${format.format(at)} ${timeZone}`;
}
