import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Acknowledgement, Delivery, Payload } from './deliver.js';

/** A request to the app as it was sent, for replaying. */
export interface SentRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Forgery {
  readonly secret?: string;
  /** Signed this many seconds ago; an app refuses what is older than five minutes. */
  readonly ageSeconds?: number;
  /** Without any signature. */
  readonly unsigned?: boolean;
  /** The body differs from what was signed. */
  readonly tampered?: boolean;
}

/**
 * Slack's requests to an app over HTTP, signed (https://docs.slack.dev/authentication/verifying-requests-from-slack).
 */
export interface HttpDelivery extends Delivery {
  /** Requests sent, oldest first; without forged and replayed ones. */
  readonly sent: readonly SentRequest[];
  /**
   * Replays a captured request byte for byte, by default the last; resolves with the app's status. @throws if nothing
   * was sent yet, or the app doesn't answer
   */
  replay(request?: SentRequest): Promise<number>;
  /** Sends a payload with a wrong, old or missing signature; resolves with the app's status. */
  forge(payload: Payload, how: Forgery): Promise<number>;
  /** Slack's check when the URL is configured: whether the app returns the challenge. */
  verifyUrl(): Promise<boolean>;
}

export function httpDelivery(
  url: string,
  options: { readonly signingSecret: string; readonly ackWithinMs: number; readonly stopped: AbortSignal },
): HttpDelivery {
  const sent: SentRequest[] = [];

  async function post(request: SentRequest): Promise<Acknowledgement> {
    const inTime = AbortSignal.timeout(options.ackWithinMs);
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: request.headers,
        body: request.body,
        redirect: 'manual',
        signal: AbortSignal.any([inTime, options.stopped]),
      });
      const body = parse(await answer.text());
      return {
        kind: 'answered',
        status: answer.status,
        body,
        noRetry: answer.headers.get('x-slack-no-retry') === '1',
      };
    } catch {
      return { kind: inTime.aborted ? 'timeout' : 'unreachable' };
    }
  }

  async function statusOf(request: SentRequest): Promise<number> {
    const answer = await post(request);
    if (answer.kind !== 'answered') throw new Error(`The app did not answer: ${answer.kind}.`);
    return answer.status;
  }

  return {
    sent,
    async deliver(payload, retry) {
      const request = signed(payload, options.signingSecret, 0);
      const headers =
        retry === undefined
          ? request.headers
          : { ...request.headers, 'x-slack-retry-num': String(retry.number), 'x-slack-retry-reason': retry.reason };
      sent.push({ headers, body: request.body });
      return post({ headers, body: request.body });
    },
    async replay(request = sent.at(-1)) {
      if (request === undefined) throw new Error('Nothing was sent yet.');
      return statusOf(request);
    },
    async forge(payload, how) {
      const { headers, body } = signed(payload, how.secret ?? options.signingSecret, how.ageSeconds ?? 0);
      const { 'x-slack-signature': _signature, ...unsigned } = headers;
      return statusOf({
        headers: how.unsigned === true ? unsigned : headers,
        body: how.tampered === true ? `${body} ` : body,
      });
    },
    async verifyUrl() {
      const challenge = randomBytes(16).toString('hex');
      const payload: Payload = { kind: 'event', payload: { token: 'deprecated', challenge, type: 'url_verification' } };
      const answer = await post(signed(payload, options.signingSecret, 0));
      if (answer.kind !== 'answered' || answer.status !== 200) return false;
      const given = z.union([z.string(), z.object({ challenge: z.string() }).transform((body) => body.challenge)]);
      return given.safeParse(answer.body).data === challenge;
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

function signed(payload: Payload, secret: string, ageSeconds: number): SentRequest {
  const [contentType, body] = encode(payload);
  const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds);
  const digest = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
  return {
    headers: {
      'content-type': contentType,
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${digest}`,
    },
    body,
  };
}

function parse(text: string): unknown {
  try {
    return text === '' ? '' : JSON.parse(text);
  } catch {
    return text;
  }
}
