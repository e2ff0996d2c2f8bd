import { type PagerDutyStandIn, ROUTING_KEY, startPagerDutyStandIn } from '../../demo/pagerduty/stand-in.js';
import { createPagerDuty } from '../../src/paging/pagerduty.js';
import type { PageTrigger } from '../../src/promotions/page.js';
import { channelUrl, criticalPage, groupPage, slackSilentPage } from '../../src/views/page.js';
import { DIRECTLY } from '../support/network.js';
import { DAY, HOUR, momentAfter, promotion } from '../promotions/make.js';
import { BLANK, HOSTILE } from './hostile.js';

/* A page, whatever others wrote: PagerDuty accepts it, and it contains no Slack markup. */

const SLACK = channelUrl('C0ALERTS', 'T0RAXX');
const AS_OF = momentAfter(2 * DAY + 9 * HOUR);

let pager: PagerDutyStandIn;
beforeAll(async () => {
  pager = await startPagerDutyStandIn();
});
afterAll(() => pager.close());

const pages = (text: string): readonly PageTrigger[] => {
  const row = promotion({ flagKey: text, herokuApp: text, configVar: text });
  return [
    criticalPage({ promotion: row, evidence: null, asOf: AS_OF, slackUrl: SLACK }),
    groupPage(
      Array.from({ length: 57 }, () => ({ flagKey: text, herokuApp: text })),
      AS_OF,
      SLACK,
    ),
    slackSilentPage(momentAfter(0), AS_OF, SLACK),
  ];
};

test.each([['ordinary', 'raxx-console-prod'] as const, ...HOSTILE, ...BLANK])(
  'PagerDuty takes a page about %s',
  async (_, text) => {
    for (const [index, trigger] of pages(text).entries()) {
      const event = { action: 'trigger', key: `${text.length}-${index}`, trigger } as const;
      await createPagerDuty(pager.url, DIRECTLY.fetch).send(ROUTING_KEY, event);
    }
  },
);

test('one critical is told as its alert tells it, in plain text', () => {
  const page = criticalPage({
    promotion: promotion({ flagKey: 'a&b', herokuApp: 'raxx-web' }),
    evidence: null,
    asOf: AS_OF,
    slackUrl: SLACK,
  });
  expect(page.summary).toBe('CRITICAL a&b on raxx-web: stuck 2 d 9 h. Checking Heroku whether it is live.');
  expect(page.links).toEqual([
    { href: 'https://slack.com/app_redirect?channel=C0ALERTS&team=T0RAXX', text: 'Slack' },
    { href: 'https://dashboard.heroku.com/apps/raxx-web/activity', text: 'Heroku' },
  ]);
});

test('several are counted, and the first are named', () => {
  const [, page] = pages('raxx-web');
  expect(page?.summary).toMatch(/^CRITICAL 57 promotions stuck: raxx-web on raxx-web, .* and 52 more\./u);
});
