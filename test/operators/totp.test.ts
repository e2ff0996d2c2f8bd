import fc from 'fast-check';
import { type Authenticator, checkCode, FAILURES_TO_LOCK, LOCK_MS, locksSoFar } from '../../src/operators/totp.js';
import { base32, hotp } from './hotp.js';

/** The key of RFC 6238 appendix B. */
const KEY = Buffer.from('12345678901234567890', 'ascii');
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

const authenticator = (changes: Partial<Authenticator> = {}): Authenticator => ({
  secret: SECRET,
  lastStep: null,
  failedAttempts: 0,
  lockedUntil: null,
  locks: 0,
  lastLockEndsAt: null,
  ...changes,
});

/** A time step's first moment, in the year of the incident. */
const STEP = Math.floor(Date.parse('2026-05-11T14:18:00Z') / 30_000);
const NOW = new Date(STEP * 30_000);
const codeOf = (step: number) => hotp(KEY, step);
const shifted = (milliseconds: number) => new Date(NOW.getTime() + milliseconds);
/** Six digits that are none of the codes around now. */
const WRONG =
  ['000000', '000001', '000002', '000003', '000004', '000005', '000006', '000007'].find(
    (digits) => ![-2, -1, 0, 1, 2].some((drift) => codeOf(STEP + drift) === digits),
  ) ?? '';

describe('RFC 6238 appendix B', () => {
  test.each([
    [59, '287082', 0x1],
    [1_111_111_109, '081804', 0x23523ec],
    [1_111_111_111, '050471', 0x23523ed],
    [1_234_567_890, '005924', 0x273ef07],
    [2_000_000_000, '279037', 0x3f940aa],
    [20_000_000_000, '353130', 0x27bc86aa],
  ])('at %d s the code is %s, in its time step', (seconds, code, step) => {
    expect(hotp(KEY, step)).toBe(code);
    expect(checkCode(code, authenticator(), new Date(seconds * 1000))).toEqual({ kind: 'accepted', step });
  });
});

describe('the time a code is good for', () => {
  const moments = fc.nat(29_999).map(shifted);

  test('is its own step and one on either side, at every moment of the step', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: -4, max: 4 }), (now, drift) => {
        const checked = checkCode(codeOf(STEP + drift), authenticator(), now);
        if (Math.abs(drift) <= 1) expect(checked).toEqual({ kind: 'accepted', step: STEP + drift });
        else expect(checked).toMatchObject({ kind: 'rejected', reason: 'wrong' });
      }),
    );
  });

  test.each([
    ['the code of one step earlier, at the last millisecond', -1, 29_999, 'accepted'],
    ['the code of two steps earlier, at the first millisecond', -2, 0, 'rejected'],
    ['the code of one step later, at the first millisecond', 1, 0, 'accepted'],
    ['the code of two steps later, at the last millisecond', 2, 29_999, 'rejected'],
  ])('%s', (_, drift, offset, kind) => {
    expect(checkCode(codeOf(STEP + drift), authenticator(), shifted(offset)).kind).toBe(kind);
  });
});

describe('a code is accepted once', () => {
  test('the step that was accepted last is refused', () => {
    expect(checkCode(codeOf(STEP), authenticator({ lastStep: STEP }), NOW)).toEqual({
      kind: 'rejected',
      reason: 'reused',
      failedAttempts: 0,
      lockedUntil: null,
    });
  });

  test('so is one that is older than it, though still within the drift', () => {
    expect(checkCode(codeOf(STEP - 1), authenticator({ lastStep: STEP }), NOW)).toMatchObject({ reason: 'reused' });
    expect(checkCode(codeOf(STEP), authenticator({ lastStep: STEP + 1 }), NOW)).toMatchObject({ reason: 'reused' });
  });

  test('the next one is accepted', () => {
    expect(checkCode(codeOf(STEP + 1), authenticator({ lastStep: STEP }), NOW)).toEqual({
      kind: 'accepted',
      step: STEP + 1,
    });
  });

  test('the last step of a clock that was ahead refuses without failing', () => {
    expect(checkCode(codeOf(STEP), authenticator({ lastStep: STEP + 1_000_000 }), NOW)).toMatchObject({
      reason: 'reused',
    });
  });

  test('a reused code is no guess, and keeps the count', () => {
    const checked = checkCode(codeOf(STEP), authenticator({ lastStep: STEP, failedAttempts: 4 }), NOW);
    expect(checked).toMatchObject({ reason: 'reused', failedAttempts: 4, lockedUntil: null });
  });
});

