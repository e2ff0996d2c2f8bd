import type { StoredMessage } from '../../demo/slack/workspace.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Owning, snoozing, routing and quiet hours for grouped promotions. */

const MINUTE = 60_000;
const OPS = '<!subteam^S0OPS>';
const CONSOLE = '<!subteam^S0CONSOLE>';

let bed: TestBed;
async function start(
  startAt: string,
  environment: (slack: TestBed['slack']) => Readonly<Record<string, string>> = () => ({}),
): Promise<void> {
  bed = await startTestBed({
    startAt,
    rateLimit: false,
    databaseClockStands: true,
    environment: (slack) => ({
      ALERT_MESSAGES_PER_HOUR: '1',
      SLACK_CRITICAL_MENTION: OPS,
      ...environment(slack),
    }),
  });
}
afterEach(() => bed.close());

type Channel = 'alerts' | 'random' | 'general';
const channel = async (name: Channel = 'alerts') =>
  (await bed.slack.messages(bed.slack.channels[name])).filter(({ user }) => user === bed.slack.botUserId);
const textOf = (message: unknown) => JSON.stringify(message);
const isGroup = (message: StoredMessage) => textOf(message.blocks).includes('Grouped.');
const groups = async (name?: Channel) => (await channel(name)).filter(isGroup);
async function group(name?: Channel): Promise<StoredMessage> {
  const found = await groups(name);
  expect(found).toHaveLength(1);
  return found[0] ?? Promise.reject(new Error('There is no group.'));
}
const thread = async ({ ts }: StoredMessage, name: Channel = 'alerts') =>
  (await bed.slack.thread(bed.slack.channels[name], ts)).map(({ text }) => text);
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
/** `count` promotions, begun a second apart. */
async function stuck(count: number, app: string, promotedAt: string): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    const began = new Date(Date.parse(promotedAt) + n * 1_000).toISOString();
    await bed.rows.insertDeploying({ flagKey: `${app}_${n}`.replaceAll('-', '_'), app, promotedAt: began });
  }
}

/** The replies in a group's thread that the channel shows, too. */
const broadcasts = async ({ ts }: StoredMessage, name?: Channel) =>
  (await channel(name)).filter(({ threadTs }) => threadTs === ts).map(({ text }) => text);

