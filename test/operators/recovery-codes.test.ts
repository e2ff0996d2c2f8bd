import { createCodeReader, type StoredProofs } from '../../src/operators/code-reader.js';
import { createRecoveryHash, newRecoveryCodes, recoveryCodeOf } from '../../src/operators/recovery-codes.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { LOCK_MS } from '../../src/operators/totp.js';
import { base32, hotp } from './hotp.js';

const KEY = new Uint8Array(32).fill(7);
const NOW = new Date('2026-05-10T06:00:10Z');
const OPERATOR = 'U0KRIS';
const SECRET = Buffer.from('a secret of 20 bytes');
const recoveryHash = createRecoveryHash(KEY);
const hash = recoveryHash.ofNew;
const box = createSecretBox(KEY);
const read = createCodeReader(box, recoveryHash);
const check = (typed: string, proofs: StoredProofs, now: Date) => read(typed, now).check(proofs);
const CODE = 'abcde-f2345';

const stored = (changes: Partial<StoredProofs> = {}) => ({
  operatorId: OPERATOR,
  sealedSecret: box.seal(base32(SECRET), OPERATOR),
  lastStep: null,
  failedAttempts: 0,
  lockedUntil: null,
  locks: 0,
  lastLockEndsAt: null,
  recoveryCodes: [{ hash: hash(CODE, OPERATOR), usedAt: null }],
  ...changes,
});

test('ten fresh codes are ten different ones, each in the form that is asked for', () => {
  const codes = newRecoveryCodes();
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/u);
  expect(newRecoveryCodes()).not.toEqual(codes);
});

test.each([
  ['abcde-f2345', 'abcdef2345'],
  [' ABCDE F2345 ', 'abcdef2345'],
  ['abcdef2345', 'abcdef2345'],
  ['123456', null],
  ['abcde-f234', null],
  ['abcde-f23456', null],
  // Letters that no code has, because they look like others.
  ['abcde-filou', null],
  ['', null],
])('%j is read as %j', (typed, code) => {
  expect(recoveryCodeOf(typed)).toBe(code);
});

test('the hash is the same however it was typed, and another for another operator and another key', () => {
  expect(hash('ABCDE F2345', OPERATOR)).toBe(hash(CODE, OPERATOR));
  expect(hash(CODE, 'U0MINA')).not.toBe(hash(CODE, OPERATOR));
  expect(createRecoveryHash(new Uint8Array(32).fill(8)).ofNew(CODE, OPERATOR)).not.toBe(hash(CODE, OPERATOR));
});

test('the hash stays the same from version to version: stored codes stay good', () => {
  expect(hash(CODE, OPERATOR)).toBe(`${box.sealsWith}.vYoP03Qew2CwwKxTHAfuLbxEy_bs6HVvIFvI4Qku8Go`);
  expect(recoveryHash.all(CODE, OPERATOR)).toContain('vYoP03Qew2CwwKxTHAfuLbxEy_bs6HVvIFvI4Qku8Go');
});

describe('if a code is asked for', () => {
  test('a recovery code is accepted, by its hash, and how many are left without it is told', () => {
    const mine = { hash: hash(CODE, OPERATOR), usedAt: null };
    const recoveryCodes = [{ hash: 'a', usedAt: null }, mine, { hash: 'b', usedAt: NOW }, { hash: 'c', usedAt: null }];
    expect(check(CODE, stored({ failedAttempts: 4, recoveryCodes }), NOW)).toEqual({
      kind: 'accepted',
      recoveryCode: hash(CODE, OPERATOR),
      left: 2,
    });
  });

  test('one that was used is refused as such, and is no guess', () => {
    const used = stored({ failedAttempts: 3, recoveryCodes: [{ hash: hash(CODE, OPERATOR), usedAt: NOW }] });
    expect(check(CODE, used, NOW)).toEqual({
      kind: 'rejected',
      reason: 'reused',
      failedAttempts: 3,
      lockedUntil: null,
    });
  });

  test('one that is not theirs counts as a guess, and the fifth locks', () => {
    expect(check('00000-00000', stored(), NOW)).toMatchObject({
      reason: 'wrong',
      failedAttempts: 1,
      lockedUntil: null,
    });
    expect(check(CODE, stored({ recoveryCodes: [{ hash: hash(CODE, 'U0MINA'), usedAt: null }] }), NOW)).toMatchObject({
      reason: 'wrong',
    });
    expect(check('00000-00000', stored({ failedAttempts: 4 }), NOW)).toMatchObject({
      failedAttempts: 5,
      lockedUntil: new Date(NOW.getTime() + LOCK_MS),
    });
  });

  test('while locked not even a right one is looked at', () => {
    const lockedUntil = new Date(NOW.getTime() + 1);
    expect(check(CODE, stored({ failedAttempts: 5, lockedUntil }), NOW)).toEqual({ kind: 'locked', lockedUntil });
    expect(check(CODE, stored({ failedAttempts: 5, lockedUntil }), lockedUntil)).toMatchObject({ kind: 'accepted' });
  });

  test('it is good even if the secret cannot be opened any more', () => {
    expect(check(CODE, stored({ sealedSecret: 'v1.damaged' }), NOW).kind).toBe('accepted');
    expect(check('123456', stored({ sealedSecret: 'v1.damaged' }), NOW)).toEqual({ kind: 'unreadable' });
  });

  test('only for a recovery code the stored ones are asked for', () => {
    expect(read(CODE, NOW).isRecoveryCode).toBe(true);
    expect(read('123456', NOW).isRecoveryCode).toBe(false);
  });

  test('a TOTP code is what it always was', () => {
    const step = Math.floor(NOW.getTime() / 30_000);
    expect(check(hotp(SECRET, step), stored(), NOW)).toEqual({ kind: 'accepted', step });
    expect(check('12345', stored(), NOW)).toMatchObject({ reason: 'malformed', failedAttempts: 0 });
  });

  describe('with several keys', () => {
    const NEXT = new Uint8Array(32).fill(9);
    const both = createCodeReader(createSecretBox(NEXT, KEY), createRecoveryHash(NEXT, KEY));
    const only = createCodeReader(createSecretBox(NEXT), createRecoveryHash(NEXT));
    /** As earlier versions stored it, without the key's id. */
    const unnamed = hash(CODE, OPERATOR).slice(9);

    test('one that was hashed with a former key is good as long as the key is there', () => {
      for (const one of [hash(CODE, OPERATOR), unnamed]) {
        const proofs = stored({ recoveryCodes: [{ hash: one, usedAt: null }] });
        expect(both(CODE, NOW).check(proofs)).toEqual({ kind: 'accepted', recoveryCode: one, left: 0 });
        expect(both('00000-00000', NOW).check(proofs)).toMatchObject({ reason: 'wrong', failedAttempts: 1 });
      }
    });

    test('without its key it is no guess, nor is a TOTP code', () => {
      for (const one of [hash(CODE, OPERATOR), unnamed]) {
        const proofs = stored({ failedAttempts: 4, recoveryCodes: [{ hash: one, usedAt: null }] });
        for (const typed of [CODE, '00000-00000', '123456', '12345']) {
          expect([typed, only(typed, NOW).check(proofs)]).toEqual([typed, { kind: 'unreadable' }]);
        }
      }
    });
  });
});
