import { createConcurrencyLimit } from '../../src/jobs/concurrency-limit.js';

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

describe('a concurrency limit', () => {
  test('runs as many at a time as it allows, in order, and each key waits once', async () => {
    const { begun, work, end } = controlled();
    const limit = createConcurrencyLimit(2, work);
    for (const key of ['a', 'b', 'c', 'd', 'c']) limit.run(key);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('runs a key again that is under way: it may not see what has changed since', async () => {
    const { begun, work, end } = controlled();
    const limit = createConcurrencyLimit(1, work);
    limit.run('a');
    limit.run('a');
    await end('a');
    expect(begun).toEqual(['a', 'a']);
  });

  test('stops with what is under way, and drops what waits', async () => {
    const { begun, work, end } = controlled();
    const limit = createConcurrencyLimit(1, work);
    limit.run('a');
    limit.run('b');
    let stopped = false;
    const stopping = limit.stop().then(() => {
      stopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    await end('a');
    await stopping;
    expect(begun).toEqual(['a']);
  });
});
