import { spawn } from 'node:child_process';
import type { EphemeralMessage, StoredMessage } from '../../demo/slack/workspace.js';
import { APP, startTestBed, type TestBed, type TestBedOptions } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { eventually } from '../support/eventually.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MENTION = '<!subteam^S0123456789>';
const STUCK = 9;
const OWN = 2;
const GROUPED = STUCK - OWN;

let bed: TestBed;
let ids: readonly string[];
async function start(options: TestBedOptions = {}): Promise<void> {
  bed = await startTestBed({
    startAt: '2026-05-09T17:00:00Z',
    rateLimit: false,
    environment: { ALERT_MESSAGES_PER_HOUR: String(OWN), SLACK_CRITICAL_MENTION: MENTION },
    vars: { FLAG_FLAG_3: 'true', FLAG_FLAG_4: 'true' },
    ...options,
  });
  ids = await insert(1, STUCK);
}
beforeEach(() => start());
afterEach(() => bed.close());

/** That many promotions, each begun a second after the one before. */
async function insert(first: number, count: number, start = '2026-05-09T04:28:00Z'): Promise<readonly string[]> {
  const inserted: string[] = [];
  for (let n = first; n < first + count; n += 1) {
    const promotedAt = new Date(Date.parse(start) + n * 1_000).toISOString();
    inserted.push(await bed.rows.insertDeploying({ flagKey: `flag_${n}`, promotedAt }));
  }
  return inserted;
}
const channel = () => bed.slack.messages(bed.slack.channels.alerts);
const isGroup = (message: StoredMessage) => JSON.stringify(message.blocks).includes('Grouped.');
async function group(): Promise<StoredMessage> {
  const found = (await channel()).filter(isGroup);
  expect(found).toHaveLength(1);
  return found[0] ?? Promise.reject(new Error('There is no group.'));
}
const now = async (ts: string) => (await channel()).find((message) => message.ts === ts);
const thread = async (ts: string) => (await bed.slack.thread(bed.slack.channels.alerts, ts)).map(({ text }) => text);
/** The replies that the channel shows, too. */
const broadcasts = async (ts: string) =>
  (await channel()).filter(({ threadTs }) => threadTs === ts).map(({ text }) => text);
const textOf = (message: StoredMessage | EphemeralMessage | undefined) =>
  JSON.stringify([message?.text, message?.blocks, message?.attachments]);
const pending = () => bed.rows.query(`select kind, subject from flag_promotions.messages where state = 'pending'`);
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
/** The app's command line, with the test's database. */
const cli = async (...words: string[]) =>
  spawn(process.execPath, [await builtApp(), ...words], {
    env: { PATH: process.env['PATH'], ...bed.environment },
  });

