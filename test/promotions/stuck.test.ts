import fc from 'fast-check';
import { deployingSince, endedAt, isDeploying, PROMOTION_STATES } from '../../src/promotions/promotion.js';
import { severityDue } from '../../src/promotions/stuck.js';
import { DAY, HOUR, momentAfter, PROMOTED_AT, promotion, THRESHOLDS } from './make.js';

describe('when a promotion is stuck', () => {
  test.each([
    ['at the start', 0, null],
    ['a millisecond before 12 h', 12 * HOUR - 1, null],
    ['at 12 h', 12 * HOUR, 'warning'],
    ['a millisecond after 12 h', 12 * HOUR + 1, 'warning'],
    ['a millisecond before 24 h', 24 * HOUR - 1, 'warning'],
    ['at 24 h', 24 * HOUR, 'critical'],
    ['found first at 30 h', 30 * HOUR, 'critical'],
    ['found first after a year', 365 * DAY, 'critical'],
    ['if the clock is behind the row', -5 * HOUR, null],
  ])('%s it has earned what the thresholds say', (_, elapsed, expected) => {
    expect(severityDue(promotion(), momentAfter(elapsed), THRESHOLDS)).toBe(expected);
  });

  test('the incident warns at 2026-05-09 16:28 and is critical at 2026-05-10 04:28 UTC', () => {
    const at = (time: string) => severityDue(promotion(), new Date(time), THRESHOLDS);
    expect(at('2026-05-09T16:27:59.999Z')).toBeNull();
    expect(at('2026-05-09T16:28:00.000Z')).toBe('warning');
    expect(at('2026-05-10T04:27:59.999Z')).toBe('warning');
    expect(at('2026-05-10T04:28:00.000Z')).toBe('critical');
  });

  test('it never becomes milder as time passes', () => {
    const rank = (elapsed: number) => ({ null: 0, warning: 1, critical: 2 })[`${due(elapsed)}`] ?? -1;
    const due = (elapsed: number) => severityDue(promotion(), momentAfter(elapsed), THRESHOLDS);
    fc.assert(
      fc.property(fc.integer({ min: -DAY, max: 90 * DAY }), fc.nat(90 * DAY), (elapsed, more) => {
        expect(rank(elapsed + more)).toBeGreaterThanOrEqual(rank(elapsed));
      }),
    );
  });

  test.each([
    ['promoted_at if it is set', {}, PROMOTED_AT],
    ['marked_at if nobody wrote promoted_at', { promotedAt: null }, new Date('2026-05-07T00:00:00Z')],
    [
      'created_at if there is neither',
      { promotedAt: null, markedAt: null, createdAt: new Date('2026-05-06T23:00:00Z') },
      new Date('2026-05-06T23:00:00Z'),
    ],
  ])('its clock starts at %s', (_, changes, expected) => {
    expect(deployingSince(promotion(changes))).toEqual(expected);
  });

  test('only deploying is a state in which it can be stuck', () => {
    expect(PROMOTION_STATES.filter((state) => isDeploying({ state }))).toEqual(['deploying']);
    expect(isDeploying({ state: 'Deploying' })).toBe(false);
    expect(isDeploying({ state: '' })).toBe(false);
  });
});

describe('when a promotion ended', () => {
  const deployedAt = momentAfter(HOUR);
  const failedAt = momentAfter(2 * HOUR);
  const updatedAt = momentAfter(3 * HOUR);
  test.each([
    ['marked', null],
    ['deploying', null],
    ['deployed', deployedAt],
    ['failed', failedAt],
    ['cancelled', updatedAt],
    ['a word of the console’s own', null],
  ])('in state %s it is the time that the row tells', (state, expected) => {
    expect(endedAt(promotion({ state, deployedAt, failedAt, updatedAt }))).toEqual(expected);
  });

  test.each(['deployed', 'failed'])('another system that set %s without its time leaves updated_at', (state) => {
    expect(endedAt(promotion({ state, updatedAt }))).toEqual(updatedAt);
  });
});
