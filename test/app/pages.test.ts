import { randomBytes } from 'node:crypto';
import { type PagerDutyStandIn, ROUTING_KEY, startPagerDutyStandIn } from '../../demo/pagerduty/stand-in.js';
import { createRecoveryHash } from '../../src/operators/recovery-codes.js';
import { createResealer } from '../../src/operators/resealer.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/* A critical wakes somebody outside Slack. */

const MINUTE = 60_000;
const OTHER_KEY = 'R0UTINGKEY0F0THE0SHOP00000000002';

let pager: PagerDutyStandIn;
let bed: TestBed;

beforeEach(async () => {
  pager = await startPagerDutyStandIn({ routingKeys: [ROUTING_KEY, OTHER_KEY] });
});
afterEach(async () => {
  await bed.close();
  await pager.close();
});

async function start(environment: Readonly<Record<string, string>> = {}, startAt = '2026-05-10T05:00:00Z') {
  bed = await startTestBed({
    startAt,
    rateLimit: false,
    databaseClockStands: true,
    environment: {
      PAGERDUTY_URL: pager.url,
      PAGERDUTY_ROUTING_KEY: ROUTING_KEY,
      STUCK_WARNING_AFTER: '12h',
      ...environment,
    },
  });
  bed.keepSecret('the routing key', ROUTING_KEY);
  bed.keepSecret('the other routing key', OTHER_KEY);
}
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
const sent = () => pager.received.map(({ action, status }) => `${action} ${status}`);
const statuses = () => pager.incidents.map(({ status }) => status);
const shown = async () => JSON.stringify((await bed.alert()).blocks);
const resolve = async (promotionId: string, word = 'deployed') => {
  await bed.rows.query(`update console_flag_promotions set state = $2, deployed_at = now() where id = $1`, [
    promotionId,
    word,
  ]);
  await bed.app.tick();
};

test('a critical opens an incident that says what its alert says; “I’m on it” acknowledges, and the end resolves it', async () => {
  await start();
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(sent()).toEqual(['trigger 202']);
  const [incident] = pager.incidents;
  expect(incident).toMatchObject({
    routingKey: ROUTING_KEY,
    status: 'triggered',
    summary: `CRITICAL console_heroku_log_drain_alerting on ${APP}: stuck 1 d. It IS live: press Mark completed.`,
    source: APP,
  });
  expect(incident?.key).toContain(`promotion-${promotionId}/critical`);
  expect(incident?.links.map(({ href }) => href)).toEqual([
    expect.stringContaining('https://slack.com/app_redirect?channel='),
    `https://dashboard.heroku.com/apps/${APP}/activity`,
  ]);
  const { superadmin } = bed.slack.people;
  await superadmin.click(await bed.alert(), 'acknowledge');
  await eventually(async () => expect(statuses()).toEqual(['acknowledged']));
  await resolve(promotionId);
  expect(statuses()).toEqual(['resolved']);
  await tickAfter(24 * 60 * MINUTE);
  expect(sent()).toEqual(['trigger 202', 'acknowledge 202', 'resolve 202']);
});

test('a warning pages nobody; once it is critical it does, though somebody is on it', async () => {
  await start({}, '2026-05-09T20:00:00Z');
  await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(sent()).toEqual([]);
  await bed.slack.people.superadmin.click(await bed.alert(), 'acknowledge');
  await eventually(async () => expect(await shown()).not.toContain('nobody is on it'));
  await tickAfter(10 * 60 * MINUTE);
  // The owner was asked meanwhile; the alert of somebody who stays on it is acknowledged at once.
  expect(sent()[0]).toBe('trigger 202');
});

test('a snooze acknowledges, too', async () => {
  await start();
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  await bed.slack.people.superadmin.click(await bed.alert(), 'alert_menu', { value: `snooze_1h:${promotionId}` });
  await eventually(async () => expect(statuses()).toEqual(['acknowledged']));
});

test.each([
  ['the console ended it', `update console_flag_promotions set state = 'failed', failed_at = now()`],
  ['the console cancelled it', `update console_flag_promotions set state = 'cancelled'`],
  ['the console deleted it', 'delete from console_flag_promotions'],
])('an incident is resolved if %s', async (_, sql) => {
  await start();
  await bed.rows.insertDeploying();
  await bed.app.tick();
  await bed.rows.query(sql);
  await bed.app.tick();
  expect(sent()).toEqual(['trigger 202', 'resolve 202']);
});

