import {
  decideSnooze,
  decideUnsnooze,
  type HeldSnooze,
  isOver,
  SNOOZE_CHOICES,
  snoozeUntil,
} from '../../src/promotions/snooze.js';
import { DAY, HOUR, momentAfter, promotion } from './make.js';

const NOW = momentAfter(30 * HOUR);
const later = (ms: number) => new Date(NOW.getTime() + ms);
const held = (changes: Partial<HeldSnooze> = {}): HeldSnooze => ({
  promotion: promotion(),
  operator: { slackUserId: 'U0SAM', role: 'engineer', disabledAt: null },
  isAlerting: true,
  ownership: null,
  criticalSince: null,
  snooze: null,
  ...changes,
});
const snooze = { by: 'U0SAM', at: NOW, until: later(HOUR) };

test.each(SNOOZE_CHOICES)('%s is until some time, if that can be known', (choice) => {
  const until = { '1h': later(HOUR), '4h': later(4 * HOUR), '09:00': later(19 * HOUR) }[choice];
  expect(snoozeUntil(choice, NOW, () => later(19 * HOUR))).toEqual(until);
  expect(snoozeUntil(choice, NOW, () => null)).toEqual(choice === '09:00' ? null : until);
});

describe('a snooze', () => {
  test.each([
    ['of a warning, for days', held(), later(3 * DAY), { kind: 'snooze', until: later(3 * DAY) }],
    ['of a warning that is snoozed takes its place', held({ snooze }), later(4 * HOUR), { kind: 'snooze' }],
    ['until a time that nobody knows', held(), null, { kind: 'unknown_time_zone' }],
    ['of a new critical, for 24 hours', held({ criticalSince: NOW }), later(DAY), { kind: 'snooze' }],
    [
      'of a new critical, for a moment more',
      held({ criticalSince: NOW }),
      later(DAY + 1),
      { kind: 'too_long', latest: later(DAY) },
    ],
    [
      'of a critical that is 23 hours old, for 1 h',
      held({ criticalSince: later(-23 * HOUR) }),
      later(HOUR),
      { kind: 'snooze' },
    ],
    [
      'of a critical that is 23 hours old, for 4 h',
      held({ criticalSince: later(-23 * HOUR) }),
      later(4 * HOUR),
      { kind: 'too_long', latest: later(HOUR) },
    ],
    [
      'of a critical that is a day old',
      held({ criticalSince: later(-DAY) }),
      later(HOUR),
      { kind: 'too_long', latest: NOW },
    ],
    ['by nobody known', held({ operator: null, criticalSince: later(-DAY) }), null, { kind: 'not_operator' }],
    ['of what ended', held({ promotion: promotion({ state: 'failed' }) }), later(HOUR), { kind: 'ended' }],
    ['of what does not alert', held({ isAlerting: false }), later(HOUR), { kind: 'not_alerting' }],
  ])('%s', (_, facts, until, expected) => {
    expect(decideSnooze(facts, until)).toMatchObject(expected);
  });

  test('is ended by any operator, if there is one', () => {
    expect(decideUnsnooze(held({ snooze })).kind).toBe('unsnooze');
    expect(decideUnsnooze(held()).kind).toBe('not_snoozed');
    expect(decideUnsnooze(held({ snooze, operator: null })).kind).toBe('not_operator');
  });

  test('is over at its end, and not before', () => {
    expect(isOver(snooze, later(HOUR - 1))).toBe(false);
    expect(isOver(snooze, later(HOUR))).toBe(true);
  });
});
