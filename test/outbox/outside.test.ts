import { randomBytes } from 'node:crypto';
import { type PagerDutyStandIn, ROUTING_KEY, startPagerDutyStandIn } from '../../demo/pagerduty/stand-in.js';
import { startWebhookReceiver, type WebhookReceiver } from '../../demo/webhook/receiver.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { createOutsideTransport } from '../../src/outbox/outside.js';
import type { Post } from '../../src/outbox/post.js';
import { createPagerDuty } from '../../src/paging/pagerduty.js';
import { createWebhook } from '../../src/paging/webhook.js';
import { PAGE_KEY_BOUND_TO } from '../../src/promotions/page.js';
import type { Destination } from '../../src/promotions/routing.js';
import { DIRECTLY } from '../support/network.js';

/* Which key an event goes out with, and that nothing goes out once another process may have the row. */

const OTHER_KEY = 'R0UTINGKEY0F0THE0SHOP00000000002';
const SECRET = randomBytes(24);
const secretBox = createSecretBox(randomBytes(32));
const withoutKey = createSecretBox(randomBytes(32));

let pager: PagerDutyStandIn;
let receiver: WebhookReceiver;
beforeEach(async () => {
  pager = await startPagerDutyStandIn({ routingKeys: [ROUTING_KEY, OTHER_KEY] });
  receiver = await startWebhookReceiver(`whsec_${SECRET.toString('base64')}`);
});
afterEach(async () => {
  await pager.close();
  await receiver.close();
});

const transport = (box = secretBox) =>
  createOutsideTransport({
    pagerDuty: createPagerDuty(pager.url, DIRECTLY.fetch),
    webhook: createWebhook({ url: receiver.url, secrets: [SECRET] }, DIRECTLY.fetch, () => new Date()),
    secretBox: box,
  });
const sealed = (routingKey: string): Destination => ({
  channel: secretBox.seal(routingKey, PAGE_KEY_BOUND_TO),
  refused: null,
});
const pagerWith = (routingKey: string | null) => ({ to: 'pager', routingKey }) as const;
const content = {
  page: {
    action: 'trigger',
    key: 'incident',
    trigger: {
      summary: 'stuck',
      source: 'raxx-console-prod',
      component: null,
      at: new Date('2026-05-10T05:00:00Z'),
      links: [],
      details: {},
    },
  },
} as const;
const resolved = { page: { action: 'resolve', key: 'incident' } } as const;
const post = (own: Partial<Post> = {}): Post => ({
  place: pagerWith(ROUTING_KEY),
  key: 'page:7',
  sentTo: null,
  perhapsSince: null,
  record: async () => true,
  content: () => content,
  mayStillSend: () => true,
  ...own,
});
const keys = () => pager.incidents.map(({ routingKey }) => routingKey);
const ALWAYS = () => true;
const TOO_LATE = () => false;

describe('a page', () => {
  test('is not sent once another process has its row', async () => {
    const lost = post({ record: async () => false });
    expect(await transport().post(pagerWith(ROUTING_KEY), lost)).toBe('lost');
    expect(pager.received).toEqual([]);
  });

  test('is not sent once another process may have its row, neither anew nor as an update', async () => {
    const late = transport().post(pagerWith(ROUTING_KEY), post({ mayStillSend: TOO_LATE }));
    await expect(late).rejects.toMatchObject({ says: 'page not delivered: withheld', mayHaveArrived: false });
    const at = { channel: sealed(ROUTING_KEY).channel, ts: 'incident' };
    const update = transport().update(pagerWith(ROUTING_KEY), at, resolved, TOO_LATE);
    await expect(update).rejects.toMatchObject({ says: 'page not delivered: withheld', mayHaveArrived: false });
    expect(pager.received).toEqual([]);
  });

  test('goes out again with the key of an earlier attempt, though another is configured by now, or none', async () => {
    for (const configured of [OTHER_KEY, null]) {
      await transport().post(pagerWith(configured), post({ sentTo: sealed(ROUTING_KEY) }));
    }
    expect(keys()).toEqual([ROUTING_KEY]);
  });

  test('whose earlier key no sealing key opens any more goes out with the configured key', async () => {
    await transport(withoutKey).post(pagerWith(ROUTING_KEY), post({ sentTo: sealed(OTHER_KEY) }));
    expect(keys()).toEqual([ROUTING_KEY]);
    const at = { channel: sealed(OTHER_KEY).channel, ts: 'incident' };
    expect(await transport(withoutKey).update(pagerWith(ROUTING_KEY), at, resolved, ALWAYS)).toBe('updated');
    expect(pager.incidents).toMatchObject([{ routingKey: ROUTING_KEY, status: 'resolved' }]);
  });

  test('without any key stays owed, and says so', async () => {
    const noKey = { says: 'page not delivered: no routing key', waits: { kind: 'refused' }, mayHaveArrived: false };
    const anew = transport(withoutKey).post(pagerWith(null), post({ sentTo: sealed(ROUTING_KEY) }));
    await expect(anew).rejects.toMatchObject(noKey);
    const at = { channel: sealed(ROUTING_KEY).channel, ts: 'incident' };
    await expect(transport(withoutKey).update(pagerWith(null), at, resolved, ALWAYS)).rejects.toMatchObject(noKey);
    expect(pager.received).toEqual([]);
  });

  test('refused with the only key there is stays owed, and is not sent twice', async () => {
    pager.routingKeys.splice(0, 1);
    for (const configured of [ROUTING_KEY, null]) {
      const refused = transport().post(pagerWith(configured), post({ sentTo: sealed(ROUTING_KEY) }));
      await expect(refused).rejects.toMatchObject({ word: '400' });
    }
    expect(pager.received).toHaveLength(2);
    const at = { channel: sealed(ROUTING_KEY).channel, ts: 'incident' };
    const update = transport().update(pagerWith(ROUTING_KEY), at, resolved, ALWAYS);
    await expect(update).rejects.toMatchObject({ word: '400' });
  });

  test('that another process takes between two keys is not sent with the second', async () => {
    pager.routingKeys.splice(0, 1);
    const answers = [true, false];
    const taken = post({ sentTo: sealed(ROUTING_KEY), record: async () => answers.shift() ?? false });
    expect(await transport().post(pagerWith(OTHER_KEY), taken)).toBe('lost');
    expect(keys()).toEqual([]);
  });
});

describe('a webhook', () => {
  const event = post({
    place: { to: 'webhook' },
    key: 'webhook:7',
    content: () => ({ webhook: '{"type":"alert.opened"}' }),
  });

  test('is not sent once another process has its row, or may have it', async () => {
    expect(await transport().post({ to: 'webhook' }, { ...event, record: async () => false })).toBe('lost');
    const late = transport().post({ to: 'webhook' }, { ...event, mayStillSend: TOO_LATE });
    await expect(late).rejects.toMatchObject({ says: 'webhook not delivered: withheld', mayHaveArrived: false });
    expect(receiver.received).toEqual([]);
  });
});