test('a promotion that ends before anybody was paged pages nobody, not even by its end', async () => {
  await start();
  pager.addFault({ fault: { kind: 'status', status: 403 } });
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(await shown()).toContain('page not delivered: 403');
  pager.clearFaults();
  await resolve(promotionId);
  await tickAfter(30 * MINUTE);
  expect(sent()).toEqual(['trigger 403']);
});

test('if nobody knows whether it rang, its end is told', async () => {
  await start();
  pager.addFault({ times: 1, fault: { kind: 'reset', takesEffect: true } });
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  await resolve(promotionId);
  await tickAfter(MINUTE);
  expect(statuses()).toEqual(['resolved']);
  expect(sent()).toEqual(['trigger null', 'resolve 202']);
});

test('an answer that is lost leads to a second event, and not to a second incident', async () => {
  await start();
  pager.addFault({ times: 1, fault: { kind: 'reset', takesEffect: true } });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(await shown()).toMatch(/page not delivered: (?:UND_ERR_SOCKET|ECONNRESET)/u);
  await tickAfter(MINUTE);
  expect(sent()).toEqual(['trigger null', 'trigger 202']);
  expect(statuses()).toEqual(['triggered']);
  expect(await shown()).not.toContain('not delivered');
});

test('a page that the pager refuses is owed: the alert says so, readiness turns red, and it is not sent again until the app restarts', async () => {
  await start({ MAINTENANCE_CRON: '* * * * *' });
  pager.addFault({ fault: { kind: 'status', status: 400 } });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(await shown()).toContain('page not delivered: 400');
  for (let hour = 0; hour < 30; hour += 1) await tickAfter(60 * MINUTE);
  expect(sent()).toEqual(['trigger 400']);
  await eventually(async () => {
    const answer = await fetch(`${bed.baseUrl}/readyz`);
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('1 message overdue')]);
  });
  pager.clearFaults();
  await bed.replica();
  expect(sent()).toEqual(['trigger 400', 'trigger 202']);
  expect(await shown()).not.toContain('not delivered');
});

test('a page that was refused for good is no longer owed once its promotion ends', async () => {
  await start();
  pager.addFault({ fault: { kind: 'status', status: 400 } });
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  await resolve(promotionId);
  expect(sent()).toEqual(['trigger 400']);
  expect(await bed.rows.query(`select state from flag_promotions.messages where kind = 'page'`)).toEqual([
    { state: 'closed' },
  ]);
});

test('a key that is changed while an incident is open ends it where it was opened', async () => {
  await start();
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  const other = await bed.replica({ environment: { PAGERDUTY_ROUTING_KEY: OTHER_KEY } });
  await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]);
  await other.tick();
  expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'resolved' }]);
});

describe('while TOTP_ENCRYPTION_KEY, which seals the routing keys of open incidents, rotates', () => {
  const next = randomBytes(32);
  const under = (...keys: readonly Uint8Array[]) =>
    bed.replica({
      environment: {
        PAGERDUTY_ROUTING_KEY: OTHER_KEY,
        TOTP_ENCRYPTION_KEY: keys.map((key) => Buffer.from(key).toString('base64')).join(),
      },
    });
  let promotionId: string;
  beforeEach(async () => {
    await start();
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
  });

  test('an incident ends where it was opened', async () => {
    const rotating = await under(next, bed.config.totpEncryptionKey);
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]);
    await rotating.tick();
    expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'resolved' }]);
  });

  test('resealed, it needs the former key no longer; what no key opens is counted', async () => {
    const former = bed.config.totpEncryptionKey;
    const by = { actor: 'command line', at: bed.clock.now() };
    const reseal = async (...[first, ...others]: readonly [Uint8Array, ...Uint8Array[]]) => {
      const resealer = createResealer(createSecretBox(first, ...others), createRecoveryHash(first, ...others));
      await bed.db.resealing.reseal(resealer, by);
      return bed.db.resealing.resealPages(resealer, by);
    };
    expect(await reseal(next)).toEqual({ resealed: 0, shut: 1 });
    expect(await reseal(next, former)).toEqual({ resealed: 1, shut: 0 });
    expect(await reseal(next)).toEqual({ resealed: 0, shut: 0 });
    const rotated = await under(next);
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]);
    await rotated.tick();
    expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'resolved' }]);
    expect(await reseal(former)).toEqual({ resealed: 0, shut: 0 });
  });
});

