import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

describe('the digest of the week', () => {
  let bed: TestBed;
  afterEach(() => bed.close());

  async function start(cron: string | null = '0 9 * * 1 Europe/Berlin'): Promise<void> {
    bed = await startTestBed({
      rateLimit: false,
      startAt: '2026-05-11T06:30:00Z',
      environment: cron === null ? {} : { DIGEST_CRON: cron },
    });
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at, deployed_at)
        select 'flag_' || n, '${APP}', 'FLAG_' || n, 'deployed', '2026-05-06T10:00:00Z', timestamptz '2026-05-06T10:00:00Z' + n * interval '1 minute'
          from generate_series(1, 9) n`,
    );
  }

  const posted = async () =>
    (await bed.slack.messages(bed.slack.channels.alerts)).filter(({ text }) => text.includes('The week in promotions'));
  const charts = () => bed.slack.calls.filter(({ method }) => method === 'files.completeUploadExternal');

  async function tickAt(at: string): Promise<void> {
    await bed.clock.set(at);
    await bed.app.tick();
  }

  test('is posted at its time, once, with its chart in the thread', async () => {
    await start();
    await tickAt('2026-05-11T06:59:00Z');
    expect(await posted()).toEqual([]);
    await tickAt('2026-05-11T07:00:10Z');
    const [message] = await posted();
    const shown = JSON.stringify(message?.blocks);
    expect(shown).toContain('*Promoted*: 9');
    expect(shown).toContain('Nothing is stuck now.');
    expect(shown).toContain('No RCA is missing.');
    expect(charts()).toHaveLength(1);
    expect(charts()[0]?.args).toMatchObject({ thread_ts: message?.ts });

    for (const at of ['2026-05-11T07:01:00Z', '2026-05-11T20:00:00Z', '2026-05-12T07:30:00Z']) await tickAt(at);
    expect(await posted()).toHaveLength(1);
    expect(charts()).toHaveLength(1);
    await tickAt('2026-05-18T07:00:00Z');
    expect(await posted()).toHaveLength(2);
    // A week without promotions has no chart.
    expect(charts()).toHaveLength(1);
  });

  test('is never posted unless it is asked for', async () => {
    await start(null);
    await tickAt('2026-05-11T07:00:10Z');
    expect(await posted()).toEqual([]);
  });

  test('three replicas post it once', async () => {
    await start();
    const others = [await bed.replica(), await bed.replica()];
    await bed.clock.set('2026-05-11T07:00:10Z');
    await Promise.all([bed.app.tick(), ...others.map((other) => other.tick())]);
    expect(await posted()).toHaveLength(1);
    expect(charts()).toHaveLength(1);
  });

  test('a post that took effect and looked failed is found again', async () => {
    await start();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await tickAt('2026-05-11T07:00:10Z');
    await tickAt('2026-05-11T07:10:00Z');
    expect(await posted()).toHaveLength(1);
    await eventually(async () => expect(charts()).toHaveLength(1));
  });

  test('a chart that may have been shared is not shared again', async () => {
    await start();
    bed.slack.faults.add({ method: 'files.completeUploadExternal', times: 1, kind: 'reset_before' });
    await tickAt('2026-05-11T07:00:10Z');
    for (const at of ['2026-05-11T07:10:00Z', '2026-05-11T08:00:00Z']) await tickAt(at);
    expect(await posted()).toHaveLength(1);
    expect(charts()).toHaveLength(1);
  });

  test('an app that was down posts it when it is back, within a day', async () => {
    await start();
    await tickAt('2026-05-11T19:00:00Z');
    expect(await posted()).toHaveLength(1);
  });
});
