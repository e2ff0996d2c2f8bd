import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTurns, readInTurns } from '../../src/db/in-turns.js';
import { createDialer } from '../../src/db/server/dial.js';
import { createEmptyDatabase } from '../support/database.js';

/** How often others got their turn while `work` was under way. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
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

test('an error in the work is not kept back', async () => {
  const work = () => {
    throw new Error('no');
  };
  await expect(inTurns([1], work)).rejects.toThrow('no');
});

const CHUNK = 64 * 1024;

/** The most bytes that `stream` hands over in one turn while `work` is under way. */
async function mostInATurn(stream: Readable, work: () => Promise<unknown>): Promise<number> {
  let [bytes, most] = [0, 0];
  const hear = (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    most = Math.max(most, bytes);
  };
  stream.on('data', hear);
  let next = setImmediate(function again() {
    bytes = 0;
    next = setImmediate(again);
  });
  await work();
  clearImmediate(next);
  stream.off('data', hear);
  return most;
}

test('a stream that has much is read in turns, all of it and in its order', async () => {
  const chunks = Array.from({ length: 64 }, (_, n) => Buffer.alloc(CHUNK, n));
  const left = [...chunks];
  const stream = new Readable({
    read() {
      this.push(left.shift() ?? null);
    },
  });
  const seen: Uint8Array[] = [];
  stream.on('data', (chunk: Uint8Array) => seen.push(chunk));
  readInTurns(stream);
  expect(await mostInATurn(stream, () => once(stream, 'end'))).toBeLessThanOrEqual(3 * CHUNK);
  expect(Buffer.concat(seen).equals(Buffer.concat(chunks))).toBe(true);
});

test('a connection reads a large answer in turns, although all of it is there', async () => {
  const database = await createEmptyDatabase();
  const client = await createDialer(database.url, { applicationName: 'flag-promotions' }).open();
  try {
    const LINES = 6_000;
    const { stream } = client.connection;
    const most = await mostInATurn(stream, async () => {
      const asked = client.query({
        text: `select n || repeat('.', 500) as line from generate_series(1, ${LINES}) n`,
        rowMode: 'array',
      });
      await sleep(0);
      // The server goes on sending, as long as this side reads nothing.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      const { rows } = await asked;
      expect(rows).toEqual(Array.from({ length: LINES }, (_, n) => [`${n + 1}${'.'.repeat(500)}`]));
    });
    expect(most).toBeLessThanOrEqual(4 * CHUNK);
  } finally {
    await client.end();
    await database.drop();
  }
});
