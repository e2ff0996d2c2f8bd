import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import { type ConsoleSettings, lowerCase, stateOf } from './settings.js';

export type Spellings = Readonly<Record<PromotionState, string>>;

/**
 * STATE_MAP's first word for a state, else our own, spelled as in the table or in its words' case. `existing`: the
 * table's words, the most frequent first.
 */
export function spellingsOf(existing: readonly string[], stateMap: ConsoleSettings['stateMap']): Spellings {
  const inCase = caseOf(existing, stateMap);
  const spelled = (state: PromotionState): string => {
    const named = wordFor(state, stateMap);
    const wanted = named ?? state;
    const found =
      existing.find((word) => word === wanted) ?? existing.find((word) => lowerCase(word) === lowerCase(wanted));
    return found ?? named ?? inCase(state);
  };
  return {
    marked: spelled('marked'),
    deploying: spelled('deploying'),
    deployed: spelled('deployed'),
    failed: spelled('failed'),
    cancelled: spelled('cancelled'),
  };
}

function caseOf(existing: readonly string[], stateMap: ConsoleSettings['stateMap']): (state: string) => string {
  // A word that differs from ours only in case wins over a synonym.
  const model =
    existing.find((word) => stateOf(word, []) !== null) ??
    existing.find((word) => stateOf(word, stateMap) !== null) ??
    existing[0] ??
    '';
  if (/^[^a-z]*[A-Z][^a-z]*$/u.test(model)) return (state) => state.toUpperCase();
  if (/^[A-Z][^A-Z]*$/u.test(model)) return (state) => state.charAt(0).toUpperCase() + state.slice(1);
  return (state) => state;
}

/** STATE_MAP's word to write for a state: its first. */
const wordFor = (state: PromotionState, stateMap: ConsoleSettings['stateMap']): string | undefined =>
  stateMap.find((entry) => entry.state === state)?.word;

/** All of STATE_MAP's words that are written. */
export const writtenWords = (stateMap: ConsoleSettings['stateMap']): readonly string[] =>
  PROMOTION_STATES.flatMap((state) => wordFor(state, stateMap) ?? []);

export function statesWithout(
  words: readonly string[],
  stateMap: ConsoleSettings['stateMap'],
): readonly PromotionState[] {
  return PROMOTION_STATES.filter((state) => !words.some((word) => stateOf(word, stateMap) === state));
}
