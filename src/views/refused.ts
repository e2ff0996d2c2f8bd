import { code, label } from './text.js';

/** Why the database refused a write, and what the console's team has to run. */
export interface Refused {
  readonly words: string;
  readonly cure: readonly string[];
}

const WORDS_MAX = 300;
const CURE_MAX = 700;

/** In a message or a modal. */
export function refusedWords({ words, cure }: Refused): string {
  return sentences(code(words, WORDS_MAX), cure.length === 0 ? null : code(cure.join(' '), CURE_MAX));
}

/** Under a field or in a row, where nothing is formatted. */
export function plainRefusedWords({ words, cure }: Refused): string {
  return sentences(`“${label(words, WORDS_MAX)}”.`, cure.length === 0 ? null : label(cure.join(' '), CURE_MAX));
}

/** Never suggests trying again: it would fail again. */
function sentences(words: string, cure: string | null): string {
  return cure === null
    ? `The database refuses this: ${words} Tell the console’s team; it won’t work until they change that.`
    : `The database refuses this: ${words} It won’t work until the console’s team has run: ${cure}`;
}
