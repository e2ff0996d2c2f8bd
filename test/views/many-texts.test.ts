import fc from 'fast-check';
import { code, cut, exact, plain, quote } from '../../src/views/text.js';
import { HOSTILE } from './hostile.js';
import { codeIsBalanced, strangeMarkup, trickery } from './reading.js';

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(...HOSTILE.map(([, text]) => text)),
  fc
    .array(fc.constantFrom('<', '>', '&', '`', '|', '\n', '!channel', '*', '😀', '\u0301', '\u202E'), {
      maxLength: 200,
    })
    .map((parts) => parts.join('')),
);
const lengthOf = (text: string) => Array.from(text).length;

test('a cut text keeps what fits, and never more than asked for', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, most) => {
      const kept = cut(text, most);
      expect(lengthOf(kept)).toBe(Math.min(lengthOf(text), most));
      if (lengthOf(text) <= most) expect(kept).toBe(text);
      else expect(text.startsWith(kept.slice(0, -1))).toBe(true);
    }),
  );
});

test('any text, as code or as a quotation, is one span of readable characters', () => {
  fc.assert(
    fc.property(anything, (text) => {
      for (const shown of [code(text), quote(text), code(text, 40)]) {
        expect(strangeMarkup(shown)).toEqual([]);
        expect(codeIsBalanced(shown)).toBe(true);
        expect(shown).toMatch(/^(`|```)[^`]+\1$/u);
        expect(trickery(shown)).toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
});

test('plain text is never longer than asked for', () => {
  fc.assert(
    fc.property(anything, fc.integer({ min: 10, max: 75 }), (text, most) => {
      expect(lengthOf(plain(text, most))).toBeLessThanOrEqual(most);
      expect(trickery(plain(text, most))).toEqual([]);
    }),
  );
});

test('exact text loses nothing, and two that differ are shown differently', () => {
  const shownOf = (text: string) => exact(text).join('');
  fc.assert(
    fc.property(anything, anything, (one, other) => {
      expect(exact(one).every((part) => part.length <= 3_000)).toBe(true);
      expect(shownOf(one) === shownOf(other)).toBe(one === other);
    }),
  );
});
