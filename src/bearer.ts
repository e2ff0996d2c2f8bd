import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Checks that a request carries the token in its header (RFC 6750); without a token, every request passes. */
export function createBearerCheck(token: string | null): (request: IncomingMessage) => boolean {
  if (token === null) return () => true;
  const wanted = hash(token);
  return ({ headers }) => {
    const [, given] = /^bearer +([\x21-\x7e]+)$/iu.exec(headers.authorization ?? '') ?? [];
    return given !== undefined && timingSafeEqual(hash(given), wanted);
  };
}

/** timingSafeEqual needs two values of one length. */
function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
