import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { createSecretBox, SecretBoxError } from '../../src/operators/secret-box.js';

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const OPERATOR = 'U0SUPER001';
const key = randomBytes(32);
const box = createSecretBox(key);

function failureOf(open: () => string): unknown {
  try {
    open();
  } catch (error) {
    return error;
  }
  throw new Error('It opened.');
}

describe('a sealed secret', () => {
  test('opens again, whatever it is and whoever it is for', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), fc.string(), (secret, operator) => {
        // A lone surrogate has no UTF-8; none is in a base32 secret.
        const text = secret.toWellFormed();
        expect(box.open(box.seal(text, operator), operator)).toBe(text);
      }),
    );
  });

  test('looks different each time, and shows nothing of what is in it', () => {
    const sealed = Array.from({ length: 200 }, () => box.seal(SECRET, OPERATOR));
    expect(new Set(sealed).size).toBe(200);
    const ivs = sealed.map((text) => Buffer.from(text.slice(3), 'base64url').subarray(0, 12).toString('hex'));
    expect(new Set(ivs).size).toBe(200);
    for (const text of sealed) {
      expect(text).toMatch(/^v1\.[\w-]+$/u);
      expect(Buffer.from(text.slice(3), 'base64url').includes(SECRET)).toBe(false);
    }
  });

  test('does not open with another key', () => {
    const other = createSecretBox(randomBytes(32));
    expect(() => other.open(box.seal(SECRET, OPERATOR), OPERATOR)).toThrow(SecretBoxError);
  });

  test.each(['U0SUPER002', '', 'u0super001', `${OPERATOR} `])('does not open as the secret of %j', (operator) => {
    expect(() => box.open(box.seal(SECRET, OPERATOR), operator)).toThrow(SecretBoxError);
  });

  test('does not open once any bit of any byte is flipped', () => {
    const bytes = Buffer.from(box.seal(SECRET, OPERATOR).slice(3), 'base64url');
    for (const [index, byte] of bytes.entries()) {
      for (let bit = 0; bit < 8; bit += 1) {
        const altered = Buffer.from(bytes);
        altered[index] = byte ^ (1 << bit);
        expect(() => box.open(`v1.${altered.toString('base64url')}`, OPERATOR)).toThrow(SecretBoxError);
      }
    }
  });

  test('does not open cut short anywhere, nor with a byte more', () => {
    const bytes = Buffer.from(box.seal(SECRET, OPERATOR).slice(3), 'base64url');
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = `v1.${bytes.subarray(0, length).toString('base64url')}`;
      expect(() => box.open(cut, OPERATOR)).toThrow(SecretBoxError);
    }
    const longer = `v1.${Buffer.concat([bytes, Buffer.of(0)]).toString('base64url')}`;
    expect(() => box.open(longer, OPERATOR)).toThrow(SecretBoxError);
  });

  test.each(['.', '.x', '!', '\n', ' '])('does not open with %j written after it', (more) => {
    expect(() => box.open(`${box.seal(SECRET, OPERATOR)}${more}`, OPERATOR)).toThrow(SecretBoxError);
  });

  test('does not open with anything written before it', () => {
    expect(() => box.open(`v${box.seal(SECRET, OPERATOR)}`, OPERATOR)).toThrow(SecretBoxError);
  });

  test.each(['', 'v1', 'v1.', '.', 'v2.AAAA', SECRET, 'v1.!!!!', 'null'])('%j is none', (sealed) => {
    expect(() => box.open(sealed, OPERATOR)).toThrow(SecretBoxError);
  });

  test('fails in words that help, and that hold no secret, key or ciphertext', () => {
    const sealed = box.seal(SECRET, OPERATOR);
    const error = failureOf(() => createSecretBox(randomBytes(32)).open(sealed, OPERATOR));
    expect(error).toMatchObject({ name: 'SecretBoxError', cause: { message: expect.any(String) } });
    const shown = inspect(error, { depth: 10, showHidden: true });
    expect(shown).toContain('TOTP_ENCRYPTION_KEY');
    for (const kept of [SECRET, sealed, sealed.slice(3), key.toString('base64'), key.toString('hex')]) {
      expect(shown).not.toContain(kept);
    }
  });
});
