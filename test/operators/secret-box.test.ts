import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { createSecretBox, findKeyTrouble, SecretBoxError, WrongKeyError } from '../../src/operators/secret-box.js';

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const OPERATOR = 'U0SUPER001';
const key = randomBytes(32);
const box = createSecretBox(key);
/** The prefix of the ciphertext: the format, and the id of the key. */
const HEAD = `v1.${box.sealsWith}.`;
const ciphertextOf = (sealed: string) => sealed.slice(HEAD.length);
/** As earlier versions sealed, without the key's id. */
const unnamed = (sealed: string) => `v1.${ciphertextOf(sealed)}`;

function failureOf(open: () => string): unknown {
  try {
    open();
  } catch (error) {
    return error;
  }
  throw new Error('It opened.');
}

/** Of these, what opens, or fails with anything but a SecretBoxError: hundreds of `toThrow` take a second. */
const notRefused = (all: readonly string[]) =>
  all.filter((sealed) => {
    try {
      box.open(sealed, OPERATOR);
      return true;
    } catch (error) {
      return !(error instanceof SecretBoxError);
    }
  });

describe('a sealed secret', () => {
  test('looks different each time, and shows nothing of what is in it', () => {
    const sealed = Array.from({ length: 200 }, () => box.seal(SECRET, OPERATOR));
    expect(new Set(sealed).size).toBe(200);
    const ivs = sealed.map((text) => Buffer.from(ciphertextOf(text), 'base64url').subarray(0, 12).toString('hex'));
    expect(new Set(ivs).size).toBe(200);
    for (const text of sealed) {
      expect(text).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/u);
      expect(Buffer.from(ciphertextOf(text), 'base64url').includes(SECRET)).toBe(false);
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
    const bytes = Buffer.from(ciphertextOf(box.seal(SECRET, OPERATOR)), 'base64url');
    const flipped = [...bytes].flatMap((byte, index) =>
      Array.from({ length: 8 }, (_, bit) => {
        const altered = Buffer.from(bytes);
        altered[index] = byte ^ (1 << bit);
        return `${HEAD}${altered.toString('base64url')}`;
      }),
    );
    expect(flipped.length).toBeGreaterThan(400);
    expect(notRefused(flipped)).toEqual([]);
  });

  test('does not open cut short anywhere, nor with a byte more', () => {
    const bytes = Buffer.from(ciphertextOf(box.seal(SECRET, OPERATOR)), 'base64url');
    const longer = Buffer.concat([bytes, Buffer.of(0)]);
    const lengths = [...bytes.keys(), longer.length];
    expect(notRefused(lengths.map((length) => `${HEAD}${longer.subarray(0, length).toString('base64url')}`))).toEqual(
      [],
    );
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
    const sealed = unnamed(box.seal(SECRET, OPERATOR));
    const error = failureOf(() => createSecretBox(randomBytes(32)).open(sealed, OPERATOR));
    expect(error).toMatchObject({ name: 'SecretBoxError', cause: { message: expect.any(String) } });
    const shown = inspect(error, { depth: 10, showHidden: true });
    expect(shown).toContain('TOTP_ENCRYPTION_KEY');
    for (const kept of [SECRET, sealed, sealed.slice(3), key.toString('base64'), key.toString('hex')]) {
      expect(shown).not.toContain(kept);
    }
  });
});

describe('keys rotate', () => {
  const former = randomBytes(32);
  const both = createSecretBox(key, former);
  const old = createSecretBox(former);

  test('the first seals, all open, and what is sealed says with which key', () => {
    expect(both.seal(SECRET, OPERATOR).startsWith(HEAD)).toBe(true);
    expect(both.openWith(old.seal(SECRET, OPERATOR), OPERATOR)).toEqual({ secret: SECRET, keyId: old.sealsWith });
    expect(both.openWith(box.seal(SECRET, OPERATOR), OPERATOR)).toEqual({ secret: SECRET, keyId: box.sealsWith });
    expect(both.isCurrent(box.seal(SECRET, OPERATOR))).toBe(true);
    expect(both.isCurrent(old.seal(SECRET, OPERATOR))).toBe(false);
    expect(box.sealsWith).not.toBe(old.sealsWith);
    expect(key.toString('hex')).not.toContain(box.sealsWith);
  });

  test('a secret sealed by an earlier version, which names no key, opens with any of them', () => {
    for (const by of [box, old]) {
      const sealed = unnamed(by.seal(SECRET, OPERATOR));
      expect(both.openWith(sealed, OPERATOR)).toEqual({ secret: SECRET, keyId: by.sealsWith });
      expect(both.isCurrent(sealed)).toBe(false);
    }
  });

  test('why a secret stays shut is told', () => {
    const reasonOf = (sealed: string) => {
      const error = failureOf(() => box.open(sealed, OPERATOR));
      return error instanceof SecretBoxError ? error.reason : error;
    };
    expect(reasonOf(old.seal(SECRET, OPERATOR))).toBe('unknown_key');
    expect(reasonOf(unnamed(old.seal(SECRET, OPERATOR)))).toBe('not_opened');
    expect(reasonOf(box.seal(SECRET, 'U0OTHER'))).toBe('damaged');
    expect(reasonOf('sealed')).toBe('damaged');
  });

  const stored = (sealedSecret: string, slackUserId = OPERATOR) => ({ slackUserId, sealedSecret });

  test.each([
    ['nobody is an operator yet', [], null],
    ['all open', [stored(box.seal(SECRET, OPERATOR))], null],
    [
      'one names a key that is not there',
      [stored(box.seal(SECRET, OPERATOR)), stored(old.seal(SECRET, 'U1'), 'U1')],
      ['U1'],
    ],
    ['none opens', [stored(unnamed(old.seal(SECRET, OPERATOR)))], [OPERATOR]],
    [
      'one that names no key stays shut beside another that opens: it may be damaged',
      [stored(unnamed(old.seal(SECRET, OPERATOR))), stored(box.seal(SECRET, 'U1'), 'U1')],
      null,
    ],
    ['one is damaged, and nobody else is there', [stored('v1.damaged.'), stored(box.seal(SECRET, 'U1'))], null],
  ])('the keys are the wrong ones, or not: %s', (_, secrets, operators) => {
    const trouble = findKeyTrouble(box, secrets);
    expect(trouble?.operators ?? null).toEqual(operators);
    if (trouble !== null) expect(new WrongKeyError(trouble).message).toContain(operators?.[0] ?? '');
  });
});
