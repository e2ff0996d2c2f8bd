import type { Fetch } from '../network/network.js';
import type { PageEvent } from '../promotions/page.js';
import { postJson } from './post.js';

export interface PagerDuty {
  /** @throws PagingError */
  send(routingKey: string, event: PageEvent): Promise<void>;
}

const WITHIN_MS = 5_000;
/** https://developer.pagerduty.com/docs/send-alert-event */
const SUMMARY_LIMIT = 1_024;
const CLIENT = 'flag-promotions';

/** PagerDuty's Events API v2. Sends without retries: the outbox decides when to try again. */
export function createPagerDuty(url: string, fetch: Fetch): PagerDuty {
  return {
    send: (routingKey, event) =>
      postJson(
        {
          what: 'page',
          url,
          headers: {},
          body: JSON.stringify(bodyOf(routingKey, event)),
          withinMs: WITHIN_MS,
          answersJson: true,
          secrets: [routingKey],
        },
        fetch,
      ),
  };
}

function bodyOf(routingKey: string, event: PageEvent): object {
  const base = { routing_key: routingKey, event_action: event.action, dedup_key: event.key };
  if (event.action !== 'trigger') return base;
  const { summary, source, component, at, links, details } = event.trigger;
  const [first] = links;
  return {
    ...base,
    client: CLIENT,
    ...(first === undefined ? {} : { client_url: first.href }),
    links,
    payload: {
      summary: summary.slice(0, SUMMARY_LIMIT),
      source,
      severity: 'critical',
      timestamp: at.toISOString(),
      ...(component === null ? {} : { component }),
      group: source,
      class: 'stuck promotion',
      custom_details: details,
    },
  };
}