describe('many that get stuck at once', () => {
  test('the oldest get a message each, the others one together, with a list behind it', async () => {
    await bed.app.tick();
    const messages = await channel();
    expect(messages).toHaveLength(OWN + 1);
    const individual = messages.filter((message) => !isGroup(message)).map(({ text }) => /flag_\d/u.exec(text)?.[0]);
    expect(individual.sort()).toEqual(['flag_1', 'flag_2']);
    expect((await group()).text).toMatch(/7 promotions are stuck on .*: 2 live, 5 not live\. Press Show all 7\.$/u);
    expect(await pending()).toEqual([]);

    const { engineer } = bed.slack.people;
    await engineer.click(await group(), 'group_page');
    const first = await engineer.waitForEphemeral();
    expect(first.text).toContain('7 promotions are stuck');
    expect([...textOf(first).matchAll(/"action_id":"mark_failed"/gu)]).toHaveLength(5);
    const [{ id = '' } = {}] = await bed.rows.query<{ id: string }>(
      `select id from flag_promotions.messages where kind = 'group'`,
    );
    await engineer.click(first, 'group_page', { value: `${id}:5` });
    const second = await engineer.waitForEphemeral((shown) => textOf(shown).includes('flag_9'));
    expect(textOf(second)).not.toContain('flag_1`');
    // The message in the channel is everybody’s, and stays.
    expect((await group()).text).toContain('7 promotions are stuck');
    expect(engineer.ephemerals()).toHaveLength(1);
  });

  test('the first ten are named in the message, and how many more there are', async () => {
    await insert(10, 5);
    await bed.app.tick();
    const shown = textOf(await group());
    for (let n = 3; n <= 12; n += 1) expect(shown).toContain(`\`flag_${n}\``);
    expect(shown).not.toContain('flag_13');
    expect(shown).toContain('…and *2 more*.');
    expect(shown).toContain('Show all 12');
  });

  test('their verdicts are counted again every quarter of an hour, with one request per app', async () => {
    // An app that Heroku doesn't know.
    await bed.rows.insertDeploying({ flagKey: 'web', app: 'raxx-web', promotedAt: '2026-05-09T04:29:00Z' });
    await bed.app.tick();
    expect((await group()).text).toMatch(
      /8 promotions are stuck on .*: 2 live, 5 not live, 1 not known\. Press Show all 8\.$/u,
    );
    await tickAfter(60_000);
    const before = bed.heroku.requests.length;
    await tickAfter(13 * 60_000);
    expect(bed.heroku.requests).toHaveLength(before);
    bed.heroku.setVar(APP, 'FLAG_FLAG_5', 'true');
    await tickAfter(2 * 60_000);
    expect(bed.heroku.requests.slice(before).map(({ path: asked }) => asked)).toEqual(
      expect.arrayContaining([`/apps/${APP}/config-vars`, '/apps/raxx-web/config-vars']),
    );
    expect(bed.heroku.requests).toHaveLength(before + 2);
    expect((await group()).text).toMatch(
      /8 promotions are stuck on .*: 3 live, 4 not live, 1 not known\. Press Show all 8\.$/u,
    );
  });

  test('three replicas that tick together post them once, and nothing too early', async () => {
    await bed.close();
    await start({ pauses: true });
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
  ])('they are posted once if Slack fails %s', async (_what, fault) => {
    // The first two posts are the individual alerts.
    bed.slack.faults.add({ method: 'chat.postMessage', times: OWN, kind: 'delay', ms: 0 });
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, ...fault });
    await bed.app.tick();
    expect(await pending()).toEqual([expect.objectContaining({ kind: 'group' })]);
    await tickAfter(60_000);
    await group();
    expect(await channel()).toHaveLength(OWN + 1);
    expect(await pending()).toEqual([]);
  });

  test('they are posted once if a process is killed between the post and the write', async () => {
    bed.slack.faults.add({ method: 'chat.postMessage', times: OWN, kind: 'delay', ms: 0 });
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'hang', takesEffect: true });
    const child = await cli('maintenance');
    const ended = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
    await eventually(async () => expect((await channel()).filter(isGroup)).toHaveLength(1));
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    const { ts } = await group();
    expect(await pending()).toEqual([expect.objectContaining({ kind: 'group' })]);
    await bed.rows.query(`update flag_promotions.channel_slots set free_at = now()`);
    await tickAfter(60_000);
    expect(await channel()).toHaveLength(OWN + 1);
    expect((await group()).ts).toBe(ts);
    expect(await pending()).toEqual([]);
  });

  test('the group is posted again if somebody deletes it', async () => {
    await bed.app.tick();
    const { ts } = await group();
    await bed.slack.deleteMessage(bed.slack.channels.alerts, ts);
    await end('failed', ids.slice(8));
    await tickAfter(60_000);
    expect((await group()).ts).not.toBe(ts);
    expect((await group()).text).toContain('6 promotions are stuck');
  });
});

