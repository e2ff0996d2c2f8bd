import fc from 'fast-check';
import {
  base32Problem,
  checkFirstCode,
  enrolmentUri,
  hashToken,
  isToken,
  newSecret,
  newToken,
} from '../../src/operators/enrolment-secrets.js';
import { checkCode } from '../../src/operators/totp.js';
import { base32, hotp } from './hotp.js';

const usable = (secret: string) =>
  checkCode(
    '000000',
    { secret, lastStep: null, failedAttempts: 0, lockedUntil: null, locks: 0, lastLockEndsAt: null },
    new Date(59_000),
  ).kind;

describe('a new secret', () => {
  test('is 160 bits of base32, and another one each time', () => {
    const secrets = Array.from({ length: 100 }, newSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Z2-7]{32}$/u);
  });

  test('can be used', () => {
    expect(base32Problem(newSecret())).toBeNull();
    expect(['accepted', 'rejected']).toContain(usable(newSecret()));
  });
});

describe('a secret that was brought along', () => {
  test.each([
    ['nothing', '', 'base32'],
    ['lower case', 'gezdgnbvgy3tqojqgezdgnbvgy3tqojq', 'capitals'],
    ['one small letter', 'gEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 'capitals'],
    ['spaces', 'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ', 'spaces'],
    ['padding', 'GEZDGNBVGY3TQOJQGEZDGNBVGY======', 'padding'],
    ['digits that base32 lacks', '0189GNBVGY3TQOJQGEZDGNBVGY3TQOJQ', '2 to 7'],
    ['hexadecimal', '3132333435363738393031323334353637383930', '2 to 7'],
    ['a character too many', 'GEZDGNBVGY3TQOJQGEZDGNBVGYA', 'whole'],
    ['too few bits', 'GEZDGNBVGY3TQOJQGEZDGNBV', '128 bits'],
    ['a line break', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n', 'base32'],
  ])('is refused if it has %s, without being repeated', (_, secret, words) => {
    const problem = base32Problem(secret);
    expect(problem).toContain(words);
    if (secret !== '') expect(problem).not.toContain(secret);
  });

  test('of any 16 to 40 bytes is accepted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 40 }), (key) => {
        expect(base32Problem(base32(key))).toBeNull();
      }),
    );
  });

  test('that is accepted can be used: no code ever fails on it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z2-7]{24,160}$/u), (secret) => {
        if (base32Problem(secret) === null) expect(['accepted', 'rejected']).toContain(usable(secret));
      }),
    );
  });
});

describe('a link’s token', () => {
  test('is 256 random bits, another one each time, and known as a token', () => {
    const tokens = Array.from({ length: 100 }, newToken);
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) {
      expect(Buffer.from(token, 'base64url')).toHaveLength(32);
      expect(isToken(token)).toBe(true);
    }
  });

  test.each([
    ['nothing', ''],
    ['42 letters', 'a'.repeat(42)],
    ['44 letters', 'a'.repeat(44)],
    ['a letter that base64url lacks', `${'a'.repeat(42)}+`],
    ['a line break after it', `${'a'.repeat(43)}\n`],
    ['a path before it', `/${'a'.repeat(43)}`],
  ])('is not %s', (_, text) => {
    expect(isToken(text)).toBe(false);
  });

  test('is stored as its SHA-256', () => {
    // FIPS 180-2, appendix B.1.
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('the first code of a fresh secret', () => {
  const key = Buffer.from('12345678901234567890', 'ascii');
  const now = new Date('2026-05-10T06:00:10Z');
  const step = Math.floor(now.getTime() / 30_000);
  const code = hotp(key, step);

  test.each([
    ['right', code, { kind: 'right', step }],
    ['right, typed with spaces', ` ${code.slice(0, 3)} ${code.slice(3)}`, { kind: 'right', step }],
    ['right, of the step before', hotp(key, step - 1), { kind: 'right', step: step - 1 }],
    ['old', hotp(key, step - 2), { kind: 'wrong' }],
    ['five digits', '12345', { kind: 'malformed' }],
    ['seven digits', `${code}1`, { kind: 'malformed' }],
    ['a letter and a code', `a${code}`, { kind: 'malformed' }],
    ['a word', 'abcdef', { kind: 'malformed' }],
  ])('that is %s', (_, typed, check) => {
    expect(checkFirstCode(typed, base32(key), now)).toEqual(check);
  });
});

describe('the address that authenticator apps read', () => {
  test('names issuer and operator, and carries the secret', () => {
    const uri = new URL(enrolmentUri('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 'U0SUPER001'));
    expect(uri.protocol).toBe('otpauth:');
    expect(uri.host).toBe('totp');
    expect(decodeURIComponent(uri.pathname)).toBe('/flag-promotions:U0SUPER001');
    expect(uri.searchParams.get('secret')).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    expect(uri.searchParams.get('issuer')).toBe('flag-promotions');
  });

  test('asks for what is checked: SHA-1, 6 digits, 30 s, which are also what apps assume', () => {
    const { searchParams } = new URL(enrolmentUri(newSecret(), 'U0SUPER001'));
    expect(searchParams.get('algorithm') ?? 'SHA1').toMatch(/^SHA-?1$/iu);
    expect(searchParams.get('digits') ?? '6').toBe('6');
    expect(searchParams.get('period') ?? '30').toBe('30');
  });
});
