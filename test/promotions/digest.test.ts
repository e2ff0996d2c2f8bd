import ms from 'ms';
import { DIGEST_PERIOD, DIGEST_PERIOD_MS, isLate } from '../../src/promotions/digest.js';
import { DAY, momentAfter } from './make.js';

test('a digest tells of a week', () => {
  expect([ms(DIGEST_PERIOD), DIGEST_PERIOD_MS]).toEqual([7 * DAY, 7 * DAY]);
});

test.each([
  [0, false],
  [DAY, false],
  [DAY + 1, true],
])('%d ms after it was due it is too late: %s', (after, late) => {
  expect(isLate(momentAfter(0), momentAfter(after))).toBe(late);
});
