import { drillPageStatus, PRETEND_APP } from '../../promotions/drill.js';
import { pageKey } from '../../promotions/page.js';
import { channelUrl, drillTrigger } from '../../views/page.js';
import { defineKind } from '../kind.js';
import { type PageFacts, showingPage } from './page-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    drill_page: 'a drill rings the pager; the subject is the drill';
  }
}

/** Its own incident, labelled DRILL. It is resolved even if the drill is gone: its key comes from the row. */
export const drillPage = defineKind<PageFacts & { readonly routingKey: string | null }>({
  lane: 'page',
  gone: 'close',
  unknownOutcome: 'post_again',
  async gather({ subject, createdAt }, { db, routeOf }) {
    const drill = await db.drills.find(subject);
    const { channel, page: routingKey } = routeOf(PRETEND_APP);
    const slackUrl = channelUrl(channel, await db.installation.workspace());
    return {
      status: drillPageStatus(drill),
      key: pageKey(`drill:${subject}`, 'critical', createdAt),
      trigger: drill === null ? null : drillTrigger(drill, await db.now(), slackUrl),
      routingKey,
    };
  },
  place: ({ channel }, { routingKey }) =>
    routingKey === null && channel === null ? null : { to: 'pager', routingKey },
  show: showingPage,
});
