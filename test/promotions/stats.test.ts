import { everyDay } from '../../src/promotions/stats.js';

const nothing = { deployed: 0, failed: 0, stuck: 0, deploying: 0 };

test('every day of the period is there, its first and its last as well, even if nothing was promoted', () => {
  const busy = { day: '2026-05-10', deployed: 2, failed: 1, stuck: 1, deploying: 0 };
  const period = { since: new Date('2026-05-08T23:59:59Z'), until: new Date('2026-05-11T00:00:00Z'), byDay: [busy] };
  expect(everyDay(period)).toEqual([
    { day: '2026-05-08', ...nothing },
    { day: '2026-05-09', ...nothing },
    busy,
    { day: '2026-05-11', ...nothing },
  ]);
});
