import { createTurns } from '../../src/jobs/turns.js';

/** Work that ends when the test says so. */
function controlled() {
  const begun: string[] = [];
  const enders = new Map<string, () => void>();
  const work = (key: string) => {
    begun.push(key);
    return new Promise<void>((resolve) => enders.set(key, resolve));
  };
  const end = async (key: string) => {
    enders.get(key)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begun, work, end };
}

describe('turns', () => {
  test('are taken by as many as there are, in their order, and each waits once', async () => {
    const { begun, work, end } = controlled();
    const turns = createTurns(2, work);
    for (const key of ['a', 'b', 'c', 'd', 'c']) turns.take(key);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('are taken again by what is under way: it may not see what has changed since', async () => {
    const { begun, work, end } = controlled();
    const turns = createTurns(1, work);
    turns.take('a');
    turns.take('a');
    await end('a');
    expect(begun).toEqual(['a', 'a']);
  });

  test('end with what is under way, and let go of what waits', async () => {
    const { begun, work, end } = controlled();
    const turns = createTurns(1, work);
    turns.take('a');
    turns.take('b');
    let stopped = false;
    const stopping = turns.stop().then(() => {
      stopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    await end('a');
    await stopping;
    expect(begun).toEqual(['a']);
  });
});
