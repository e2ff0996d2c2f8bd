import { hasGrown } from './growth.js';

const TOLERANCE = { share: 0.1, absolute: 3 };

test.each<[string, readonly number[], boolean]>([
  ['what stays', [50, 50, 50, 50, 50, 50], false],
  ['what fills up and then stays', [1, 20, 50, 50, 51, 50, 50, 49, 50], false],
  ['what goes up and down', [40, 60, 40, 60, 40, 60, 40, 60, 40], false],
  ['what shrinks', [90, 80, 70, 60, 50, 40], false],
  ['what one reading shows too high', [50, 50, 50, 50, 50, 50, 50, 500, 50], false],
  ['what grows by as much each time', [10, 20, 30, 40, 50, 60, 70, 80, 90], true],
  ['what grows within what is tolerated', [50, 50, 50, 50, 50, 50, 53, 54, 53], false],
  ['what grows beyond what is tolerated', [50, 50, 50, 50, 50, 50, 59, 60, 59], true],
  ['what was nothing', [0, 0, 0, 0, 4, 5], true],
])('%s', (_what, readings, grown) => {
  expect(hasGrown(readings, TOLERANCE)).toBe(grown);
});

test('two readings say nothing', () => {
  expect(() => hasGrown([1, 2], TOLERANCE)).toThrow(RangeError);
});
