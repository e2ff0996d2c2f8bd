import { createHmac, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { startTestBed, type TestBed } from '../support/app.js';

describe('the HTTP side', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false });
  });
  afterEach(() => bed.close());

  const get = async (path: string) => {
    const answer = await fetch(`${bed.baseUrl}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  /** A slash command as Slack would send it, signed `ageSeconds` ago with `secret`. */
  async function signed(options: { secret?: string; ageSeconds?: number; timestamp?: string; body?: string } = {}) {
    const body =
      options.body ??
      new URLSearchParams({
        command: '/flag-promotions',
        text: 'help',
        user_id: bed.slack.people.engineer.id,
        team_id: bed.slack.teamId,
        trigger_id: randomUUID(),
        response_url: `${new URL(bed.slack.apiUrl).origin}/response/none`,
      }).toString();
    const timestamp = options.timestamp ?? String(Math.floor(Date.now() / 1000) - (options.ageSeconds ?? 0));
    const signature = createHmac('sha256', options.secret ?? bed.slack.signingSecret)
      .update(`v0:${timestamp}:${body}`)
      .digest('hex');
    const answer = await fetch(`${bed.baseUrl}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${signature}`,
      },
      body,
    });
    return answer.status;
  }

  test('answers probes, and shows its metrics', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' });
    await bed.app.tick();
    const ready = await get('/readyz');
    expect(ready).toEqual({
      status: 200,
      text: `${JSON.stringify({ ready: true, checks: { database: 'ok', slack: 'ok', totp_key: 'ok', watchdog: 'ok', owed: 'ok' } })}\n`,
    });
    const metrics = await get('/metrics');
    expect(metrics.text).toMatch(/flag_promotions_maintenance_ticks_total\{outcome="completed"\} [1-9]/u);
    expect((await get('/elsewhere')).status).toBe(404);
  });

  test('notes and counts promotions in states that it does not know, and is ready all the same', async () => {
    const id = await bed.rows.insertDeploying();
    await bed.rows.query('alter table console_flag_promotions drop constraint console_flag_promotions_state');
    await bed.rows.query(`update console_flag_promotions set state = 'in_progress' where id = $1`, [id]);
    await bed.app.tick();
    const ready = await get('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toMatchObject({ ready: true, notes: ['Unknown states: in_progress (1).'] });
    expect((await get('/metrics')).text).toMatch(/^flag_promotions_promotions_in_unknown_states 1$/mu);
  });

  // Byte for byte: fetch would normalise such a path.
  const asSent = (method: string, path: string) =>
    new Promise<{ readonly status: number | undefined; readonly text: string }>((resolve, reject) => {
      request({ host: '127.0.0.1', port: bed.app.port, path, method }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += String(chunk);
        });
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      })
        .on('error', reject)
        .end();
    });

  test.each(['//', '//x:y', 'http://', '/%', '*'])(
    'a request for %s is not found, rather than a fault',
    async (path) => {
      expect((await asSent('POST', path)).status).toBe(404);
    },
  );

  test.each([
    '/promotions/../metrics',
    '/promotions/%2e%2e/metrics',
    '/promotions/../promotions/1',
    '/promotions/x/1',
    '/promotions//1',
    '/enrol/../healthz',
    '//healthz',
    'http://app/healthz',
  ])('%s is what it says, and not found', async (path) => {
    const { status, text } = await asSent('GET', path);
    expect(status).toBe(404);
    expect(text).not.toMatch(/flag_promotions|^ok$|is in Slack/u);
    expect((await asSent('GET', '/promotions/1')).text).toContain('Promotion 1 is in Slack');
  });

  test.each(['payload=null', 'payload=[]', 'payload=1', 'payload={', 'payload=%22text%22'])(
    'a signed %s is refused, and ends nothing',
    async (body) => {
      expect(await signed({ body })).toBe(400);
      expect(await signed()).toBe(200);
    },
  );

  test('a good signature is let in; a forged and a stale one get 401', async () => {
    expect(await signed()).toBe(200);
    expect(await signed({ secret: 'not-the-secret' })).toBe(401);
    expect(await signed({ ageSeconds: 6 * 60 })).toBe(401);
    expect(await signed({ ageSeconds: 60 })).toBe(200);
    expect(await signed({ ageSeconds: -60 })).toBe(200);
  });

  test.each([
    { ageSeconds: -6 * 60 },
    { ageSeconds: -86_400 },
    { timestamp: 'Infinity' },
    { timestamp: 'NaN' },
    { timestamp: '' },
    { timestamp: '1e10' },
    { timestamp: '99999999999' },
  ])('a request that is signed for %j gets 401', async (options) => {
    expect(await signed(options)).toBe(401);
  });

  test('that Slack checks a certificate is answered without a signature, and nothing that comes with it is looked at', async () => {
    const check = (body: string) =>
      fetch(`${bed.baseUrl}/slack/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
    const before = bed.slack.calls.length;
    const smuggled = new URLSearchParams({ ssl_check: '1', command: '/flag-promotions', text: 'help', user_id: 'U1' });
    expect((await check('ssl_check=1&token=x')).status).toBe(200);
    expect((await check(smuggled.toString())).status).toBe(200);
    expect((await check(`ssl_check=1&x=${'x'.repeat(2_000)}`)).status).toBe(401);
    expect((await check('xssl_check=1')).status).toBe(401);
    expect(bed.slack.calls).toHaveLength(before);
  });

  test('three hundred who ask for /readyz at once cost one question of each kind', async () => {
    const asked = () => bed.slack.calls.filter(({ method }) => method === 'auth.test').length;
    await bed.app.tick();
    const before = asked();
    const answers = await Promise.all(Array.from({ length: 300 }, () => get('/readyz')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(asked() - before).toBeLessThanOrEqual(1);
  });

  test('/readyz turns red once three scheduled ticks passed without a completed one, and green again after one', async () => {
    const everyMinute = await bed.replica({
      environment: { MAINTENANCE_CRON: '* * * * *' },
      elapsed: () => bed.clock.now().getTime(),
    });
    await everyMinute.tick();
    const readyz = async () => (await fetch(`http://127.0.0.1:${everyMinute.port}/readyz`)).status;
    expect(await readyz()).toBe(200);
    await bed.clock.advance(4 * 60_000);
    expect(await readyz()).toBe(503);
    await everyMinute.tick();
    await bed.clock.advance(1_000);
    expect(await readyz()).toBe(200);
  });

  test('/readyz is red while Slack does not answer', async () => {
    bed.slack.faults.add({ method: 'auth.test', kind: 'status', status: 503 });
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('"slack":"Slack\'s auth.test failed: http_503"');
    // The process is alive: a restart wouldn't help.
    expect((await get('/healthz')).status).toBe(200);
  });
});
