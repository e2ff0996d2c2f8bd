import type { IncomingMessage } from 'node:http';

/** The status for a body that wasn't read to its end. 400: the sender went away. */
type BodyRefusal = 400 | 408 | 413 | 503;

/** Reads a request's body of up to `mostBytes`. Never rejects. */
export type ReadBody = (request: IncomingMessage, mostBytes: number) => Promise<Buffer | BodyRefusal>;

export interface BodyLimits {
  /** For all bodies under way together. */
  readonly heldBytes: number;
  readonly withinMs: number;
}

/** Slack's requests arrive in one piece; a form is one code. */
export const BODY_LIMITS: BodyLimits = { heldBytes: 16 * 1024 * 1024, withinMs: 10_000 };

interface Reading {
  end(outcome: Buffer | BodyRefusal): void;
}

/**
 * Reads bodies whose signature isn't checked yet. Together they hold at most `heldBytes`: the oldest is dropped first,
 * so slow senders don't keep out fast ones. Limits by address are useless behind a proxy.
 */
export function createBodyReader({ heldBytes, withinMs }: BodyLimits = BODY_LIMITS): ReadBody {
  /** Oldest first. */
  const underWay = new Set<Reading>();
  let held = 0;

  function makeRoom(): void {
    for (const oldest of underWay) {
      if (held <= heldBytes) return;
      oldest.end(503);
    }
  }

  return async (request, mostBytes) => {
    if (Number(request.headers['content-length'] ?? 0) > mostBytes) return 413;
    return new Promise((resolve) => {
      const isChunked = request.headers['content-length'] === undefined;
      const block = createBlock(isChunked ? Math.min(mostBytes, CHUNKED_BYTES) : mostBytes);
      let pieces = 0;
      const reading: Reading = {
        end(outcome) {
          if (!underWay.delete(reading)) return;
          held -= block.size();
          clearTimeout(timer);
          request.off('data', take).off('end', finish).off('close', leave);
          if (isChunked && typeof outcome === 'number') cut(request);
          else request.pause();
          resolve(outcome);
        },
      };
      const finish = (): void => reading.end(block.bytes());
      const leave = (): void => reading.end(400);
      const take = (piece: Buffer): void => {
        pieces += 1;
        const before = block.size();
        const fits = block.append(piece) && pieces <= CRUMBS + block.size() / CRUMB_BYTES;
        held += block.size() - before;
        if (!fits) return void reading.end(413);
        makeRoom();
        // Let others run before the next piece: the kernel may hold megabytes of each.
        if (isChunked) return;
        request.pause();
        setImmediate(() => underWay.has(reading) && request.resume());
      };
      const timer = setTimeout(() => reading.end(408), withinMs);
      underWay.add(reading);
      // A broken connection emits `close`, too.
      request
        .on('error', () => undefined)
        .on('data', take)
        .on('end', finish)
        .on('close', leave);
    });
  };
}

/**
 * Node hands over chunks as the sender made them and buffers those nobody reads: thousands, if each is one byte. So
 * read them at once, and cut off a sender of many small ones or of too many.
 */
const CHUNKED_BYTES = 256 * 1024;
const CRUMBS = 64;
const CRUMB_BYTES = 256;

function cut(request: IncomingMessage): void {
  // Node's mark of a body that nobody reads. Without it, Node hands over the thousands of pieces that it has read already.
  Reflect.set(request, '_dumped', true);
  request.on('data', () => undefined);
  request.socket.destroy();
}

const FIRST_BYTES = 4_096;

/** Collects bytes in one growing block: kept separately, a piece of one byte takes hundreds. */
function createBlock(mostBytes: number) {
  let block = Buffer.alloc(0);
  let length = 0;
  return {
    /** Memory in use. */
    size: () => block.byteLength,
    bytes: () => block.subarray(0, length),
    /** False if that would be too much. */
    append(piece: Buffer): boolean {
      const needed = length + piece.byteLength;
      if (needed > mostBytes) return false;
      if (needed > block.byteLength) {
        const grown = Buffer.allocUnsafeSlow(Math.min(mostBytes, Math.max(FIRST_BYTES, needed, 2 * block.byteLength)));
        block.copy(grown, 0, 0, length);
        block = grown;
      }
      piece.copy(block, length);
      length = needed;
      return true;
    },
  };
}
