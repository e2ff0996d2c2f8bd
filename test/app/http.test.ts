import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { startTestBed, type TestBed } from '../support/app.js';

describe('the HTTP side', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed();
  });
  afterEach(() => bed.close());

  const get = async (path: string) => {
    const answer = await fetch(`${bed.baseUrl}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  /** A slash command as Slack would send it, signed at `ageSeconds` ago with `secret`. */
  async function signed(options: { secret?: string; ageSeconds?: number; body?: string } = {}) {
    const body =
      options.body ??
      new URLSearchParams({
        command: '/flag-promotions',
        text: 'help',
        user_id: bed.slack.people.engineer.id,
        team_id: bed.slack.teamId,
        trigger_id: '1.2.x',
        response_url: 'http://127.0.0.1:9/never',
      }).toString();
    const timestamp = String(Math.floor(Date.now() / 1000) - (options.ageSeconds ?? 0));
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
      text: `${JSON.stringify({ ready: true, checks: { database: 'ok', slack: 'ok', watchdog: 'ok', owed: 'ok' } })}\n`,
    });
    const metrics = await get('/metrics');
    expect(metrics.text).toMatch(/flag_promotions_maintenance_ticks_total\{outcome="completed"\} [1-9]/u);
    expect((await get('/elsewhere')).status).toBe(404);
  });

  // As it stands on the wire: fetch would put such a path in order.
  test.each(['//', '//x:y', 'http://', '/%', '*'])(
    'a request for %s is not found, rather than a fault',
    async (path) => {
      const { port } = bed.app;
      const status = await new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, method: 'POST' }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
      expect(status).toBe(404);
    },
  );

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
    expect(await readyz()).toBe(200);
  });

  test('/readyz is red while Slack does not answer', async () => {
    bed.slack.faults.add({ method: 'auth.test', kind: 'status', status: 503 });
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('"slack":"Slack\'s auth.test failed: http_503"');
    // The process lives all the same: a restart would help nobody.
    expect((await get('/healthz')).status).toBe(200);
  });
});