describe('criticals', () => {
  const named = (of: readonly number[]) => of.map((n) => `\`flag_${n}\` on \`${APP}\``).join(', ');

  test('those that turn critical are named once in the channel, and again a day later', async () => {
    await bed.app.tick();
    const { ts } = await group();
    expect(await thread(ts)).toEqual([]);
    await tickAfter(12 * HOUR);
    await tickAfter(60_000);
    const naming = `${MENTION} 7 promotions stuck: ${named([3, 4, 5, 6, 7, 8, 9])}. Press Show all 7.`;
    expect(await thread(ts)).toEqual([expect.stringContaining(naming)]);
    expect(await broadcasts(ts)).toEqual(await thread(ts));
    expect((await now(ts))?.text).toContain('*CRITICAL*');
    expect((await now(ts))?.text).not.toContain(MENTION);
    await tickAfter(12 * HOUR);
    await tickAfter(11 * HOUR);
    expect(await thread(ts)).toHaveLength(1);
    await tickAfter(2 * HOUR);
    expect(await thread(ts)).toHaveLength(2);
    expect(await broadcasts(ts)).toEqual(await thread(ts));
  });

  test('those found critical are named in the tick that posts their group, up to ten and how many more', async () => {
    await insert(10, 5);
    await bed.clock.set('2026-05-10T06:00:00Z');
    await bed.app.tick();
    const { ts } = await group();
    const tenOf = named([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(await broadcasts(ts)).toEqual([
      expect.stringContaining(`${MENTION} 12 promotions stuck: ${tenOf} and 2 more. Press Show all 12.`),
    ]);
    await insert(20, 1);
    await tickAfter(60_000);
    await tickAfter(60_000);
    expect((await group()).ts).toBe(ts);
    expect(await broadcasts(ts)).toEqual([
      expect.anything(),
      expect.stringContaining(`${MENTION} 1 promotion stuck: ${named([20])}. Press Show it.`),
    ]);
    expect(await thread(ts)).toHaveLength(2);
  });

  test('three replicas name them once', async () => {
    await bed.app.tick();
    const { ts } = await group();
    const others = await Promise.all([bed.replica(), bed.replica()]);
    await bed.clock.advance(12 * HOUR);
    await Promise.all([bed.app, ...others].map((app) => app.tick()));
    await tickAfter(60_000);
    expect(await broadcasts(ts)).toHaveLength(1);
    expect(await thread(ts)).toHaveLength(1);
  });

  test('they are named again in the thread of a group that somebody deleted', async () => {
    await bed.clock.set('2026-05-10T06:00:00Z');
    await bed.app.tick();
    const { ts } = await group();
    await bed.slack.deleteMessage(bed.slack.channels.alerts, ts);
    await end('failed', ids.slice(8));
    await tickAfter(60_000);
    await tickAfter(60_000);
    const again = (await group()).ts;
    expect(again).not.toBe(ts);
    expect(await broadcasts(again)).toEqual([
      expect.stringContaining(`6 promotions stuck: ${named([3, 4, 5, 6, 7, 8])}`),
    ]);
  });

  test('they are posted before warnings that wait, and so is the group in which they land', async () => {
    bed.slack.faults.add({ method: 'chat.postMessage', kind: 'error', error: 'internal_error', times: STUCK });
    await bed.app.tick();
    expect(await channel()).toEqual([]);
    bed.slack.faults.clear();
    await insert(10, 1, '2026-05-08T04:28:00Z');
    await tickAfter(60_000);
    const posted = await channel();
    expect(posted.map((message) => (isGroup(message) ? 'group' : (/flag_\d+/u.exec(message.text)?.[0] ?? '')))).toEqual(
      ['group', 'flag_10', 'flag_1', 'flag_2'],
    );
    expect(await broadcasts(posted[0]?.ts ?? '')).toEqual([
      expect.stringContaining(`${MENTION} 1 promotion stuck: ${named([10])}. Press Show it.`),
    ]);
  });
});

describe('when they end', () => {
  test('the group follows, and says that all have ended', async () => {
    await bed.app.tick();
    const { ts } = await group();
    await end('deployed', ids.slice(0, 5));
    await tickAfter(60_000);
    expect((await now(ts))?.text).toContain('4 promotions are stuck');
    expect(textOf(await now(ts))).toContain('ended so far: 3 completed');
    await end('failed', ids.slice(5));
    await tickAfter(60_000);
    expect(textOf(await now(ts))).toContain('*All ended*: 3 completed, 4 failed.');
    expect(textOf(await now(ts))).not.toContain('group_page');
    await tickAfter(60_000);
    // Hundreds may end by themselves at once: the thread only reports what people did.
    expect(await thread(ts)).toEqual([]);
  });

  test('a resolution shows in the list at once, and in the thread with the superadmin’s name', async () => {
    await bed.app.tick();
    const { ts } = await group();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await group(), 'group_page');
    await superadmin.click(await superadmin.waitForEphemeral(), 'mark_failed', { value: ids[4] ?? '' });
    await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Not live.*'));
    const marked = await superadmin.submit({ note: 'Never took.', code: bed.code(superadmin.id) });
    expect(marked).toEqual({ kind: 'closed' });
    await eventually(async () => {
      expect(textOf(await now(ts))).toContain('ended so far: 1 failed');
      expect(await thread(ts)).toEqual([expect.stringMatching(/`flag_5`.*resolved as \*failed\* by `kris`/u)]);
    });
  });

  test('their missing RCAs are in the list of all that are missing, with no reminder in the thread', async () => {
    await bed.clock.set('2026-05-10T06:00:00Z');
    await bed.app.tick();
    const { ts } = await group();
    const before = await thread(ts);
    await end('failed');
    await tickAfter(60_000);
    await tickAfter(3 * DAY);
    await tickAfter(60_000);
    expect(await thread(ts)).toEqual(before);
    const { engineer } = bed.slack.people;
    await engineer.command('rca');
    expect(textOf(await engineer.waitForEphemeral())).toContain('flag_9');
  });

  test('one that is set back to deploying is posted again', async () => {
    await bed.app.tick();
    const { ts } = await group();
    await end('failed');
    await tickAfter(60_000);
    await end('deploying', ids.slice(8));
    await tickAfter(60_000);
    expect(textOf(await now(ts))).toContain('*All ended*');
    expect(textOf((await channel()).at(-1))).toContain('flag_9');
  });
});

test('a dry run says what would be grouped, and does none of it', async () => {
  const child = await cli('maintenance', '--dry-run', '--json');
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await new Promise((resolve) => child.on('exit', resolve));
  const { actions } = JSON.parse(out);
  expect(actions).toMatchObject([
    { kind: 'open_alert', promotionId: ids[0] },
    { kind: 'open_alert', promotionId: ids[1] },
    { kind: 'open_grouped_alerts', alerts: { length: GROUPED } },
  ]);
  expect(await bed.rows.query('select 1 from flag_promotions.messages')).toEqual([]);
});
