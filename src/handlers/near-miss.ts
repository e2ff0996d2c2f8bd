import { distance } from 'fastest-levenshtein';

/** A resemblance of this many edits at most is taken for a slip of the thumb. */
const NEAR_MISS = 2;

/** The word that was probably meant; null if none resembles what was typed. */
export function nearMiss<Word extends string>(typed: string, words: readonly Word[]): Word | null {
  const said = typed.slice(0, 40).toLowerCase();
  const [best] = words.map((word) => ({ word, edits: distance(said, word) })).sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= NEAR_MISS ? best.word : null;
}
