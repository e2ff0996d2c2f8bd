import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a request to the app was sent. */
export type Payload =
  | { readonly kind: 'command'; readonly form: Readonly<Record<string, string>> }
  | { readonly kind: 'interaction'; readonly payload: Readonly<Record<string, unknown>> }
  | { readonly kind: 'event'; readonly payload: Readonly<Record<string, unknown>> };

/** What the app answered in time: its status and body; or that it did not. */
export type Acknowledgement =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'unreachable' };

/** Carries payloads to the app, over HTTP or Socket Mode. */
export interface Delivery {
  deliver(payload: Payload, retry?: { readonly number: number; readonly reason: string }): Promise<Acknowledgement>;
}

/** Slack waits this long for an acknowledgement (https://docs.slack.dev/interactivity). */
export const ACK_WITHIN_MS = 3_000;

/** What a request to the app looked like, for sending it again. */
export interface SentRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpDelivery extends Delivery {
  readonly sent: readonly SentRequest[];
  /** Sends exactly this once more, as whoever captured it would; answers the status. */
  replay(request: SentRequest): Promise<number>;
}

export function httpDelivery(url: string, signingSecret: string): HttpDelivery {
  const sent: SentRequest[] = [];

  async function post(request: SentRequest): Promise<Acknowledgement> {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: request.headers,
        body: request.body,
        signal: AbortSignal.timeout(ACK_WITHIN_MS),
      });
      return { kind: 'answered', status: answer.status, body: parse(await answer.text()) };
    } catch (error) {
      return { kind: error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'unreachable' };
    }
  }

  return {
    sent,
    async deliver(payload, retry) {
      const [contentType, body] = encode(payload);
      const request: SentRequest = {
        headers: {
          'content-type': contentType,
          ...sign(body, signingSecret),
          ...(retry === undefined
            ? {}
            : { 'x-slack-retry-num': String(retry.number), 'x-slack-retry-reason': retry.reason }),
        },
        body,
      };
      sent.push(request);
      return post(request);
    },
    async replay(request) {
      const answer = await post(request);
      return answer.kind === 'answered' ? answer.status : 0;
    },
  };
}

function encode(payload: Payload): readonly [contentType: string, body: string] {
  switch (payload.kind) {
    case 'command':
      return ['application/x-www-form-urlencoded', new URLSearchParams(payload.form).toString()];
    case 'interaction':
      return [
        'application/x-www-form-urlencoded',
        new URLSearchParams({ payload: JSON.stringify(payload.payload) }).toString(),
      ];
    case 'event':
      return ['application/json', JSON.stringify(payload.payload)];
  }
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
function sign(body: string, secret: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const digest = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${digest}` };
}

function parse(text: string): unknown {
  try {
    return text === '' ? '' : JSON.parse(text);
  } catch {
    return text;
  }
}

/** Slack's retries of an event that was not acknowledged (https://docs.slack.dev/apis/events-api#retries). */
const RETRIES = 3;

/** Delivers an event until it is acknowledged with a 2xx, with up to three retries, `waitMs` apart. */
export async function deliverEvent(delivery: Delivery, payload: Payload, waitMs: number): Promise<boolean> {
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    if (attempt > 0) await sleep(waitMs);
    const answer = await delivery.deliver(
      payload,
      attempt === 0 ? undefined : { number: attempt, reason: 'http_timeout' },
    );
    if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) return true;
  }
  return false;
}
