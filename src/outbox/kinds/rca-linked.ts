import { rcaLinkedReply } from '../../views/alert.js';
import { defineKind } from '../kind.js';
import { inThread, showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    rca_linked: 'an RCA was linked; the ordinal is its audit event';
  }
}

interface LinkedRca {
  readonly url: string;
  readonly previousUrl: string | null;
  readonly linkedBy: string;
}

export const rcaLinked = defineKind<LinkedRca>({
  gone: 'close',
  unknownOutcome: 'find',
  async gather({ ordinal }, { db, slack }) {
    const event = await db.audit.find(ordinal);
    const url = event?.detail['url'];
    const previousUrl = event?.detail['previous_url'];
    if (event === null || typeof url !== 'string') return null;
    return {
      url,
      previousUrl: typeof previousUrl === 'string' ? previousUrl : null,
      linkedBy: await slack.nameOf(event.actor),
    };
  },
  place: (message) => inThread(message),
  show: ({ url, previousUrl, linkedBy }, { isNew }) =>
    isNew ? showing(rcaLinkedReply(url, previousUrl, linkedBy)) : null,
});
