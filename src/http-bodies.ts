import type { IncomingMessage } from 'node:http';

/** Why a body was not read to its end: the status that says so. 400: whoever sent it went away. */
export type BodyRefusal = 400 | 408 | 413 | 503;

/** Reads a request's body; `mostBytes`: what the route can use. Never rejects. */
export type ReadBody = (request: IncomingMessage, mostBytes: number) => Promise<Buffer | BodyRefusal>;

export interface BodyLimits {
  /** What all bodies under way may hold together. */
  readonly heldBytes: number;
  readonly withinMs: number;
}

/** Slack's requests come whole in one piece; a form is one code. */
export const BODY_LIMITS: BodyLimits = { heldBytes: 16 * 1024 * 1024, withinMs: 10_000 };

interface Reading {
  end(outcome: Buffer | BodyRefusal): void;
}

/**
 * Bodies of people whom nobody knows yet. Together they hold `heldBytes` at most: the one that has been read for the longest goes
 * first, so that who sends slowly doesn't keep out who sends at once. Whose address it is says nothing, behind a proxy.
 */
export function createBodyReader({ heldBytes, withinMs }: BodyLimits = BODY_LIMITS): ReadBody {
  /** The oldest first. */
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
        // Others get their turn before the next piece: the kernel may hold megabytes of each.
        if (isChunked) return;
        request.pause();
        setImmediate(() => underWay.has(reading) && request.resume());
      };
      const timer = setTimeout(() => reading.end(408), withinMs);
      underWay.add(reading);
      // A connection that breaks says so by `close`, too.
      request
        .on('error', () => undefined)
        .on('data', take)
        .on('end', finish)
        .on('close', leave);
    });
  };
}

/**
 * Node hands over chunks as they were made, thousands at a time where they are of one byte, and keeps those that nobody takes. So
 * they are taken at once, and who sends many small ones or too many is cut off.
 */
const CHUNKED_BYTES = 256 * 1024;
const CRUMBS = 64;
const CRUMB_BYTES = 256;

function cut(request: IncomingMessage): void {
  request.on('data', () => undefined);
  request.socket.destroy();
}

const FIRST_BYTES = 4_096;

/** Bytes in one block that grows, rather than in the pieces as they came: a piece of one byte takes hundreds. */
function createBlock(mostBytes: number) {
  let block = Buffer.alloc(0);
  let length = 0;
  return {
    /** What it takes up. */
    size: () => block.byteLength,
    bytes: () => block.subarray(0, length),
    /** False where that would be too much. */
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
