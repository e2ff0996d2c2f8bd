import { pageKey } from '../../promotions/page.js';
import { channelUrl, slackSilentPage } from '../../views/page.js';
import { defineKind } from '../kind.js';
import { type PageFacts, showingPage } from './page-facts.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    slack_page: 'a person is woken because Slack takes no alerts; the ordinal counts the times';
  }
}

/** Resolved once Slack has taken what was pending. */
export const slackPage = defineKind<PageFacts>({
  lane: 'page',
  gone: 'close',
  unknownOutcome: 'post_again',
  async gather({ subject, createdAt }, { db, alertChannel }) {
    const since = await db.paging.slackSilentSince();
    const slackUrl = channelUrl(alertChannel, await db.installation.workspace());
    return {
      status: since === null ? 'resolved' : 'triggered',
      key: pageKey(subject, 'critical', createdAt),
      trigger: since === null ? null : slackSilentPage(since, await db.now(), slackUrl),
    };
  },
  place: ({ channel }, _facts, { defaultPage }) =>
    defaultPage === null && channel === null ? null : { to: 'pager', routingKey: defaultPage },
  show: showingPage,
});
