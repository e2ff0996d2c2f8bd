import type { Database } from '../../db/database.js';
import type { PagingLook } from '../../db/paging.js';
import { planPages } from '../../promotions/page.js';
import type { Route } from '../../promotions/routing.js';
import type { PageAction } from '../actions.js';
import { defineStep, type Step } from './step.js';

export interface PageDependencies {
  readonly db: Pick<Database, 'paging'>;
  readonly routeOf: (herokuApp: string) => Route;
  /** The routing key for pages that belong to no Heroku app; null: page nobody. */
  readonly defaultPage: string | null;
  /** Gets whether anything is to be delivered outside Slack: mostly nothing, and then nobody need look. */
  readonly onOwed: (isOwed: boolean) => void;
}

interface Found extends PagingLook {
  readonly slackIsSilent: boolean;
}

/** Queues pages for criticals: after `detect`, so in the same tick. Also makes up for killed processes. */
export function pageStep({ db, routeOf, defaultPage, onOwed }: PageDependencies): Step {
  return defineStep<Found, PageAction>({
    async gather() {
      const slackIsSilent = defaultPage !== null && (await db.paging.slackSilentSince()) !== null;
      const found = await db.paging.look();
      onOwed(found.isOwed || found.unpaged.length > 0 || slackIsSilent !== found.hasSlackPage);
      return { ...found, slackIsSilent };
    },
    decide: ({ unpaged, slackIsSilent, hasSlackPage, untold }) => [
      ...planPages(unpaged, (herokuApp) => routeOf(herokuApp).page !== null).map((page) => ({
        kind: 'queue_page' as const,
        ...page,
      })),
      ...(slackIsSilent === hasSlackPage
        ? []
        : [{ kind: slackIsSilent ? ('page_slack_silent' as const) : ('end_slack_page' as const) }]),
      ...untold.map((messageId) => ({ kind: 'tell_undelivered' as const, messageId })),
    ],
    act(action) {
      switch (action.kind) {
        case 'queue_page':
          return db.paging.queue(action);
        case 'page_slack_silent':
          return db.paging.queueSlackSilent();
        case 'end_slack_page':
          return db.paging.reviewSlackSilent();
        case 'tell_undelivered':
          return db.paging.tell(action.messageId);
      }
    },
  });
}
