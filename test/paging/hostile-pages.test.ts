import { type PagerDutyStandIn, ROUTING_KEY, startPagerDutyStandIn } from '../../demo/pagerduty/stand-in.js';
import { createPagerDuty } from '../../src/paging/pagerduty.js';
import { channelUrl, criticalPage, groupPage, slackSilentPage } from '../../src/views/page.js';
import { DAY, HOUR, momentAfter, promotion } from '../promotions/make.js';
import { DIRECTLY } from '../support/network.js';
import { BLANK, HOSTILE } from '../views/hostile.js';

let pager: PagerDutyStandIn;
beforeAll(async () => {
  pager = await startPagerDutyStandIn();
});
afterAll(() => pager.close());

const SLACK = channelUrl('C0ALERTS', 'T0RAXX');
const AS_OF = momentAfter(2 * DAY + 9 * HOUR);

test.each([['ordinary', 'raxx-console-prod'] as const, ...HOSTILE, ...BLANK])(
  'PagerDuty takes a page about %s',
  async (_, text) => {
    const row = promotion({ flagKey: text, herokuApp: text, configVar: text });
    const several = Array.from({ length: 57 }, () => ({ flagKey: text, herokuApp: text }));
    const pages = [
      criticalPage({ promotion: row, evidence: null, asOf: AS_OF, slackUrl: SLACK }),
      groupPage(several, AS_OF, SLACK),
      slackSilentPage(momentAfter(0), AS_OF, SLACK),
    ];
    for (const [index, trigger] of pages.entries()) {
      const event = { action: 'trigger', key: `${text.length}-${index}`, trigger } as const;
      await createPagerDuty(pager.url, DIRECTLY.fetch).send(ROUTING_KEY, event);
    }
  },
);