describe('a critical in a group', () => {
  beforeEach(async () => {
    await start('2026-05-10T04:40:00Z');
    await stuck(4, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    await bed.app.tick();
  });

  test('is acknowledged by the command, shown as theirs in the group and its pages, and asked about in its thread', async () => {
    const { superadmin: kris } = bed.slack.people;
    const [named, ...more] = await thread(await group());
    expect(named).toContain(`${OPS} 3 promotions stuck`);
    expect(more).toEqual([]);
    await kris.command('take raxx_console_prod_3');
    expect((await kris.waitForEphemeral()).text).toContain('*You’re on it*: `raxx_console_prod_3`');
    await eventually(async () => expect(textOf(await group())).toContain(`<@${kris.id}> is on it`));
    await kris.click(await group(), 'group_page');
    const page = await kris.waitForEphemeral(({ text }) => text.includes('promotions are stuck'));
    expect(textOf(page).match(/is on it/gu)).toHaveLength(1);

    const told = await group();
    await tickAfter(45 * MINUTE);
    expect(await thread(told)).toEqual([named, expect.stringContaining(`<@${kris.id}>, are you still on it?`)]);
    await tickAfter(10 * MINUTE);
    await tickAfter(MINUTE);
    const [, , ...since] = await thread(told);
    // A message about one of many mentions nobody and stays in the thread; the channel gets its name.
    const lost = expect.stringContaining('*Nobody is on it now.*');
    const again = expect.stringContaining(
      `${OPS} 1 promotion stuck: \`raxx_console_prod_3\` on \`raxx-console-prod\`.`,
    );
    expect(since).toHaveLength(2);
    expect(since).toEqual(expect.arrayContaining([lost, again]));
    expect(since.filter((text) => text.includes(OPS))).toHaveLength(1);
    expect(await broadcasts(told)).toEqual([named, again]);
    expect(textOf(await group())).not.toContain('On it');
    await tickAfter(MINUTE);
    expect(await thread(told)).toHaveLength(4);
  });

  test('is snoozed by the command, and is not named while it is quiet', async () => {
    const { superadmin: kris } = bed.slack.people;
    for (const n of [2, 3]) {
      await kris.command(`take raxx_console_prod_${n}`);
      await kris.waitForEphemeral(({ text }) => text.includes(`prod_${n}`));
    }
    await kris.command('snooze raxx_console_prod_4 4h');
    expect((await kris.waitForEphemeral(({ text }) => text.includes('prod_4'))).text).toContain('until');
    await eventually(async () => expect(textOf(await group())).toContain('*Snoozed*'));
    const before = await thread(await group());
    await bed.rows.query(
      `update flag_promotions.attention set confirmed_at = '2026-05-12T00:00:00Z' where owner is not null`,
    );
    await bed.clock.set('2026-05-10T08:39:00Z');
    // As if a day had passed since they were named.
    await bed.rows.query(
      `update flag_promotions.messages set posted_at = '2026-05-09T05:00:00Z' where kind = 'group_criticals'`,
    );
    await bed.app.tick();
    expect(await thread(await group())).toEqual(before);
    await tickAfter(2 * MINUTE);
    await tickAfter(MINUTE);
    const since = (await thread(await group())).slice(before.length);
    expect(since).toHaveLength(2);
    expect(since).toEqual(
      expect.arrayContaining([
        expect.stringContaining('Its snooze is over.'),
        expect.stringContaining(`${OPS} 1 promotion stuck: \`raxx_console_prod_4\``),
      ]),
    );
  });
});

describe('of apps whose alerts go to different channels', () => {
  test('each channel gets its own messages and its own group, whose criticals mention its own people', async () => {
    await start('2026-05-10T05:00:00Z', ({ channels }) => ({
      ALERT_ROUTES: `raxx-console-*=${channels.general},mention=${CONSOLE}`,
    }));
    bed.slack.invite(bed.slack.channels.general);
    await stuck(3, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    await stuck(4, 'raxx-web', '2026-05-09T04:29:00Z');
    await bed.app.tick();
    expect((await group('general')).text).toContain('*CRITICAL* 2 promotions are stuck');
    expect((await group('alerts')).text).toContain('*CRITICAL* 3 promotions are stuck');
    expect(await broadcasts(await group('general'), 'general')).toEqual([
      expect.stringContaining(`*CRITICAL* ${CONSOLE} 2 promotions stuck`),
    ]);
    expect(await broadcasts(await group())).toEqual([expect.stringContaining(`*CRITICAL* ${OPS} 3 promotions stuck`)]);
    expect(textOf(await channel('general'))).not.toContain('raxx-web');
    expect(textOf(await channel('alerts'))).not.toContain('raxx-console');

    const { ts } = await group('general');
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where heroku_app = 'raxx-console-prod'`);
    await tickAfter(MINUTE);
    const ended = (await channel('general')).find((message) => message.ts === ts);
    expect(textOf(ended)).toContain('*All ended*: 2 failed.');
    expect((await group('alerts')).text).toContain('3 promotions are stuck');
  });

  test('a channel that the app is not in loses no group: it goes where all others go, and says why', async () => {
    await start('2026-05-10T05:00:00Z', ({ channels }) => ({ ALERT_ROUTES: `raxx-console-*=${channels.random}` }));
    await stuck(3, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    await bed.app.tick();
    const why = `\`ALERT_ROUTES\` sends this to <#${bed.slack.channels.random}>, but I’m not in it`;
    expect(textOf(await group())).toContain(why);
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where flag_key like '%_3'`);
    await tickAfter(MINUTE);
    expect(textOf(await group())).toContain('ended so far: 1 failed');
    expect(textOf(await group())).toContain(why);
    expect(await channel('random')).toEqual([]);
    expect(await broadcasts(await group())).toHaveLength(1);
    expect(await channel()).toHaveLength(3);
  });

  test('is found again after an answer that got lost, though the routes were changed meanwhile', async () => {
    await start('2026-05-10T05:00:00Z', ({ channels }) => ({ ALERT_ROUTES: `raxx-console-*=${channels.general}` }));
    bed.slack.invite(bed.slack.channels.general);
    await stuck(3, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    bed.slack.faults.add({ method: 'chat.postMessage', times: 2, kind: 'reset_after' });
    await bed.app.tick();
    const elsewhere = await bed.replica({ environment: { ALERT_ROUTES: '' } });
    await bed.clock.advance(MINUTE);
    await elsewhere.tick();
    expect(await broadcasts(await group('general'), 'general')).toHaveLength(1);
    expect(await channel('general')).toHaveLength(3);
    expect(await channel()).toEqual([]);
  });
});

describe('in quiet hours', () => {
  const night = ({ channels }: TestBed['slack']) => ({
    ALERT_ROUTES: `raxx-*=${channels.alerts},mention=none,quiet=22:00-07:00@Europe/Berlin`,
  });

  test('the warnings of a night are one message and one group in the morning', async () => {
    // 22:30 in Berlin.
    await start('2026-05-10T20:30:00Z', night);
    await stuck(3, 'raxx-console-prod', '2026-05-10T08:00:00Z');
    await bed.app.tick();
    await stuck(2, 'raxx-web', '2026-05-10T11:00:00Z');
    await tickAfter(180 * MINUTE);
    expect(await channel()).toEqual([]);
    await bed.clock.set('2026-05-11T04:59:00Z');
    await bed.app.tick();
    expect(await channel()).toEqual([]);
    await bed.clock.set('2026-05-11T05:00:00Z');
    await bed.app.tick();
    await tickAfter(MINUTE);
    expect(await channel()).toHaveLength(2);
    expect((await group()).text).toContain('*Warning* 4 promotions are stuck');
  });

  test('criticals are told at once, and the warnings wait without them', async () => {
    await start('2026-05-10T20:30:00Z', (slack) => ({ ...night(slack), STUCK_CRITICAL_AFTER: '13h' }));
    await stuck(3, 'raxx-console-prod', '2026-05-10T07:40:00Z');
    await stuck(2, 'raxx-web', '2026-05-10T08:20:00Z');
    await bed.app.tick();
    expect(await channel()).toEqual([]);
    await tickAfter(15 * MINUTE);
    expect((await group()).text).toContain('*CRITICAL* 2 promotions are stuck');
    expect(await broadcasts(await group())).toHaveLength(1);
    expect(await channel()).toHaveLength(3);
    expect(textOf(await channel())).not.toContain('raxx-web');
    await bed.rows.query(
      `update console_flag_promotions set promoted_at = '2026-05-10T16:30:00Z' where heroku_app = 'raxx-web'`,
    );
    await bed.clock.set('2026-05-11T05:00:00Z');
    await bed.app.tick();
    const waited = (await groups()).filter((message) => textOf(message).includes('raxx_web_2'));
    expect(waited.map(({ text }) => text)).toEqual([expect.stringContaining('*Warning* 2 promotions are stuck')]);
  });
});
