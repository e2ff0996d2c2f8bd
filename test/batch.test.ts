import { createBatch } from '../src/batch.js';

test('questions asked together share an answer; one asked after it began gets the next', async () => {
  let done = 0;
  const ends: (() => void)[] = [];
  const ask = createBatch(async () => {
    done += 1;
    const answer = done;
    await new Promise<void>((resolve) => void ends.push(resolve));
    return answer;
  }, 1);
  const first = Array.from({ length: 300 }, ask);
  const begun = async (count: number) => {
    while (ends.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await begun(1);
  const second = Array.from({ length: 300 }, ask);
  await begun(2);
  for (const end of ends) end();
  expect(new Set(await Promise.all(first))).toEqual(new Set([1]));
  expect(new Set(await Promise.all(second))).toEqual(new Set([2]));
  expect(done).toBe(2);
});

test('the work is not begun more often than it may be, however long it takes', async () => {
  let now = 1_000;
  const at: number[] = [];
  const took = [0, 15, 40, 70, 0];
  const sleep = async (milliseconds: number) => {
    now += milliseconds;
  };
  const work = async () => {
    at.push(now);
    now += took[at.length - 1] ?? 0;
  };
  const ask = createBatch(work, 40, { elapsed: () => now, sleep });
  for (const _ of took) await ask();
  expect(at).toEqual([1_000, 1_040, 1_080, 1_120, 1_190]);
});

test('a failure is that of those who asked, and not of the next', async () => {
  let fails = true;
  const ask = createBatch(async () => {
    if (fails) throw new Error('not now');
    return 'well';
  }, 1);
  const asked = [ask(), ask()];
  for (const one of asked) await expect(one).rejects.toThrow('not now');
  fails = false;
  expect(await ask()).toBe('well');
});
