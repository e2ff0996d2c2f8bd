import type { Database } from '../../db/database.js';
import { webhookOf } from '../../promotions/webhook.js';
import { defineStep, type Step } from './step.js';

export interface WebhookDependencies {
  readonly db: Pick<Database, 'webhooks'>;
  readonly sendsWebhooks: boolean;
}

/** Queues webhooks for what happened to alerts, whoever did it, and whatever was killed since. */
export function webhookStep({ db, sendsWebhooks }: WebhookDependencies): Step {
  return defineStep({
    gather: async () => (sendsWebhooks ? db.webhooks.unannounced(null) : []),
    decide: (happened) => happened.map(webhookOf).map((webhook) => ({ kind: 'queue_webhook' as const, webhook })),
    act: ({ webhook }) => db.webhooks.queue(webhook),
  });
}

/** For one promotion, after a click. */
export async function queueWebhooks({ db, sendsWebhooks }: WebhookDependencies, promotionId: string): Promise<void> {
  if (!sendsWebhooks) return;
  for (const happened of await db.webhooks.unannounced(promotionId)) await db.webhooks.queue(webhookOf(happened));
}
