import { HOME_WATCHED_MS, maintenanceMark } from '../../src/promotions/home.js';
import { DAY, MINUTE, momentAfter } from './make.js';

test('a tab is kept up to date for a day', () => {
  expect(HOME_WATCHED_MS).toBe(DAY);
});

describe('when a look of the watchdog’s publishes a tab again', () => {
  const mark = (last: Date | null, silentSince: Date | null = null) => maintenanceMark({ last, silentSince });
  const look = new Date('2026-05-09T04:25:00Z');
  const later = (milliseconds: number) => new Date(look.getTime() + milliseconds);

  test('is five minutes, and no less', () => {
    expect(mark(later(5 * MINUTE - 1))).toBe(mark(look));
    expect(mark(later(5 * MINUTE))).not.toBe(mark(look));
  });

  test('is its first look, and that it falls silent', () => {
    const marks = [mark(null), mark(look), mark(null, momentAfter(0)), mark(look, momentAfter(0))];
    expect(new Set(marks).size).toBe(4);
    expect(mark(null)).toBe('never/alive');
    expect(mark(null, momentAfter(0))).toBe('never/silent');
  });
});
