import cronParser from 'cron-parser';
import { overdueAfter, rangThrice } from '../../src/jobs/rings.js';
import { overdueAfterMs } from '../../src/promotions/overdue.js';

/** The same, computed by the cron each time. */
function asked(cron: string, now: Date): number {
  const schedule = cronParser.parseExpression(cron, { currentDate: now });
  const third = [schedule.prev(), schedule.prev(), schedule.prev()][2]?.getTime() ?? Number.NaN;
  return overdueAfterMs(now.getTime() - third);
}

test.each(['0 9 * * 1-5', '*/20 * * * *', '0 0 1 1 *', '30 2 * * *'])(
  'at each moment around the rings of %s, and when the clock is set back, what is kept is what the cron says',
  (cron) => {
    const MINUTE = 60_000;
    const starts = ['2026-05-08T08:59:59.000Z', '2026-12-31T23:59:30.000Z'];
    const moments = starts.flatMap((start) =>
      [0, 0.5, 1 / 60, 1 / 60 + 1 / 60_000, 24 * 60, 1, 0].map(
        (minutes) => new Date(Date.parse(start) + minutes * MINUTE),
      ),
    );
    expect(moments.map((now) => overdueAfter(cron, now))).toEqual(moments.map((now) => asked(cron, now)));
  },
);

test.each(['0 9 * * 1-5', '*/20 * * * *', '0 0 1 1 *', '30 2 * * *'])(
  'a moment around its third ring after another, %s has rung three times only if the cron says so',
  (cron) => {
    for (const start of ['2026-05-08T08:59:59.000Z', '2026-05-08T09:00:00.000Z', '2026-12-31T23:59:30.000Z']) {
      const from = new Date(start);
      const schedule = cronParser.parseExpression(cron, { currentDate: from });
      const third = [schedule.next(), schedule.next(), schedule.next()][2]?.getTime() ?? Number.NaN;
      const around = [-1_000, -1, 0, 1, 1_000].map((ms) => third + ms - from.getTime());
      expect(around.map((ms) => rangThrice(cron, from, ms))).toEqual([false, false, false, true, true]);
      expect(rangThrice(cron, from, 0)).toBe(false);
    }
  },
);
