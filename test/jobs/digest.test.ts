import { lastDue } from '../../src/jobs/steps/queue-digest.js';
import { HOUR, MINUTE } from '../promotions/make.js';

describe('when a digest is due', () => {
  const schedule = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };

  /** Every digest that becomes due, checking every half hour. */
  function dueBetween(from: string, until: string, by = schedule): string[] {
    const found = new Set<string>();
    for (let at = Date.parse(from); at < Date.parse(until); at += 30 * MINUTE) {
      const due = lastDue(by, new Date(at));
      if (due !== null) found.add(due.due);
    }
    return [...found];
  }

  test('an hour that the clock jumps over: once, an hour later', () => {
    expect(dueBetween('2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-28 02:30 Europe/Berlin',
      '2026-03-29 03:30 Europe/Berlin',
      '2026-03-30 02:30 Europe/Berlin',
    ]);
  });

  test('an hour that the clock goes through twice: once', () => {
    expect(dueBetween('2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
      '2026-10-24 02:30 Europe/Berlin',
      '2026-10-25 02:30 Europe/Berlin',
      '2026-10-26 02:30 Europe/Berlin',
    ]);
  });

  test('is due from its very moment, for a day', () => {
    const weekly = { cron: '0 9 * * 1', timeZone: 'UTC' };
    expect(lastDue(weekly, new Date('2026-05-11T08:59:59Z'))).toBeNull();
    expect(lastDue(weekly, new Date('2026-05-11T09:00:00Z'))?.due).toBe('2026-05-11 09:00 UTC');
    expect(lastDue(weekly, new Date('2026-05-12T08:00:00Z'))?.due).toBe('2026-05-11 09:00 UTC');
    expect(lastDue(weekly, new Date(Date.parse('2026-05-12T09:00:00Z') + HOUR))).toBeNull();
  });

  test('of those that were missed, the newest', () => {
    const hourly = { cron: '0 * * * *', timeZone: 'UTC' };
    expect(lastDue(hourly, new Date('2026-05-11T08:59:59Z'))?.due).toBe('2026-05-11 08:00 UTC');
  });
});
