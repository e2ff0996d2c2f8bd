import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { type WebhookReceiver, startWebhookReceiver } from '../../demo/webhook/receiver.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { webhookOf } from '../../src/promotions/webhook.js';
import { eventually } from '../support/eventually.js';
import { waiting, whileHolding } from '../support/locks.js';

/* Each alert's opening, acknowledgement and end, signed. */

const MINUTE = 60_000;
const SECRET = `whsec_${Buffer.alloc(24, 'a').toString('base64')}`;
const FORMER = `whsec_${Buffer.alloc(32, 'b').toString('base64')}`;

const ajv = new Ajv2020();
formats.default(ajv);
const isValid = ajv.compile(JSON.parse(readFileSync('docs/webhook.schema.json', 'utf8')));

let receiver: WebhookReceiver;
let bed: TestBed;
let promotionId: string;

/** By the real time, which the specification's library uses. */
async function start(environment: Readonly<Record<string, string>> = {}) {
  receiver = await startWebhookReceiver(SECRET);
  bed = await startTestBed({
    startAt: new Date().toISOString(),
    rateLimit: false,
    environment: { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET, ...environment },
  });
  bed.keepSecret('the webhook’s secret', SECRET);
  bed.keepSecret('the webhook’s secret without its prefix', SECRET.slice('whsec_'.length));
}
afterEach(async () => {
  await bed.close();
  await receiver.close();
});

const insert = async (flagKey = 'dark_mode', hours = 30) => {
  promotionId = await bed.rows.insertDeploying({
    flagKey,
    promotedAt: new Date(bed.clock.now().getTime() - hours * 60 * MINUTE).toISOString(),
  });
  await bed.app.tick();
};
const types = () => receiver.events().map((event) => (event instanceof Object && 'type' in event ? event.type : null));

test('an alert’s opening, its acknowledgement and its end are sent, each once, as the schema says', async () => {
  await start();
  await insert();
  expect(receiver.events()).toMatchObject([
    {
      version: 1,
      type: 'alert.opened',
      data: {
        promotion: { id: promotionId, flag_key: 'dark_mode', state: 'deploying' },
        alert: { severity: 'critical' },
      },
    },
  ]);
  const { superadmin } = bed.slack.people;
  await superadmin.click(await bed.alert(), 'acknowledge');
  await eventually(async () => expect(types()).toEqual(['alert.opened', 'alert.acknowledged']));
  await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now()`);
  await bed.app.tick();
  await bed.app.tick();
  expect(types()).toEqual(['alert.opened', 'alert.acknowledged', 'alert.ended']);
  expect(receiver.events()).toMatchObject([
    {},
    { data: { by: superadmin.id, instead_of: null } },
    { data: { promotion: { state: 'failed' }, by: null } },
  ]);
  for (const event of receiver.events()) expect([isValid(event), isValid.errors]).toEqual([true, null]);
  expect(receiver.received.length).toBe(3);
});

test('a row that the console deleted ends, too', async () => {
  await start();
  await insert();
  await bed.rows.query('delete from console_flag_promotions');
  await bed.app.tick();
  expect(receiver.events().at(-1)).toMatchObject({ type: 'alert.ended', data: { promotion: { state: 'deleted' } } });
  expect(isValid(receiver.events().at(-1))).toBe(true);
});

test('an attempt that fails is made again with the same id and body and a signature of its own; what follows waits', async () => {
  await start();
  receiver.answerNext(500, 302, 204);
  await insert();
  expect(JSON.stringify((await bed.alert()).blocks)).toContain('webhook not delivered: 500');
  await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now()`);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await bed.clock.advance(MINUTE);
    await bed.rows.query(`update flag_promotions.messages set next_attempt_at = null where kind = 'webhook'`);
    await bed.app.tick();
  }
  const [first, second, third, end] = receiver.received;
  expect(new Set([first?.id, second?.id, third?.id]).size).toBe(1);
  expect(new Set([first?.body, second?.body, third?.body]).size).toBe(1);
  expect(end?.body).toContain('alert.ended');
  expect(types()).toEqual(['alert.opened', 'alert.ended']);
  expect(JSON.stringify((await bed.alert()).blocks)).not.toContain('not delivered');
});

