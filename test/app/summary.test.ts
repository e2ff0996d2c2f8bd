import { spawn } from 'node:child_process';
import path from 'node:path';
import type { EphemeralMessage, StoredMessage } from '../../demo/slack/workspace.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MENTION = '<!subteam^S0123456789>';
const STUCK = 9;
const OWN = 2;

let bed: TestBed;
let ids: readonly string[];
beforeEach(async () => {
  bed = await startTestBed({
    startAt: '2026-05-09T17:00:00Z',
    rateLimit: false,
    environment: { ALERT_MESSAGES_PER_HOUR: String(OWN), SLACK_CRITICAL_MENTION: MENTION },
  });
  const inserted: string[] = [];
  for (let n = 1; n <= STUCK; n += 1) {
    const promotedAt = new Date(Date.parse('2026-05-09T04:28:00Z') + n * 1_000).toISOString();
    inserted.push(await bed.rows.insertDeploying({ flagKey: `flag_${n}`, promotedAt }));
  }
  ids = inserted;
});
afterEach(() => bed.close());

const channel = () => bed.slack.messages(bed.slack.channels.alerts);
const isSummary = (message: StoredMessage) => JSON.stringify(message.attachments).includes('summary_page');
async function summary(): Promise<StoredMessage> {
  const found = (await channel()).filter(isSummary);
  expect(found).toHaveLength(1);
  return found[0] ?? Promise.reject(new Error('There is no summary.'));
}
const now = async (ts: string) => (await channel()).find((message) => message.ts === ts);
const thread = async (ts: string) => (await bed.slack.thread(bed.slack.channels.alerts, ts)).map(({ text }) => text);
const textOf = (message: StoredMessage | EphemeralMessage | undefined) =>
  JSON.stringify([message?.text, message?.blocks, message?.attachments]);
const pending = () => bed.rows.query(`select 1 from flag_promotions.alerts where state = 'pending'`);
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
const end = (state: string, of = ids) =>
  bed.rows.query(`update console_flag_promotions set state = $1, updated_at = $3 where id = any($2)`, [
    state,
    of,
    bed.clock.now(),
  ]);

describe('many that get stuck at once', () => {
  test('are told by the oldest one by one and the others in one message, with a list behind it', async () => {
    await bed.app.tick();
    const messages = await channel();
    expect(messages).toHaveLength(OWN + 1);
    const own = messages.filter((message) => !isSummary(message)).map(({ text }) => /flag_\d/u.exec(text)?.[0]);
    expect(own.sort()).toEqual(['flag_1', 'flag_2']);
    expect((await summary()).text).toContain('*7 more promotions* are stuck in deploying');
    expect(await pending()).toEqual([]);

    const { engineer } = bed.slack.people;
    await engineer.click(await summary(), 'summary_page');
    const first = await engineer.waitForEphemeral();
    expect(first.text).toContain('*7 promotions are stuck*');
    expect([...textOf(first).matchAll(/"action_id":"mark_failed"/gu)]).toHaveLength(5);
    await engineer.click(first, 'summary_page', { value: '1:5' });
    const second = await engineer.waitForEphemeral((shown) => textOf(shown).includes('flag_9'));
    expect(textOf(second)).not.toContain('flag_1`');
    // The message in the channel is everybody’s, and stays.
    expect((await summary()).text).toContain('*7 more promotions*');
    expect(engineer.ephemerals()).toHaveLength(1);
  });

  test('are told once by three replicas that tick together, and no post of theirs is refused as too early', async () => {
    const others = await Promise.all([bed.replica(), bed.replica()]);
    await Promise.all([bed.app, ...others].map((app) => app.tick()));
    await tickAfter(60_000);
    expect(await channel()).toHaveLength(OWN + 1);
    expect(await pending()).toEqual([]);
    const posts = bed.slack.calls.filter(({ method }) => method === 'chat.postMessage').map(({ at }) => at);
    const gaps = posts.slice(1).map((at, index) => at - (posts[index] ?? 0));
    expect(gaps.every((gap) => gap >= 1_000)).toBe(true);
  });

  test.each([
    ['before the post took effect', { kind: 'reset_before' } as const],
    ['after the post took effect', { kind: 'reset_after' } as const],
    ['with a 500', { kind: 'status', status: 500 } as const],
  ])('are told once where Slack fails %s', async (_what, fault) => {
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, ...fault });
    await bed.app.tick();
    await tickAfter(60_000);
    await summary();
    expect(await channel()).toHaveLength(OWN + 1);
    expect(await pending()).toEqual([]);
  });

  test('are told once where a process is killed between the post and the write', async () => {
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'hang', takesEffect: true });
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'maintenance'], {
      cwd: path.resolve(__dirname, '../..'),
      // Its clock is the real one: by that all of them are critical.
      env: { PATH: process.env['PATH'], ...bed.environment },
    });
    const ended = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
    await eventually(async () => expect((await channel()).filter(isSummary)).toHaveLength(1), 20_000);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    for (const table of ['summaries', 'alerts']) {
      await bed.rows.query(
        `update flag_promotions.${table} set lease_until = now() - interval '1 second' where lease_owner <> 'summary'`,
      );
    }
    await bed.rows.query(`update flag_promotions.channel_slots set free_at = now()`);
    await bed.clock.set(new Date());
    await bed.app.tick();
    await bed.app.tick();
    expect(await channel()).toHaveLength(OWN + 1);
    expect(await pending()).toEqual([]);
    // They were called by the post of the process that died.
    expect((await summary()).text).toContain('CRITICAL');
    expect((await thread((await summary()).ts)).filter((text) => text.includes(MENTION))).toEqual([]);
  });

  test('the summary is posted anew where somebody deleted it', async () => {
    await bed.app.tick();
    const { ts } = await summary();
    await bed.slack.deleteMessage(bed.slack.channels.alerts, ts);
    await end('failed', ids.slice(8));
    await tickAfter(60_000);
    expect((await summary()).ts).not.toBe(ts);
    expect((await summary()).text).toContain('*6 more promotions*');
  });
});

