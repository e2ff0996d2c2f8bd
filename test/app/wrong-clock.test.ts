import type { RunningApp } from '../../src/app.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** A replica whose own clock is wrong holds nothing back for longer than it should be, and sends nothing early. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let bed: TestBed;
afterEach(() => bed.close());

async function start(
  startAt: string,
  environment: (slack: TestBed['slack']) => Readonly<Record<string, string>> = () => ({}),
) {
  bed = await startTestBed({ startAt, rateLimit: false, environment });
}
/** Another replica, whose clock is six hours ahead; it has ticked once. */
const ahead = (): Promise<RunningApp> =>
  bed.replica({ clock: { now: () => new Date(bed.clock.now().getTime() + 6 * HOUR) } });
const channel = () => bed.slack.messages(bed.slack.channels.alerts);
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}

describe('with a replica whose clock is six hours ahead', () => {
  test('a critical that Slack answered with a 500 is posted within the back-off', async () => {
    await start('2026-05-10T05:00:00Z');
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
    await ahead();
    expect(await channel()).toEqual([]);
    await tickAfter(MINUTE);
    expect((await channel()).map(({ text }) => text)).toEqual([expect.stringContaining('*CRITICAL*')]);
  });

  test('nothing is stuck before its time, and no critical is repeated early', async () => {
    await start('2026-05-10T05:00:00Z');
    await bed.rows.insertDeploying();
    await bed.rows.insertDeploying({ flagKey: 'young', promotedAt: '2026-05-09T20:00:00Z' });
    await bed.app.tick();
    const wrong = await ahead();
    await bed.clock.advance(19 * HOUR);
    await bed.rows.query(
      `update console_flag_promotions set promoted_at = '2026-05-10T17:00:00Z' where flag_key = 'young'`,
    );
    await wrong.tick();
    expect((await channel()).map(({ text }) => text)).toEqual([expect.stringContaining('*CRITICAL*')]);
  });

  test('a snooze that was asked for there ends when it should', async () => {
    await start('2026-05-10T05:00:00Z', () => ({ CRITICAL_REPEAT_EVERY: '30m' }));
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const wrong = await ahead();
    bed.slack.connectHttp(`http://127.0.0.1:${wrong.port}/slack/events`);
    const { superadmin } = bed.slack.people;
    await superadmin.command('snooze console_heroku_log_drain_alerting 1h');
    await superadmin.waitForEphemeral(({ text }) => text.includes('until'));
    const thread = async () => bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts);
    await tickAfter(59 * MINUTE);
    expect(await thread()).toEqual([]);
    await tickAfter(2 * MINUTE);
    await eventually(async () =>
      expect((await thread()).map(({ text }) => text)).toEqual([expect.stringContaining('Its snooze is over.')]),
    );
  });

  const quiet = ({ channels }: TestBed['slack']) => ({
    ALERT_ROUTES: `raxx-*=${channels.alerts},mention=none,quiet=22:00-07:00@Europe/Berlin`,
  });

  test('a warning of the night waits for the morning, though it is day there', async () => {
    // 03:00 in Berlin; the replica takes it for 09:00.
    await start('2026-05-10T01:00:00Z', quiet);
    await bed.rows.insertDeploying({ promotedAt: '2026-05-09T12:00:00Z' });
    const wrong = await ahead();
    await bed.clock.set('2026-05-10T04:59:00Z');
    await wrong.tick();
    expect(await channel()).toEqual([]);
    await bed.clock.set('2026-05-10T05:00:00Z');
    await bed.app.tick();
    expect(await channel()).toHaveLength(1);
  });

  test('a warning of the day is posted at once, though it is night there', async () => {
    // 18:00 in Berlin; the replica takes it for midnight.
    await start('2026-05-10T16:00:00Z', quiet);
    await bed.rows.insertDeploying({ promotedAt: '2026-05-10T03:00:00Z' });
    await ahead();
    expect((await channel()).map(({ text }) => text)).toEqual([expect.stringContaining('*Warning*')]);
  });
});
