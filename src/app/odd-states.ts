import type { OddStates } from '../db/console/odd-states.js';

/** Another system may set such a state at any time; a monitor asks every few seconds. */
const FRESH_FOR_MS = 5 * 60_000;

/**
 * Asks at most every five minutes for states that nothing here knows. Never rejects: null if the database can't answer.
 */
export function createOddStates(
  find: () => Promise<OddStates>,
  elapsed: () => number,
): () => Promise<OddStates | null> {
  let last: { readonly at: number; readonly found: Promise<OddStates | null> } | null = null;
  return () => {
    if (last === null || elapsed() - last.at >= FRESH_FOR_MS) {
      const found = find().catch(() => {
        // Ask again next time.
        last = null;
        return null;
      });
      last = { at: elapsed(), found };
    }
    return last.found;
  };
}
