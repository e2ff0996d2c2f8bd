import type { OddStates } from '../db/console/odd-states.js';

/** A row of another system may get such a state at any time; a monitor asks every few seconds. */
const FRESH_FOR_MS = 5 * 60_000;

/** Asks at most every five minutes for the states that nobody here knows. Never rejects: null where the database can't tell now. */
export function createOddStates(
  find: () => Promise<OddStates>,
  elapsed: () => number,
): () => Promise<OddStates | null> {
  let last: { readonly at: number; readonly found: Promise<OddStates | null> } | null = null;
  return () => {
    if (last === null || elapsed() - last.at >= FRESH_FOR_MS) {
      const found = find().catch(() => {
        // Ask again at the next occasion.
        last = null;
        return null;
      });
      last = { at: elapsed(), found };
    }
    return last.found;
  };
}
