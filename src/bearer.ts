import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Whether a request carries the token (RFC 6750, in its header); without a token, every request may. */
export function createBearerCheck(token: string | null): (request: IncomingMessage) => boolean {
  if (token === null) return () => true;
  const wanted = hash(token);
  return ({ headers }) => {
    const [, given] = /^bearer +([\x21-\x7e]+)$/iu.exec(headers.authorization ?? '') ?? [];
    return given !== undefined && timingSafeEqual(hash(given), wanted);
  };
}

/** Of one length, as the comparison needs. */
function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
