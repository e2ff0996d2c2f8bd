import { type PagedAlert, type PageTrigger, pageKey, pageStatus } from '../../promotions/page.js';
import type { OutboxMessage } from '../../promotions/messages.js';
import { channelUrl, criticalPage, groupPage } from '../../views/page.js';
import { defineKind, type Sources } from '../kind.js';
import { evidenceOf } from './alert-evidence.js';
import { type PageFacts, showingPage } from './page-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    page: 'a person is woken about criticals; the subject is their promotion or group, the ordinal the first one’s alert';
  }
}

/**
 * An incident at the pager: opened when posted, acknowledged and resolved by updates. Sending an event again does no
 * harm: the pager knows its incident by the key.
 */
export const page = defineKind<PageFacts & { readonly routingKey: string | null }>({
  lane: 'page',
  gone: 'close',
  unknownOutcome: 'post_again',
  async gather(message, sources) {
    const alerts = await sources.db.paging.alerts(alertIds(message));
    const open = alerts.filter(({ isOpen }) => isOpen);
    const [first] = open.length === 0 ? alerts : open;
    return {
      status: pageStatus(alerts),
      key: pageKey(message.subject, 'critical', message.createdAt),
      trigger: first === undefined || open.length === 0 ? null : await triggerOf(message, open, first, sources),
      routingKey: first === undefined ? null : sources.routeOf(first.herokuApp).page,
    };
  },
  place: ({ channel }, { routingKey }) =>
    routingKey === null && channel === null ? null : { to: 'pager', routingKey },
  show: showingPage,
});

async function triggerOf(
  { promotionId, state }: OutboxMessage,
  open: readonly PagedAlert[],
  first: PagedAlert,
  sources: Sources,
): Promise<PageTrigger | null> {
  const { db } = sources;
  const slackUrl = channelUrl(sources.routeOf(first.herokuApp).channel, await db.installation.workspace());
  const asOf = await db.now();
  // What was opened once is never opened again, so no evidence is needed.
  const promotion = promotionId === null || state !== 'pending' ? null : await db.promotions.find(promotionId);
  if (promotion === null) return groupPage(open, asOf, slackUrl);
  return criticalPage({ promotion, evidence: await evidenceOf(promotion, 'critical', sources), asOf, slackUrl });
}

function alertIds({ detail }: OutboxMessage): readonly string[] {
  const alerts = detail['alerts'];
  return Array.isArray(alerts) ? alerts.filter((id) => typeof id === 'string') : [];
}
