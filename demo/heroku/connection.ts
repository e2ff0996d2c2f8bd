import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiAnswer } from './api.js';

/** How an answer is sent: whole, or cut halfway through its body. */
export type Delivery = 'whole' | 'stall' | 'truncated' | 'reset_mid_body';

/** The whole body as text. Rejects if the client disconnects before its end. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Sends an answer with an ETag, or a 304 if the client has it already; returns the status sent.
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

/** As a router whose backend went away. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function cut(response: ServerResponse, delivery: Delivery): void {
  if (delivery === 'truncated') response.socket?.end();
  if (delivery === 'reset_mid_body') {
    // An immediate reset could overtake the first half, and the client would miss the headers.
    setTimeout(() => reset(response), 20);
  }
}
