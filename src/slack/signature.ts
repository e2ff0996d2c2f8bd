import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a request's headers claim: to be checked against its bytes. */
export interface SignatureClaim {
  /** As it was sent: the bytes are signed with it. */
  readonly timestamp: string;
  /** In hex. */
  readonly digest: string;
}

/** Slack's own limit (https://docs.slack.dev/authentication/verifying-requests-from-slack), in either direction. */
const SIGNED_WITHIN_MS = 5 * 60_000;

/** Slack sends no such headers; or it does, but their time isn't now. */
export type NoClaim = 'unsigned' | 'off_time';

/**
 * A request's claim, without reading its body. Only a whole number is a time: `Infinity` would be newer than
 * everything, for ever.
 */
export function readClaim({ headers }: IncomingMessage, now: Date): SignatureClaim | NoClaim {
  // Node joins a repeated header, and the joined text doesn't match.
  const [timestamp] = /^[1-9]\d{0,11}$/u.exec(text(headers['x-slack-request-timestamp'])) ?? [];
  const [, digest] = /^v0=([0-9a-f]{64})$/u.exec(text(headers['x-slack-signature'])) ?? [];
  if (timestamp === undefined || digest === undefined) return 'unsigned';
  const offMs = Math.abs(now.getTime() - Number(timestamp) * 1_000);
  return offMs <= SIGNED_WITHIN_MS ? { timestamp, digest } : 'off_time';
}

/** Whether the secret's owner signed these bytes at that time. */
export function isSigned({ timestamp, digest }: SignatureClaim, body: Uint8Array, signingSecret: string): boolean {
  const right = createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest();
  return timingSafeEqual(right, Buffer.from(digest, 'hex'));
}

function text(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}
