import { defineKind } from '../kind.js';
import { webhook } from './webhook.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    drill_webhook: 'something happened in a drill; the subject is the drill, and the detail is the event';
  }
}

/** Sent like any webhook. A separate kind, so that a drill's webhook never counts as overdue. */
export const drillWebhook = defineKind(webhook);