describe('the lock', () => {
  const lockedUntil = shifted(LOCK_MS);

  test('is five wrong codes in a row, and lasts a quarter of an hour', () => {
    expect([FAILURES_TO_LOCK, LOCK_MS]).toEqual([5, 15 * 60_000]);
    let state = authenticator();
    for (const count of [1, 2, 3, 4, 5]) {
      const checked = checkCode(WRONG, state, NOW);
      const locks = count === 5 ? lockedUntil : null;
      expect(checked).toEqual({ kind: 'rejected', reason: 'wrong', failedAttempts: count, lockedUntil: locks });
      state = { ...state, failedAttempts: count, lockedUntil: locks };
    }
    expect(checkCode(codeOf(STEP), state, NOW)).toEqual({ kind: 'locked', lockedUntil });
  });

  test.each([
    ['the right code', codeOf(STEP)],
    ['a wrong code', WRONG],
    ['a malformed code', 'abc'],
  ])('holds whatever is entered: %s', (_, code) => {
    const state = authenticator({ failedAttempts: 5, lockedUntil });
    expect(checkCode(code, state, NOW)).toEqual({ kind: 'locked', lockedUntil });
    expect(checkCode(code, state, shifted(LOCK_MS - 1))).toEqual({ kind: 'locked', lockedUntil });
  });

  test('ends at its time: the right code is accepted then', () => {
    const state = authenticator({ failedAttempts: 5, lockedUntil: NOW });
    expect(checkCode(codeOf(STEP), state, NOW)).toEqual({ kind: 'accepted', step: STEP });
  });

  test('once run out, starts the count afresh', () => {
    const state = authenticator({ failedAttempts: 5, lockedUntil: NOW });
    expect(checkCode(WRONG, state, shifted(1))).toEqual({
      kind: 'rejected',
      reason: 'wrong',
      failedAttempts: 1,
      lockedUntil: null,
    });
  });

  test('a count beyond five, as another version may have stored, locks at the next failure', () => {
    expect(checkCode(WRONG, authenticator({ failedAttempts: 99 }), NOW)).toMatchObject({ lockedUntil });
  });
});

describe('what is typed', () => {
  const [first, second] = [codeOf(STEP).slice(0, 3), codeOf(STEP).slice(3)];

  test.each([
    ['a space in the middle', `${first} ${second}`],
    ['spaces around', `  ${first}${second} `],
    ['a line break after it', `${first}${second}\n`],
    ['a no-break space in the middle', `${first}\u00A0${second}`],
  ])('is accepted with %s', (_, typed) => {
    expect(checkCode(typed, authenticator(), NOW).kind).toBe('accepted');
  });

  test.each([
    ['nothing', ''],
    ['spaces', '      '],
    ['five digits', '12345'],
    ['seven digits', '1234567'],
    ['letters', 'abcdef'],
    ['a dash', `${first}-${second}`],
    ['a sign', '+12345'],
    ['hexadecimal', '0x1234'],
    ['an exponent', '1e0000'],
    ['digits of another script', '١٢٣٤٥٦'],
    ['full-width digits', '１２３４５６'],
    ['a zero-width space in the middle', `${first}\u200B${second}`],
    ['two codes', `${first}${second}${first}${second}`],
    ['100,000 digits', '1'.repeat(100_000)],
  ])('is malformed if it is %s, and does not count', (_, typed) => {
    expect(checkCode(typed, authenticator({ failedAttempts: 3 }), NOW)).toEqual({
      kind: 'rejected',
      reason: 'malformed',
      failedAttempts: 3,
      lockedUntil: null,
    });
  });

  test('any input gets a value and never an exception, with neither code nor secret', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{6}$/u)), (typed) => {
        const answer = JSON.stringify(checkCode(typed, authenticator(), NOW));
        expect(answer).not.toContain(SECRET);
        expect(answer).not.toContain('code');
      }),
    );
  });
});

test('codes of any key are those of RFC 4226', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 40 }), fc.nat(2_000_000_000), (key, step) => {
      const checked = checkCode(hotp(key, step), authenticator({ secret: base32(key) }), new Date(step * 30_000));
      expect(checked.kind).toBe('accepted');
    }),
  );
});

describe('locks in a row', () => {
  const MINUTE = 60_000;
  const HOUR = 60 * MINUTE;
  /** The locks after five wrong codes each; `waitMs`: the pause after each lock. */
  const locksOf = (rows: number, waitMs: number): readonly number[] => {
    let state = authenticator();
    let now = NOW;
    const lengths: number[] = [];
    for (let row = 0; row < rows; row += 1) {
      for (let guess = 1; guess <= FAILURES_TO_LOCK; guess += 1) {
        const check = checkCode(WRONG, { ...state, secret: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }, now);
        if (check.kind !== 'rejected') throw new Error(check.kind);
        state = { ...state, failedAttempts: check.failedAttempts, lockedUntil: check.lockedUntil };
        if (check.lockedUntil === null) continue;
        lengths.push(check.lockedUntil.getTime() - now.getTime());
        state = { ...state, locks: locksSoFar(state, now) + 1, lastLockEndsAt: check.lockedUntil };
        now = new Date(check.lockedUntil.getTime() + waitMs);
      }
    }
    return lengths;
  };

  test('each lasts twice as long, up to a day', () => {
    expect(locksOf(9, 0)).toEqual([0.25, 0.5, 1, 2, 4, 8, 16, 24, 24].map((hours) => hours * HOUR));
  });

  test('a day without one ends the row, and less does not', () => {
    expect(locksOf(3, 24 * HOUR)).toEqual([15 * MINUTE, 15 * MINUTE, 15 * MINUTE]);
    expect(locksOf(3, 24 * HOUR - 1)).toEqual([15 * MINUTE, 30 * MINUTE, 60 * MINUTE]);
  });

  test('a month of guessing, as fast as locks allow, gives fewer than 200 tries', () => {
    const lengths = locksOf(60, 0);
    let spent = 0;
    const within = lengths.filter((length) => {
      spent += length;
      return spent <= 30 * 24 * HOUR;
    });
    expect(within.length * FAILURES_TO_LOCK).toBeLessThan(200);
  });
});
