import { distance } from 'fastest-levenshtein';

/** Up to this many edits count as a typing slip. */
const NEAR_MISS = 2;

/** The word that was probably meant; null if none is close. */
export function nearMiss<Word extends string>(typed: string, words: readonly Word[]): Word | null {
  const said = typed.slice(0, 40).toLowerCase();
  const [best] = words.map((word) => ({ word, edits: distance(said, word) })).sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= NEAR_MISS ? best.word : null;
}
