import { createHmac, randomUUID } from 'node:crypto';

/** A request as Slack signs it (https://docs.slack.dev/authentication/verifying-requests-from-slack). */
export function signed(body: string, signingSecret: string, at: Date = new Date()): RequestInit {
  const timestamp = Math.floor(at.getTime() / 1000).toString();
  const signature = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${signature}`,
    },
    body,
  };
}

/** Slack never sends the same request twice: each has its own trigger. */
export function newTrigger(): string {
  return randomUUID();
}

/** An interaction's body: a click or a submission. */
export function interaction(payload: unknown): string {
  return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
}
