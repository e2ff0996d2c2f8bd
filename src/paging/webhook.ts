import { createHmac } from 'node:crypto';
import type { Fetch } from '../network/network.js';
import { postJson } from './post.js';

/** Where webhooks go, and the secrets that sign them: several during a rotation. */
export interface WebhookSettings {
  readonly url: string;
  readonly secrets: readonly Uint8Array[];
}

export interface Webhook {
  /**
   * Sends one event, signed by https://www.standardwebhooks.com. `id` stays the same in every attempt.
   * @throws PagingError
   */
  send(id: string, body: string): Promise<void>;
}

const WITHIN_MS = 10_000;

export function createWebhook({ url, secrets }: WebhookSettings, fetch: Fetch, now: () => Date): Webhook {
  return {
    send(id, body) {
      const timestamp = Math.floor(now().getTime() / 1_000);
      return postJson(
        {
          what: 'webhook',
          url,
          headers: {
            'webhook-id': id,
            'webhook-timestamp': String(timestamp),
            'webhook-signature': signaturesOf(secrets, `${id}.${timestamp}.${body}`),
          },
          body,
          withinMs: WITHIN_MS,
          answersJson: false,
          secrets: [],
        },
        fetch,
      );
    },
  };
}

function signaturesOf(secrets: readonly Uint8Array[], signed: string): string {
  return secrets.map((secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`).join(' ');
}