describe('of somebody who was forgotten before it was queued', () => {
  const MINA = 'U0MINA0001';
  const by = { actor: 'command line', at: new Date() };
  const forget = () => bed.db.forgetting.forget(MINA, by, { keepLast: true });
  const take = async (operatorId: string, over: string | null = null) =>
    expect(await bed.db.attention.take({ promotionId, operatorId, over, at: await bed.db.now() })).toMatchObject({
      kind: 'taken_now',
    });
  const queued = () =>
    bed.rows.query<{ subject: string; by: string | null; over: string | null }>(
      `select split_part(subject, ':', 1) as subject, detail #>> '{event,data,by}' as by, detail #>> '{event,data,instead_of}' as over
         from flag_promotions.messages where kind = 'webhook' order by id`,
    );
  const keepsTheirId = () =>
    bed.rows.query('select 1 from flag_promotions.messages where detail::text like $1', [`%${MINA}%`]);

  /** Without webhooks at first: nothing is queued. */
  async function startQuiet() {
    await start({ WEBHOOK_URL: '', WEBHOOK_SECRET: '' });
    await insert();
    await bed.enrol(MINA);
  }
  /** Each waits for the one before. */
  async function sendAll(count: number) {
    const sends = await bed.replica({ environment: { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET } });
    for (let ticks = 0; ticks < count; ticks += 1) await sends.tick();
    expect(types()).toHaveLength(count);
  }

  test('neither their acknowledgement nor their resolution has their id, and the schema knows what stands there', async () => {
    await startQuiet();
    const { superadmin } = bed.slack.people;
    await take(MINA);
    await take(superadmin.id, MINA);
    await bed.rows.query(
      `with resolved as (
         update console_flag_promotions set state = 'failed', failed_at = now(), resolved_by = $1 returning id)
       insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail)
         select now(), 'console.flag.promotion.ops_failed', $1, id, '{}' from resolved`,
      [MINA],
    );
    expect(await forget()).toBe('forgotten');
    await bed.app.tick();
    await sendAll(4);
    expect(receiver.events()).toMatchObject([
      { type: 'alert.opened' },
      { type: 'alert.acknowledged', data: { by: 'forgotten', instead_of: null } },
      { type: 'alert.acknowledged', data: { by: superadmin.id, instead_of: 'forgotten' } },
      { type: 'alert.ended', data: { by: 'forgotten' } },
    ]);
    for (const event of receiver.events()) expect([isValid(event), isValid.errors]).toEqual([true, null]);
    expect(await keepsTheirId()).toEqual([]);
  });

  test('a name of the console’s that the app never knew is no such person', async () => {
    await startQuiet();
    await bed.rows.query(
      `update console_flag_promotions set state = 'failed', failed_at = now(), resolved_by = 'U0CONSOLE1'`,
    );
    await bed.app.tick();
    await sendAll(2);
    expect(receiver.events().at(-1)).toMatchObject({ type: 'alert.ended', data: { by: 'U0CONSOLE1' } });
  });

  test('an event read before is queued without it, also while they are being forgotten', async () => {
    await startQuiet();
    await bed.db.operators.enrol({ slackUserId: 'U0OTHER001', role: 'superadmin', sealedSecret: 'x' });
    await take(MINA);
    const [, acknowledged] = await bed.db.webhooks.unannounced(promotionId);
    if (acknowledged === undefined) throw new Error('Nothing is to be announced.');
    await bed.rows.query(`insert into flag_promotions.recovery_codes (slack_user_id, code_hash) values ($1, 'x')`, [
      MINA,
    ]);
    let forgotten: Promise<unknown> = Promise.resolve();
    let announced: Promise<unknown> = Promise.resolve();
    // Deleting the code is the last thing that it waits for.
    await whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      'select 1 from flag_promotions.recovery_codes for update',
      async () => {
        forgotten = forget();
        await waiting(bed, 1);
        announced = bed.db.webhooks.queue(webhookOf(acknowledged));
        await waiting(bed, 2);
      },
    );
    expect(await forgotten).toBe('forgotten');
    await announced;
    expect(await queued()).toEqual([{ subject: 'acknowledged', by: 'forgotten', over: null }]);
    expect(await keepsTheirId()).toEqual([]);
  });
});

test('while secrets are rotated, each signs', async () => {
  await start({ WEBHOOK_SECRET: `${FORMER},${SECRET}` });
  await insert();
  expect(types()).toEqual(['alert.opened']);
  expect(receiver.received[0]?.signature.split(' ').length).toBe(2);
});

test('a receiver that is gone for good is not asked again until the app restarts', async () => {
  await start();
  receiver.answerNext(410);
  await insert();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await bed.clock.advance(60 * MINUTE);
    await bed.app.tick();
  }
  expect(receiver.received.length).toBe(1);
  await bed.clock.set(new Date().toISOString());
  await bed.replica();
  expect(receiver.received.length).toBe(2);
});
