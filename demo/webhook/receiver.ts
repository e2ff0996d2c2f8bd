import type { IncomingMessage, ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { startLoopbackServer } from '../loopback-server.js';

interface ReceivedWebhook {
  readonly id: string;
  readonly timestamp: number;
  readonly signature: string;
  readonly body: string;
  /** Whether the specification's own library accepts its signature. */
  readonly isVerified: boolean;
  /** The answer's status; null if there was none. */
  readonly status: number | null;
}

/**
 * A webhook receiver on 127.0.0.1: verifies each as https://www.standardwebhooks.com says, and refuses unsigned ones.
 */
export interface WebhookReceiver {
  /** For WEBHOOK_URL. */
  readonly url: string;
  /** Oldest first. */
  readonly received: readonly ReceivedWebhook[];
  /** Verified and accepted events, each id once. */
  events(): readonly unknown[];
  /** Overrides the next answers; `hang`: no answer. */
  answerNext(...answers: readonly (number | 'hang')[]): void;
  onChange(observer: () => void): () => void;
  close(): Promise<void>;
}

const TOLERANCE_MS = 5 * 60_000;

/** `secret`: `whsec_…`. `clock`: for a world whose time was moved; the library itself uses the machine's. */
export async function startWebhookReceiver(secret: string, clock?: () => Date): Promise<WebhookReceiver> {
  const webhook = new Webhook(secret);
  const received: ReceivedWebhook[] = [];
  const answers: (number | 'hang')[] = [];
  const observers = new Set<() => void>();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const header = (name: string): string => String(request.headers[name] ?? '');
    const headers = {
      'webhook-id': header('webhook-id'),
      'webhook-timestamp': header('webhook-timestamp'),
      'webhook-signature': header('webhook-signature'),
    };
    const isVerified = verifies(body, headers);
    const answer = answers.shift() ?? (isVerified ? 204 : 401);
    received.push({
      id: headers['webhook-id'],
      timestamp: Number(headers['webhook-timestamp']),
      signature: headers['webhook-signature'],
      body,
      isVerified,
      status: answer === 'hang' ? null : answer,
    });
    if (answer !== 'hang') {
      response.writeHead(answer, answer === 302 ? { Location: '/elsewhere' } : {});
      response.end();
    }
    for (const observer of observers) observer();
  }

  /** Whether the signature is valid and within five minutes of now. */
  function verifies(body: string, headers: Readonly<Record<string, string>>): boolean {
    const { 'webhook-id': id = '', 'webhook-timestamp': seconds = '', 'webhook-signature': signatures = '' } = headers;
    if (clock !== undefined) {
      const at = new Date(Number(seconds) * 1_000);
      const isOnTime = Math.abs(clock().getTime() - at.getTime()) < TOLERANCE_MS;
      return isOnTime && signatures.split(' ').includes(webhook.sign(id, at, body));
    }
    try {
      webhook.verify(body, { ...headers });
      return true;
    } catch {
      return false;
    }
  }

  const server = await startLoopbackServer(handle);

  return {
    url: `http://127.0.0.1:${server.port}/flags`,
    received,
    events() {
      const taken = received.filter(({ isVerified, status }) => isVerified && status !== null && status < 300);
      return [...new Map(taken.map(({ id, body }): [string, unknown] => [id, JSON.parse(body)])).values()];
    },
    answerNext: (...next) => void answers.push(...next),
    onChange: (observer) => {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    close: server.close,
  };
}
