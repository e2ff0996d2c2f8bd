import type { WebClientOptions } from '@slack/web-api';
import * as z from 'zod';
import type { Fetch } from '../network/network.js';
import { httpDate, retryAfterMs } from '../network/retry-after.js';

/** It isn't Slack's: a proxy's page, an answer that was cut short. */
class UnreadableAnswer extends Error {
  readonly code = 'unreadable_answer';
  override readonly name = 'UnreadableAnswer';
}

/** https://docs.slack.dev/apis/web-api/#responses */
const slacks = z.object({ ok: z.boolean() });
/** https://docs.slack.dev/apis/web-api/rate-limits names seconds; what else comes is a proxy's. */
const USUAL_WAIT_SECONDS = 30;

/**
 * Our fetch, as Slack's client takes it. The client takes everything but `"ok": true` for a refusal, also a page, and a
 * 429 without seconds for a failure of unknown outcome.
 * @throws UnreadableAnswer
 */
export function clientFetch(fetch: Fetch): NonNullable<WebClientOptions['fetch']> {
  return async (url, { body, ...init } = {}) => {
    // The client sends bytes as Node's own kind of form. We upload by address, and give it none.
    if (body !== undefined && typeof body !== 'string') throw new Error('Slack’s client is given no bytes to send.');
    const answer = await fetch(url, { ...init, ...(body === undefined ? {} : { body }) });
    const { status, headers } = answer;
    if (status === 429) {
      await answer.body?.cancel();
      return new Response(null, { status, headers: { 'retry-after': String(secondsToWait(headers)) } });
    }
    if (status !== 200) return answer;
    const text = await answer.text();
    if (!isSlacks(text)) throw new UnreadableAnswer('The answer is not one of Slack’s.');
    return new Response(text, { status, headers });
  };
}

function secondsToWait(headers: { get(name: string): string | null }): number {
  // Its own clock says how long that is.
  const now = new Date(httpDate(headers.get('date') ?? ''));
  const waitMs = retryAfterMs(headers.get('retry-after'), now);
  return waitMs === null || Number.isNaN(waitMs) ? USUAL_WAIT_SECONDS : Math.ceil(waitMs / 1_000);
}

function isSlacks(text: string): boolean {
  try {
    return slacks.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}
