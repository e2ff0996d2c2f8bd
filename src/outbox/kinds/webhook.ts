import { defineKind } from '../kind.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    webhook: 'something happened to an alert; the subject says what, and the detail is the event';
  }
}

/** Every attempt sends the same event: the receiver knows it by its id. Later ones about a promotion wait for it. */
export const webhook = defineKind<{ readonly body: string }>({
  lane: 'webhook',
  gone: 'close',
  unknownOutcome: 'post_again',
  async gather({ detail }) {
    const event = detail['event'];
    return typeof event === 'object' && event !== null ? { body: JSON.stringify(event) } : null;
  },
  place: (_message, _facts, { sendsWebhooks }) => (sendsWebhooks ? { to: 'webhook' } : null),
  show: ({ body }, { isNew }) => (isNew ? { content: { webhook: body } } : null),
});
