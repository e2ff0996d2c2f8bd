import { setImmediate as othersTurn } from 'node:timers/promises';

/** So many small steps take a few milliseconds. */
const AT_ONCE = 200;

/** Works through many items in batches, so that nobody's click waits for the last. */
export async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await othersTurn();
    work(item);
  }
}
