import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiAnswer } from './api.js';

/** How an answer leaves: whole, or cut off halfway through its body. */
export type Delivery = 'whole' | 'stall' | 'truncated' | 'reset_mid_body';

/** The whole body as text. Rejects where the client goes away before its end. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Sends an answer, with an ETag, and a 304 in its place where the client has it already; returns the status sent.
 * https://devcenter.heroku.com/articles/platform-api-reference#caching
 */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: ApiAnswer,
  headers: Readonly<Record<string, string>>,
  delivery: Delivery = 'whole',
): number {
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  const etag = `"${createHash('md5').update(text).digest('hex')}"`;
  const isFresh = request.method === 'GET' && answer.status === 200 && request.headers['if-none-match'] === etag;
  const status = isFresh ? 304 : answer.status;
  const body = Buffer.from(status === 304 ? '' : text);
  response.writeHead(status, {
    'Content-Type': typeof answer.body === 'string' ? 'text/html' : 'application/json',
    'Cache-Control': 'private, no-cache',
    Vary: 'Accept-Encoding',
    ...(answer.status < 300 && { ETag: etag }),
    ...(status !== 304 && { 'Content-Length': String(body.length) }),
    ...headers,
    ...answer.headers,
  });
  if (delivery === 'whole') response.end(body);
  else response.write(body.subarray(0, Math.floor(body.length / 2)), () => cut(response, delivery));
  return status;
}

/** As a router does that loses its backend. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function cut(response: ServerResponse, delivery: Delivery): void {
  if (delivery === 'truncated') response.socket?.end();
  if (delivery === 'reset_mid_body') {
    // A reset at once could overtake the half that was written, and then the client would not see its headers.
    setTimeout(() => reset(response), 20);
  }
}
