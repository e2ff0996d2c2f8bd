import { isTimeZone, nextAt, quietUntil } from '../src/zones.js';
import { HOUR } from './promotions/make.js';

/** What people mean by a time of day, on days when the clocks change and on all others. */

test.each([
  ['Europe/Berlin', true],
  ['America/Argentina/Buenos_Aires', true],
  ['Etc/GMT+5', true],
  ['UTC', true],
  ['Mars/Olympus', false],
  ['+02:00', false],
  ['', false],
  ['Europe/Berlin; drop table', false],
])('%s is a time zone: %s', (name, known) => {
  expect(isTimeZone(name)).toBe(known);
});

describe('the next 09:00 that is an hour away or more', () => {
  test.each([
    ['in winter', '2026-01-10T12:00:00Z', 'Europe/Berlin', '2026-01-11T08:00:00Z'],
    ['in summer', '2026-07-10T12:00:00Z', 'Europe/Berlin', '2026-07-11T07:00:00Z'],
    ['a minute before midnight there', '2026-07-10T21:59:00Z', 'Europe/Berlin', '2026-07-11T07:00:00Z'],
    ['a minute after midnight there', '2026-07-10T22:01:00Z', 'Europe/Berlin', '2026-07-11T07:00:00Z'],
    ['at 03:00, when people are woken', '2026-07-10T01:00:00Z', 'Europe/Berlin', '2026-07-10T07:00:00Z'],
    ['an hour before', '2026-07-10T06:00:00Z', 'Europe/Berlin', '2026-07-10T07:00:00Z'],
    ['a minute less than an hour before', '2026-07-10T06:01:00Z', 'Europe/Berlin', '2026-07-11T07:00:00Z'],
    ['at it', '2026-07-10T07:00:00Z', 'Europe/Berlin', '2026-07-11T07:00:00Z'],
    ['if it is a day later than in UTC', '2026-07-10T12:00:00Z', 'Pacific/Auckland', '2026-07-10T21:00:00Z'],
    ['if it is a day earlier than in UTC', '2026-07-10T03:00:00Z', 'America/Los_Angeles', '2026-07-10T16:00:00Z'],
    ['by half an hour', '2026-07-10T03:00:00Z', 'Asia/Kolkata', '2026-07-11T03:30:00Z'],
    ['on the day before clocks go forward', '2026-03-28T12:00:00Z', 'Europe/Berlin', '2026-03-29T07:00:00Z'],
    ['on the day before clocks go back', '2026-10-24T12:00:00Z', 'Europe/Berlin', '2026-10-25T08:00:00Z'],
    [
      'if the day begins at 01:00, midnight being skipped',
      '2026-04-23T12:00:00Z',
      'Africa/Cairo',
      '2026-04-24T06:00:00Z',
    ],
    ['asked at a time that tomorrow skips', '2026-03-28T01:30:00Z', 'Europe/Berlin', '2026-03-28T08:00:00Z'],
    ['late on the day before one of 23 hours', '2026-03-28T22:30:00Z', 'Europe/Berlin', '2026-03-29T07:00:00Z'],
    ['early on a day of 25 hours', '2026-10-24T22:30:00Z', 'Europe/Berlin', '2026-10-25T08:00:00Z'],
    ['at the end of a year', '2026-12-31T12:00:00Z', 'Europe/Berlin', '2027-01-01T08:00:00Z'],
  ])('%s', (_, now, timeZone, expected) => {
    expect(nextAt(new Date(now), timeZone, 9, HOUR)).toEqual(new Date(expected));
  });

  test('if nobody knows the time zone is not known', () => {
    expect(nextAt(new Date('2026-07-10T12:00:00Z'), 'Mars/Olympus', 9, HOUR)).toBeNull();
  });

  test('of an hour that clocks skip is that much later', () => {
    expect(nextAt(new Date('2026-03-28T12:00:00Z'), 'Europe/Berlin', 2, HOUR)).toEqual(
      new Date('2026-03-29T01:00:00Z'),
    );
  });
});

describe('quiet hours', () => {
  const night = { from: 22 * 60, to: 7 * 60, timeZone: 'Europe/Berlin' };
  const noon = { from: 12 * 60, to: 13 * 60 + 30, timeZone: 'Europe/Berlin' };
  test.each([
    ['before they begin', night, '2026-07-10T19:59:59Z', null],
    ['at their beginning', night, '2026-07-10T20:00:00Z', '2026-07-11T05:00:00Z'],
    ['before midnight', night, '2026-07-10T21:30:00Z', '2026-07-11T05:00:00Z'],
    ['after midnight', night, '2026-07-11T01:00:00Z', '2026-07-11T05:00:00Z'],
    ['a moment before their end', night, '2026-07-11T04:59:59Z', '2026-07-11T05:00:00Z'],
    ['at their end', night, '2026-07-11T05:00:00Z', null],
    ['within a day', noon, '2026-07-10T10:30:00Z', '2026-07-10T11:30:00Z'],
    ['within a day, after them', noon, '2026-07-10T11:30:00Z', null],
    ['in the night in which clocks go forward', night, '2026-03-28T23:00:00Z', '2026-03-29T05:00:00Z'],
    ['in the night in which clocks go back', night, '2026-10-24T23:00:00Z', '2026-10-25T06:00:00Z'],
    ['that end at a time that is skipped', { ...night, to: 150 }, '2026-03-29T00:30:00Z', '2026-03-29T01:30:00Z'],
    [
      'that end at a time that is skipped, just before',
      { ...night, to: 150 },
      '2026-03-29T01:29:59Z',
      '2026-03-29T01:30:00Z',
    ],
    ['that end at a time that is skipped, at their end', { ...night, to: 150 }, '2026-03-29T01:30:00Z', null],
    ['around the whole day but a minute', { ...night, from: 1, to: 0 }, '2026-07-10T12:00:00Z', '2026-07-10T22:00:00Z'],
  ])('%s', (_, quiet, now, until) => {
    expect(quietUntil(quiet, new Date(now))).toEqual(until === null ? null : new Date(until));
  });
});
