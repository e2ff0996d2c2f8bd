import { inTurns } from '../../src/db/in-turns.js';

/** How often others got their turn while `work` was under way. */
async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function again() {
    turns += 1;
    next = setImmediate(again);
  });
  await work();
  clearImmediate(next);
  return turns;
}

test('many items are gone through in their order, and others get their turn in between', async () => {
  const items = Array.from({ length: 5_000 }, (_, n) => n);
  const seen: number[] = [];
  expect(await turnsDuring(() => inTurns(items, (item) => seen.push(item)))).toBeGreaterThanOrEqual(20);
  expect(seen).toEqual(items);
});

test('a few are gone through at once', async () => {
  const seen: number[] = [];
  expect(await turnsDuring(() => inTurns([1, 2, 3], (item) => seen.push(item)))).toBe(0);
  expect(seen).toEqual([1, 2, 3]);
});

test('what the work throws is not kept back', async () => {
  const work = () => {
    throw new Error('no');
  };
  await expect(inTurns([1], work)).rejects.toThrow('no');
});
