import { readClock } from '../../src/promotions/clock.js';

const at = (ms: number) => new Date(Date.parse('2026-05-10T06:00:00Z') + ms);

test.each([
  ['Sun, 10 May 2026 06:00:00 GMT', 0, 1_000, { aheadMs: 0, uncertainMs: 1_000 }],
  ['Sun, 10 May 2026 06:00:00 GMT', 60_000, 60_200, { aheadMs: 59_600, uncertainMs: 600 }],
  ['Sun, 10 May 2026 06:01:00 GMT', 0, 0, { aheadMs: -60_500, uncertainMs: 500 }],
  ['yesterday', 0, 0, null],
  [null, 0, 0, null],
])('a date of %s between %d and %d ms is %j', (header, sent, received, reading) => {
  expect(readClock(header, at(sent), at(received))).toEqual(reading);
});
