import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import { type ConsoleSettings, lowerCase, stateOf } from './settings.js';

/** How the table spells each of our states when we write it. */
export type Spellings = Readonly<Record<PromotionState, string>>;

/**
 * The word that STATE_MAP names first, else our own: in the spelling that the table has already, or in the case of its other
 * words. `existing`: the words that it has, the most frequent first.
 */
export function spellingsOf(existing: readonly string[], stateMap: ConsoleSettings['stateMap']): Spellings {
  const inCase = caseOf(existing, stateMap);
  const spelled = (state: PromotionState): string => {
    const named = stateMap.find((entry) => entry.state === state)?.word;
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
  // A word that is ours but for its case says more of it than one that only stands for one of ours.
  const model =
    existing.find((word) => stateOf(word, []) !== null) ??
    existing.find((word) => stateOf(word, stateMap) !== null) ??
    existing[0] ??
    '';
  if (/^[^a-z]*[A-Z][^a-z]*$/u.test(model)) return (state) => state.toUpperCase();
  if (/^[A-Z][^A-Z]*$/u.test(model)) return (state) => state.charAt(0).toUpperCase() + state.slice(1);
  return (state) => state;
}

/** The states for which none of the words stands. */
export function statesWithout(
  words: readonly string[],
  stateMap: ConsoleSettings['stateMap'],
): readonly PromotionState[] {
  return PROMOTION_STATES.filter((state) => !words.some((word) => stateOf(word, stateMap) === state));
}