test('an incident under a key that the pager no longer knows is given up', async () => {
  await start();
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  const other = await bed.replica({ environment: { PAGERDUTY_ROUTING_KEY: OTHER_KEY } });
  pager.routingKeys.splice(0, 1);
  await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]);
  await other.tick();
  await other.tick();
  expect(sent()).toEqual(['trigger 202', 'resolve 400']);
  expect(await bed.rows.query(`select state from flag_promotions.messages where kind = 'page'`)).toEqual([
    { state: 'closed' },
  ]);
});

test.each([408, 425, 451, 499])(
  'a %i to its end doesn’t say that the pager let it go: it stays owed where it was opened',
  async (status) => {
    await start();
    const promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
    const other = await bed.replica({ environment: { PAGERDUTY_ROUTING_KEY: OTHER_KEY } });
    pager.addFault({ action: 'resolve', times: 1, fault: { kind: 'status', status } });
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]);
    await other.tick();
    expect(statuses()).toEqual(['triggered']);
    await bed.clock.advance(MINUTE);
    await other.tick();
    expect(sent()).toEqual(['trigger 202', `resolve ${status}`, 'resolve 202']);
    expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'resolved' }]);
  },
);

test.each([400, 403])(
  'nor does a proxy’s page with a %i, and the alert doesn’t say that the pager refused',
  async (status) => {
    await start();
    pager.addFault({ times: 1, fault: { kind: 'status', status, isPage: true } });
    const promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain(`page not delivered: ${status}, perhaps a proxy’s`);
    await tickAfter(MINUTE);
    expect(statuses()).toEqual(['triggered']);
    const other = await bed.replica({ environment: { PAGERDUTY_ROUTING_KEY: OTHER_KEY } });
    pager.addFault({ action: 'resolve', times: 1, fault: { kind: 'status', status, isPage: true } });
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]);
    await other.tick();
    expect(statuses()).toEqual(['triggered']);
    await bed.clock.advance(MINUTE);
    await other.tick();
    expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'resolved' }]);
  },
);

test('a 408 leaves open whether it rang: under a new key no second incident is opened', async () => {
  await start();
  const timedOut = () => pager.addFault({ times: 1, fault: { kind: 'status', status: 408, takesEffect: true } });
  timedOut();
  await bed.rows.insertDeploying();
  await bed.app.tick();
  timedOut();
  await bed.clock.advance(MINUTE);
  const other = await bed.replica({ environment: { PAGERDUTY_ROUTING_KEY: OTHER_KEY } });
  await bed.clock.advance(MINUTE);
  await other.tick();
  expect(sent()).toEqual(['trigger 408', 'trigger 408', 'trigger 202']);
  expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'triggered' }]);
});

test('a key that was wrong all along is replaced, though nobody knows what became of the first try', async () => {
  await start();
  pager.addFault({ times: 1, fault: { kind: 'reset' } });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  pager.routingKeys.splice(0, 1);
  await bed.clock.advance(MINUTE);
  await bed.replica({ environment: { PAGERDUTY_ROUTING_KEY: OTHER_KEY } });
  expect(sent()).toEqual(['trigger null', 'trigger 400', 'trigger 202']);
  expect(pager.incidents).toMatchObject([{ routingKey: OTHER_KEY, status: 'triggered' }]);
});

test('a route pages by its own key, or nobody', async () => {
  await start({ ALERT_ROUTES: `raxx-shop=C0000SHOP,page=${OTHER_KEY}; raxx-lab=C00000LAB,page=none` });
  await bed.rows.insertDeploying({ flagKey: 'shop', app: 'raxx-shop' });
  await bed.rows.insertDeploying({ flagKey: 'lab', app: 'raxx-lab' });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(pager.incidents.map(({ source, routingKey }) => [source, routingKey]).toSorted()).toEqual([
    [APP, ROUTING_KEY],
    ['raxx-shop', OTHER_KEY],
  ]);
});

