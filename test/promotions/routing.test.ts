import { planPages } from '../../src/promotions/page.js';
import { covers, oncePerApp, type RouteRule, routeOf } from '../../src/promotions/routing.js';

const rule = (app: string, channel: string, changes: Partial<RouteRule> = {}): RouteRule => ({
  app,
  channel,
  mention: undefined,
  quiet: null,
  ...changes,
});
const OTHERWISE = { channel: 'C0OTHERWISE', mention: '<!subteam^S0>', page: null, quiet: null };
const QUIET = { from: 0, to: 60, timeZone: 'Europe/Berlin' };

test.each([
  ['raxx-console-prod', 'raxx-console-prod', true],
  ['raxx-console-prod', 'raxx-console-prod-2', false],
  ['raxx-console-*', 'raxx-console-prod', true],
  ['raxx-console-*', 'raxx-console-', true],
  ['raxx-console-*', 'raxx-web', false],
  ['*-prod', 'raxx-console-prod', true],
  ['*-prod', 'raxx-console-prod-2', false],
  ['raxx-*-prod', 'raxx-console-prod', true],
  ['raxx-*-prod', 'raxx-prod', false],
  ['*console*prod*', 'raxx-console-eu-prod-2', true],
  ['*prod*console*', 'raxx-console-eu-prod-2', false],
  ['*ab*ab*', 'ab', false],
  ['*ab*ab*', 'abab', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['**', 'anything', true],
  ['*', '', true],
  ['Raxx-*', 'RAXX-console', true],
  ['raxx.console', 'raxx-console', false],
])('%s matches %s: %s', (pattern, app, matches) => {
  const expected = matches ? 'C0RULE' : 'C0OTHERWISE';
  expect(routeOf({ rules: [rule(pattern, 'C0RULE')], otherwise: OTHERWISE }, app).channel).toBe(expected);
});

test('a pattern with many stars takes no time over a long name that another system wrote', () => {
  const rules = [rule('*a*a*a*a*a*a*a*a*a*b', 'C0RULE')];
  expect(routeOf({ rules, otherwise: OTHERWISE }, 'a'.repeat(200_000)).channel).toBe('C0OTHERWISE');
});

test('the first rule that matches wins, and says only what it says', () => {
  const routing = {
    rules: [
      rule('raxx-console-prod', 'C0PROD', { mention: '<@U0KRIS>', quiet: QUIET }),
      rule('raxx-*', 'C0RAXX', { mention: null }),
      rule('*-staging', 'C0STAGING'),
    ],
    otherwise: OTHERWISE,
  };
  expect(routeOf(routing, 'raxx-console-prod')).toEqual({
    channel: 'C0PROD',
    mention: '<@U0KRIS>',
    page: null,
    quiet: QUIET,
  });
  expect(routeOf(routing, 'raxx-staging')).toEqual({ channel: 'C0RAXX', mention: null, page: null, quiet: null });
  expect(routeOf(routing, 'shop-staging')).toEqual({
    channel: 'C0STAGING',
    mention: '<!subteam^S0>',
    page: null,
    quiet: null,
  });
  expect(routeOf(routing, 'shop')).toEqual(OTHERWISE);
});

test.each([
  ['*', 'raxx-*', true],
  ['raxx-*', 'raxx-console-*', true],
  ['raxx-*', '*', false],
  ['raxx-*', 'raxx-*', true],
  ['raxx-console', 'raxx-*', false],
])('%s before %s leaves it nothing: %s', (earlier, later, covered) => {
  expect(covers(earlier, later)).toBe(covered);
});

describe('what is asked once for each app', () => {
  test('is remembered, even if the answer is that there is none', () => {
    const asked: string[] = [];
    const ask = oncePerApp((app) => {
      asked.push(app);
      return app === 'pay' ? 'C0PAY' : null;
    });
    expect(['pay', 'shop', 'pay', 'shop'].map(ask)).toEqual(['C0PAY', null, 'C0PAY', null]);
    expect(asked).toEqual(['pay', 'shop']);
  });

  test('is whether its criticals page anybody', () => {
    const asked: string[] = [];
    const critical = (id: string, herokuApp: string) => ({ alertId: id, promotionId: id, herokuApp, groupId: '9' });
    const criticals = [critical('1', 'pay'), critical('2', 'shop'), critical('3', 'shop'), critical('4', 'pay')];
    const pages = planPages(criticals, (app) => asked.push(app) > 0 && app === 'pay');
    expect(pages).toEqual([{ subject: 'group:9', promotionId: null, alertIds: ['1', '4'] }]);
    expect(asked).toEqual(['pay', 'shop']);
  });
});
