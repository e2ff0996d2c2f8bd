import { createRecoveryHash } from '../../src/operators/recovery-codes.js';
import { createSpokenWords } from '../../src/operators/spoken-word.js';

const former = createSpokenWords(createRecoveryHash(new Uint8Array(32).fill(7)));
const words = createSpokenWords(createRecoveryHash(new Uint8Array(32).fill(8), new Uint8Array(32).fill(7)));

test('a word is one of many, short, and of plain letters', () => {
  const made = Array.from({ length: 300 }, () => words.make('U0SAM').word);
  for (const word of made) expect(word).toMatch(/^[a-z]{3,8}$/u);
  expect(new Set(made).size).toBeGreaterThan(200);
});

test('it is right however it was typed, for its person alone, also if the key rotated since', () => {
  for (const maker of [words, former]) {
    const { word, hash } = maker.make('U0SAM');
    expect(hash).not.toContain(word);
    for (const typed of [word, word.toUpperCase(), ` ${word}.`, `“${word}”`]) {
      expect([typed, words.isRight(typed, hash, 'U0SAM')]).toEqual([typed, true]);
    }
    for (const typed of ['', ' ', `${word}s`, word.slice(1), `${word} ${word}`]) {
      expect([typed, words.isRight(typed, hash, 'U0SAM')]).toEqual([typed, false]);
    }
    expect(words.isRight(word, hash, 'U0KRIS')).toBe(false);
    expect(words.isRight(word, null, 'U0SAM')).toBe(false);
  }
});

test('the stored hash can’t be tried out without the key', () => {
  const { word, hash } = words.make('U0SAM');
  const other = createSpokenWords(createRecoveryHash(new Uint8Array(32).fill(9)));
  expect(other.isRight(word, hash, 'U0SAM')).toBe(false);
});
