import cronParser from 'cron-parser';
import { overdueAfterMs } from '../promotions/overdue.js';

const RINGS = 3;

/** Whether the cron rang three times in so many milliseconds after a moment. */
export function rangThrice(cron: string, from: Date, withinMs: number): boolean {
  return thirdBefore(cron, new Date(from.getTime() + withinMs)) > from;
}

/** After how many milliseconds pending work is overdue, by the cron's last three rings. */
export function overdueAfter(cron: string, now: Date): number {
  return overdueAfterMs(now.getTime() - thirdBefore(cron, now).getTime());
}

/** Between two rings, the third ring back stays the same. */
interface Stretch {
  readonly after: Date;
  readonly until: Date;
  readonly third: Date;
}

/** Cached by cron: finding a yearly cron's rings takes a tenth of a second, and every tick and request asks. */
const stretches = new Map<string, Stretch>();

function thirdBefore(cron: string, now: Date): Date {
  const known = stretches.get(cron);
  if (known !== undefined && known.after < now && now <= known.until) return known.third;
  const before = rings(cron, now, 'prev', RINGS);
  const [after = now] = before;
  const [until = now] = rings(cron, after, 'next', 1);
  const third = before.at(-1) ?? now;
  stretches.set(cron, { after, until, third });
  return third;
}

function rings(cron: string, from: Date, direction: 'next' | 'prev', count: number): readonly Date[] {
  const schedule = cronParser.parseExpression(cron, { currentDate: from });
  return Array.from({ length: count }, () => schedule[direction]().toDate());
}