describe('when they turn critical', () => {
  test('people are called once for all of them, in the thread and the channel, and again a day later', async () => {
    await bed.app.tick();
    const { ts } = await summary();
    await tickAfter(12 * HOUR);
    await tickAfter(60_000);
    const calls = async () => (await thread(ts)).filter((text) => text.includes(MENTION));
    expect(await calls()).toEqual([expect.stringContaining('7 of 7 promotions that are stuck here are critical')]);
    const shown = (await channel()).filter(({ threadTs }) => threadTs === ts);
    expect(shown).toHaveLength(1);
    expect((await now(ts))?.text).toContain('*7 more promotions* are stuck in deploying, all of them critical');
    expect((await now(ts))?.text).not.toContain(MENTION);
    for (let hour = 0; hour < 22; hour += 1) await tickAfter(HOUR);
    expect(await calls()).toHaveLength(1);
    await tickAfter(2 * HOUR);
    expect(await calls()).toHaveLength(2);
  });

  test('where they are found critical, the summary itself calls, once', async () => {
    await bed.clock.set('2026-05-10T06:00:00Z');
    await bed.app.tick();
    await tickAfter(60_000);
    expect((await summary()).text).toContain(`*CRITICAL* ${MENTION}: *7 more promotions*`);
    expect(await thread((await summary()).ts)).toEqual([]);
  });
});

describe('when they end', () => {
  test('the summary follows, says that all are resolved, and its thread says so once', async () => {
    await bed.app.tick();
    const { ts } = await summary();
    await end('deployed', ids.slice(0, 5));
    await tickAfter(60_000);
    expect(textOf(await now(ts))).toContain('Ended so far: 3 completed.');
    await end('failed', ids.slice(5));
    await tickAfter(60_000);
    expect(textOf(await now(ts))).toContain('*All resolved*: 3 completed, 4 failed.');
    expect(textOf(await now(ts))).not.toContain('summary_page');
    expect(await thread(ts)).toEqual([expect.stringContaining('All 7 promotions that got stuck together have ended')]);
    await tickAfter(60_000);
    expect(await thread(ts)).toHaveLength(1);
  });

  test('what a superadmin marks in the list is shown at once, and said in the thread with their name', async () => {
    await bed.app.tick();
    const { ts } = await summary();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await summary(), 'summary_page');
    await superadmin.click(await superadmin.waitForEphemeral(), 'mark_failed', { value: ids[4] ?? '' });
    await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Not live.*'));
    const marked = await superadmin.submit({ note: 'Never took.', code: bed.code(superadmin.id) });
    expect(marked).toEqual({ kind: 'closed' });
    await eventually(async () => {
      expect(textOf(await now(ts))).toContain('Ended so far: 1 failed.');
      expect(await thread(ts)).toEqual([expect.stringMatching(/`flag_5`.*marked \*failed\* by `kris`/u)]);
    });
  });

  test('their missing RCAs are reminded of once, three days later', async () => {
    await bed.clock.set('2026-05-10T06:00:00Z');
    await bed.app.tick();
    const { ts } = await summary();
    await end('failed');
    await tickAfter(60_000);
    await tickAfter(3 * DAY);
    await tickAfter(60_000);
    const reminders = (await thread(ts)).filter((text) => text.includes('no RCA'));
    expect(reminders).toEqual([expect.stringContaining('7 promotions of those above turned critical')]);
    expect(reminders[0]).toContain('/flag-promotions rca');
  });

  test('one that is set back to deploying is told anew', async () => {
    await bed.app.tick();
    const { ts } = await summary();
    await end('failed');
    await tickAfter(60_000);
    await end('deploying', ids.slice(8));
    await tickAfter(60_000);
    expect(textOf(await now(ts))).toContain('*All resolved*');
    expect(textOf((await channel()).at(-1))).toContain('flag_9');
  });
});

test('a dry run tells what would be grouped, and does none of it', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'maintenance', '--dry-run', '--json'], {
    cwd: path.resolve(__dirname, '../..'),
    env: { PATH: process.env['PATH'], ...bed.environment },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await new Promise((resolve) => child.on('exit', resolve));
  expect(JSON.parse(out)).toMatchObject({
    actions: [
      { kind: 'open_alert', promotionId: ids[0] },
      { kind: 'open_alert', promotionId: ids[1] },
      { kind: 'open_grouped_alerts', alerts: { length: STUCK - OWN } },
    ],
  });
  expect(await bed.rows.query('select 1 from flag_promotions.summaries')).toEqual([]);
});
