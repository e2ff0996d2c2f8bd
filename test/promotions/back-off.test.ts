import fc from 'fast-check';
import { backOffMs, type FailedAttempt, SETTLE_MS } from '../../src/promotions/back-off.js';
import { HOUR, MINUTE, SECOND } from './make.js';

describe('how long a failed delivery waits', () => {
  const refused: FailedAttempt = { kind: 'refused' };
  const unknown: FailedAttempt = { kind: 'unknown_outcome' };
  const least = () => 0;
  const most = () => 1 - Number.EPSILON;

  test.each([
    [1, 2.5 * SECOND, 5 * SECOND],
    [2, 5 * SECOND, 10 * SECOND],
    [3, 10 * SECOND, 20 * SECOND],
    [8, 320 * SECOND, 640 * SECOND],
    [9, 7.5 * MINUTE, 15 * MINUTE],
    [1_000, 7.5 * MINUTE, 15 * MINUTE],
    [Number.MAX_SAFE_INTEGER, 7.5 * MINUTE, 15 * MINUTE],
  ])('after %d attempts between half and all of its share, up to a quarter of an hour', (attempts, from, to) => {
    expect(backOffMs(refused, attempts, least)).toBe(from);
    expect(backOffMs(refused, attempts, most)).toBeLessThanOrEqual(to);
    expect(backOffMs(refused, attempts, most)).toBeGreaterThan(to - 1);
  });

  test('two replicas seldom wait equally long', () => {
    expect(backOffMs(refused, 4, () => 0.1)).not.toBe(backOffMs(refused, 4, () => 0.9));
    const limited: FailedAttempt = { kind: 'rate_limited', retryAfterMs: 1_000 };
    expect(backOffMs(limited, 4, () => 0.1)).not.toBe(backOffMs(limited, 4, () => 0.9));
  });

  test('a rate limit is waited out, and hardly longer', () => {
    const limited: FailedAttempt = { kind: 'rate_limited', retryAfterMs: 30 * SECOND };
    for (const attempts of [1, 5, 50]) {
      expect(backOffMs(limited, attempts, least)).toBe(30 * SECOND);
      expect(backOffMs(limited, attempts, most)).toBeCloseTo(31 * SECOND);
    }
    expect(backOffMs({ kind: 'rate_limited', retryAfterMs: 5 * HOUR }, 1, least)).toBe(HOUR);
  });

  test('an attempt that may still take effect is given time to do so', () => {
    expect(SETTLE_MS).toBe(30 * SECOND);
    expect(backOffMs(unknown, 1, least)).toBe(SETTLE_MS);
    expect(backOffMs(unknown, 20, most)).toBeGreaterThan(14 * MINUTE);
  });

  test('it is always a positive time within bounds', () => {
    const failures = fc.oneof(
      fc.constantFrom(refused, unknown),
      fc.nat(HOUR).map((retryAfterMs): FailedAttempt => ({ kind: 'rate_limited', retryAfterMs })),
    );
    fc.assert(
      fc.property(failures, fc.nat(2_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (f, n, r) => {
        const wait = backOffMs(f, n, () => r);
        const floor = f.kind === 'rate_limited' ? f.retryAfterMs : f.kind === 'refused' ? 2_500 : SETTLE_MS;
        const ceiling = f.kind === 'rate_limited' ? f.retryAfterMs + SECOND : 15 * MINUTE;
        expect(wait).toBeGreaterThanOrEqual(floor);
        expect(wait).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});
