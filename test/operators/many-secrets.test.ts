import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createSecretBox } from '../../src/operators/secret-box.js';

const box = createSecretBox(randomBytes(32));

test('any sealed secret opens again, for any operator', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'binary' }), fc.string(), (secret, operator) => {
      // A lone surrogate has no UTF-8; none is in a base32 secret.
      const text = secret.toWellFormed();
      expect(box.open(box.seal(text, operator), operator)).toBe(text);
    }),
  );
});
