import { channelUrl, criticalPage, groupPage } from '../../src/views/page.js';
import { DAY, HOUR, momentAfter, promotion } from '../promotions/make.js';

/* That PagerDuty takes a page, whatever others wrote: test/paging/hostile-pages.test.ts. */

const SLACK = channelUrl('C0ALERTS', 'T0RAXX');
const AS_OF = momentAfter(2 * DAY + 9 * HOUR);

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
  const several = Array.from({ length: 57 }, () => ({ flagKey: 'raxx-web', herokuApp: 'raxx-web' }));
  const page = groupPage(several, AS_OF, SLACK);
  expect(page.summary).toMatch(/^CRITICAL 57 promotions stuck: raxx-web on raxx-web, .* and 52 more\./u);
});