test('fifty-seven at once ring as often as there are alerts of their own, and once for the group', async () => {
  await start({ ALERT_MESSAGES_PER_HOUR: '3' });
  for (let index = 0; index < 57; index += 1) await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
  await bed.app.tick();
  await bed.app.tick();
  expect(statuses()).toEqual(['triggered', 'triggered', 'triggered', 'triggered']);
  expect(pager.incidents.map(({ summary }) => summary)).toContainEqual(
    expect.stringMatching(/^CRITICAL 54 promotions stuck: flag_\d+ on raxx-console-prod,/u),
  );
  // A newcomer to the group pages by itself.
  await bed.rows.insertDeploying({ flagKey: 'late' });
  await bed.app.tick();
  expect(pager.incidents.map(({ summary }) => summary)).toContainEqual(
    expect.stringMatching(/^CRITICAL 1 promotion stuck: late on/u),
  );
  await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now()`);
  await bed.app.tick();
  expect(new Set(statuses())).toEqual(new Set(['resolved']));
  expect(new Set(pager.incidents.map(({ key }) => key)).size).toBe(5);
  expect(sent().filter((event) => event.startsWith('resolve')).length).toBe(5);
});

test('a group’s incident is acknowledged once somebody is on each of its promotions', async () => {
  await start({ ALERT_MESSAGES_PER_HOUR: '1' });
  for (const flagKey of ['a', 'b', 'c']) await bed.rows.insertDeploying({ flagKey });
  await bed.app.tick();
  expect(statuses()).toEqual(['triggered', 'triggered']);
  const take = async (flagKey: string) => {
    const [row] = await bed.rows.query<{ id: string }>('select id from console_flag_promotions where flag_key = $1', [
      flagKey,
    ]);
    await bed.slack.people.superadmin.command(`/flag-promotions stuck`);
    await bed.db.attention.take({
      promotionId: row?.id ?? '',
      operatorId: bed.slack.people.superadmin.id,
      at: bed.clock.now(),
      over: null,
    });
    await bed.app.tick();
  };
  const group = () => pager.incidents.find(({ summary }) => summary.includes('2 promotions'))?.status;
  await take('b');
  expect(group()).toBe('triggered');
  await take('c');
  expect(group()).toBe('acknowledged');
});

test('a row that is set back to deploying opens an incident of its own, and the first one ends', async () => {
  await start();
  const promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
  pager.addFault({ action: 'resolve', times: 1, fault: { kind: 'status', status: 503 } });
  await resolve(promotionId);
  await bed.rows.query(`update console_flag_promotions set state = 'deploying', deployed_at = null`);
  await tickAfter(MINUTE);
  await tickAfter(MINUTE);
  expect(statuses()).toEqual(['resolved', 'triggered']);
  expect(new Set(pager.incidents.map(({ key }) => key)).size).toBe(2);
});

test('while Slack takes nothing, people are paged all the same, and after ten minutes about Slack itself', async () => {
  await start();
  bed.slack.faults.add({ method: 'chat.postMessage', kind: 'reset_before' });
  await bed.rows.insertDeploying();
  await bed.app.tick();
  expect(pager.incidents.map(({ source }) => source)).toEqual([APP]);
  await tickAfter(9 * MINUTE);
  expect(pager.incidents.length).toBe(1);
  await tickAfter(2 * MINUTE);
  await tickAfter(MINUTE);
  expect(pager.incidents.map(({ source, status }) => [source, status])).toEqual([
    [APP, 'triggered'],
    ['slack.com', 'triggered'],
  ]);
  bed.slack.faults.clear();
  await tickAfter(16 * MINUTE);
  await tickAfter(MINUTE);
  expect(statuses()).toEqual(['triggered', 'resolved']);
});

test('a pager that hangs keeps no alert waiting for long', async () => {
  await start({ ALERT_MESSAGES_PER_HOUR: '50' });
  pager.addFault({ fault: { kind: 'hang' } });
  for (let index = 0; index < 8; index += 1) await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
  await bed.app.tick();
  expect((await bed.slack.messages(bed.slack.channels.alerts)).length).toBe(8);
});
