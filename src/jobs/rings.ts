import cronParser from 'cron-parser';
import { overdueAfterMs } from '../promotions/overdue.js';

const RINGS = 3;

/** How long it takes from a moment on until the cron has rung three times, in milliseconds. */
export function untilThirdRing(cron: string, from: Date): number {
  return thirdRing(cron, from, 'next').getTime() - from.getTime();
}

/** After how many milliseconds what is owed now is overdue, by the cron's last three rings. */
export function overdueAfter(cron: string, now: Date): number {
  return overdueAfterMs(now.getTime() - thirdRing(cron, now, 'prev').getTime());
}

function thirdRing(cron: string, from: Date, direction: 'next' | 'prev'): Date {
  const schedule = cronParser.parseExpression(cron, { currentDate: from });
  let ring = from;
  for (let count = 0; count < RINGS; count += 1) ring = schedule[direction]().toDate();
  return ring;
}
