import type { Readable } from 'node:stream';
import { setImmediate as othersTurn } from 'node:timers/promises';

/** So many small steps take a few milliseconds. */
const AT_ONCE = 200;

/** Works through many items in batches, so that nobody's click waits for the last. */
export async function inTurns<T>(items: readonly T[], work: (item: T) => void, atOnce = AT_ONCE): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index % atOnce === atOnce - 1) await othersTurn();
    work(item);
  }
}

/** pg parses so many bytes in a few milliseconds. */
const BYTES_AT_ONCE = 128 * 1024;

/**
 * Lets others have their turn after every 128 kB. Node hands over up to 2 MB that a socket holds without one: with their
 * parsing, a large answer would block the event loop for long.
 */
export function readInTurns(stream: Readable): void {
  let bytes = 0;
  stream.on('data', (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    if (bytes < BYTES_AT_ONCE) return;
    bytes = 0;
    stream.pause();
    setImmediate(() => stream.resume());
  });
}
