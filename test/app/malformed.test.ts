import { createHmac } from 'node:crypto';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { HELD_BACK, REFUSED } from '../slack/bodies.js';

/* What Slack never sends is refused, and ends nothing. Jest fails a test on an unhandled rejection. */

let bed: TestBed;
afterEach(() => bed.close());

const COUNT = 'flag_promotions_slack_events_rate_limited_total';
const counted = async () =>
  new RegExp(`^${COUNT} (.*)$`, 'mu').exec(await (await fetch(`${bed.baseUrl}/metrics`)).text())?.[1];
async function isWellAfterwards(): Promise<void> {
  const { superadmin } = bed.slack.people;
  await superadmin.command('help');
  expect((await superadmin.waitForEphemeral()).text).toContain('what is stuck');
  await eventually(async () => expect((await fetch(`${bed.baseUrl}/readyz`)).status).toBe(200));
}

describe('over HTTP', () => {
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false });
  });

  async function signed(contentType: string, body: string, secret = bed.slack.signingSecret): Promise<number> {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const digest = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
    const answer = await fetch(`${bed.baseUrl}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': contentType,
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${digest}`,
      },
      body,
    });
    return answer.status;
  }
  const json = (body: string) => signed('application/json', body);
  const form = (payload: string) =>
    signed('application/x-www-form-urlencoded', `a=b&payload=${encodeURIComponent(payload)}`);

  test('every body of no known shape is refused at once, as JSON and in a form', async () => {
    for (const body of REFUSED.map((one) => JSON.stringify(one))) {
      expect([body, await json(body), await form(body)]).toEqual([body, 400, 400]);
    }
    for (const body of ['', ' ', '{', '{"type":', 'undefined', 'payload=null']) {
      expect([body, await json(body), await form(body)]).toEqual([body, 400, 400]);
    }
    await isWellAfterwards();
  });

  test('events that Slack holds back are acknowledged, logged and counted', async () => {
    expect(await counted()).toBe('0');
    expect(await json(JSON.stringify(HELD_BACK))).toBe(200);
    expect(await counted()).toBe('1');
    expect(bed.logged.filter((line) => line.includes('app_rate_limited'))).toEqual([
      expect.stringContaining('2018-02-12T20:37:00.000Z'),
    ]);
    await isWellAfterwards();
  });

  test('a body that is larger than any of Slack’s is not read to its end', async () => {
    expect(await json(`{"text":"${'x'.repeat(4 * 1024 * 1024)}"}`)).toBe(413);
    await isWellAfterwards();
  });

  test('nothing is parsed, nor said of it, before its signature is checked', async () => {
    const nested = '['.repeat(1_000);
    for (const body of [nested, 'null', '{', JSON.stringify(HELD_BACK)]) {
      expect(await signed('application/json', body, 'not-the-secret')).toBe(401);
    }
    expect(await counted()).toBe('0');
    expect(await signed('application/json', JSON.stringify({ ssl_check: '1' }), 'not-the-secret')).toBe(401);
  });
});

describe('over Socket Mode', () => {
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, socketMode: true });
  });

  test('every frame of no known shape is refused, and none is acknowledged', async () => {
    const { socketMode } = bed.slack;
    const envelope = (payload: unknown, id: string, type = 'events_api') =>
      JSON.stringify({ envelope_id: id, type, payload, accepts_response_payload: false });
    for (const frame of REFUSED.filter((one) => JSON.stringify(one) !== '{"type":"hello"}')) {
      socketMode.sendFrame(JSON.stringify(frame));
    }
    for (const frame of ['', ' ', '{', 'undefined']) socketMode.sendFrame(frame);
    socketMode.sendFrame(Buffer.from('null'));
    for (const [index, body] of REFUSED.entries()) {
      for (const type of ['events_api', 'interactive', 'slash_commands']) {
        socketMode.sendFrame(envelope(body, `${type}-${index}`, type));
      }
    }
    socketMode.sendFrame(JSON.stringify({ type: 'events_api', envelope_id: 'no-payload' }));
    socketMode.sendFrame(JSON.stringify({ type: 'events_api', payload: HELD_BACK }));
    socketMode.sendFrame(envelope(HELD_BACK, 'unknown-type', 'hello_again'));
    await isWellAfterwards();
    // Earlier messages on the same connection are handled, too.
    expect(socketMode.acknowledged).toHaveLength(1);
    expect(await counted()).toBe('0');
  });

  test('events that Slack holds back are acknowledged, logged and counted', async () => {
    const { socketMode } = bed.slack;
    socketMode.sendFrame(JSON.stringify({ envelope_id: 'held-back', type: 'events_api', payload: HELD_BACK }));
    await isWellAfterwards();
    expect(socketMode.acknowledged[0]).toBe('held-back');
    expect(await counted()).toBe('1');
    expect(bed.logged.join()).toContain('app_rate_limited');
  });

  test.each(['ws_message', 'slack_event', 'connected', 'disconnected', 'close', 'error'])(
    'an event that is called %s, as the client calls its own, is one like any other',
    async (type) => {
      const { socketMode } = bed.slack;
      const attempts = socketMode.attempts;
      const payload = { type: 'event_callback', team_id: bed.slack.teamId, event: { type, user: 'U1' } };
      socketMode.sendFrame(JSON.stringify({ envelope_id: 'odd', type: 'events_api', payload }));
      await isWellAfterwards();
      expect(socketMode.acknowledged.filter((id) => id === 'odd')).toHaveLength(1);
      expect(socketMode.attempts).toBe(attempts);
      expect(socketMode.connections).toBe(1);
    },
  );

  const odd = (envelopeId: string, text: string) => {
    const payload = { type: 'event_callback', team_id: bed.slack.teamId, event: { type: 'odd', user: 'U1', text } };
    return JSON.stringify({ envelope_id: envelopeId, type: 'events_api', payload });
  };
  const MEGABYTE = 1024 * 1024;

  test('a frame of 1 MB is one like any other', async () => {
    const { socketMode } = bed.slack;
    socketMode.sendFrame(odd('large', 'x'.repeat(MEGABYTE)));
    await isWellAfterwards();
    expect(socketMode.acknowledged).toContain('large');
  });

  test('a frame of 20 MB is refused unread, on the same connection, and the next click is answered', async () => {
    const { socketMode } = bed.slack;
    const { attempts } = socketMode;
    socketMode.sendFrame(odd('too-large', 'x'.repeat(20 * MEGABYTE)));
    // To parse this one takes longer than Slack waits.
    socketMode.sendFrame('['.repeat(20 * MEGABYTE));
    await isWellAfterwards();
    expect(socketMode.acknowledged).not.toContain('too-large');
    expect(socketMode.attempts).toBe(attempts);
    expect(bed.logged.filter((line) => line.includes('larger than any of Slack’s'))).toHaveLength(2);
  });

  test('a thousand frames at once are all acknowledged, and the next click is answered', async () => {
    const { socketMode } = bed.slack;
    const { attempts } = socketMode;
    const ids = Array.from({ length: 1_000 }, (_, index) => `burst-${index}`);
    for (const id of ids) socketMode.sendFrame(odd(id, 'x'));
    await isWellAfterwards();
    await eventually(async () => expect(socketMode.acknowledged).toEqual(expect.arrayContaining(ids)));
    expect(socketMode.attempts).toBe(attempts);
  });
});
