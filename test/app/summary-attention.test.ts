import type { StoredMessage } from '../../demo/slack/workspace.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** What owning, snoozing, routing and quiet hours mean for what is told in a summary. */

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
const isSummary = (message: StoredMessage) => textOf(message.attachments).includes('summary_page');
const summaries = async (name?: Channel) => (await channel(name)).filter(isSummary);
async function summary(name?: Channel): Promise<StoredMessage> {
  const found = await summaries(name);
  expect(found).toHaveLength(1);
  return found[0] ?? Promise.reject(new Error('There is no summary.'));
}
const thread = async ({ ts }: StoredMessage, name: Channel = 'alerts') =>
  (await bed.slack.thread(bed.slack.channels[name], ts)).map(({ text }) => text);
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
/** `count` that began within as many seconds. */
async function stuck(count: number, app: string, promotedAt: string): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    const began = new Date(Date.parse(promotedAt) + n * 1_000).toISOString();
    await bed.rows.insertDeploying({ flagKey: `${app}_${n}`.replaceAll('-', '_'), app, promotedAt: began });
  }
}

describe('a critical that a summary tells', () => {
  beforeEach(async () => {
    await start('2026-05-10T04:40:00Z');
    await stuck(4, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    await bed.app.tick();
  });

  test('is taken by the command, shown as theirs in the summary and its pages, and asked about in its thread', async () => {
    const { superadmin: kris } = bed.slack.people;
    await kris.command('take raxx_console_prod_3');
    expect((await kris.waitForEphemeral()).text).toContain('*You are on it*: `raxx_console_prod_3`');
    await eventually(async () => expect(textOf(await summary())).toContain(`*On it*: <@${kris.id}>`));
    await kris.click(await summary(), 'summary_page');
    const page = await kris.waitForEphemeral(({ text }) => text.includes('promotions are stuck'));
    expect(textOf(page).match(/On it/gu)).toHaveLength(1);

    const told = await summary();
    const messages = (await channel()).length;
    await tickAfter(45 * MINUTE);
    expect(await thread(told)).toEqual([expect.stringContaining(`<@${kris.id}>, are you still on it?`)]);
    await tickAfter(10 * MINUTE);
    const [, lost, ...others] = await thread(told);
    expect(lost).toContain('*Nobody has it now.*');
    // One of hundreds calls nobody and stays in the thread: the summary calls for all of them, an hour after it did.
    expect(lost).not.toContain(OPS);
    expect(others).toEqual([]);
    expect(await channel()).toHaveLength(messages);
    expect(textOf(await summary())).not.toContain('On it');
    await tickAfter(5 * MINUTE);
    await tickAfter(MINUTE);
    expect((await thread(told)).filter((text) => text.includes(OPS))).toEqual([
      expect.stringContaining('3 of 3 promotions that are stuck here are critical'),
    ]);
    await tickAfter(MINUTE);
    expect(await thread(told)).toHaveLength(3);
  });

  test('is snoozed by the command, and people are not called while all of them are quiet', async () => {
    const { superadmin: kris } = bed.slack.people;
    for (const n of [2, 3]) {
      await kris.command(`take raxx_console_prod_${n}`);
      await kris.waitForEphemeral(({ text }) => text.includes(`prod_${n}`));
    }
    await kris.command('snooze raxx_console_prod_4 4h');
    expect((await kris.waitForEphemeral(({ text }) => text.includes('prod_4'))).text).toContain('until');
    await eventually(async () => expect(textOf(await summary())).toContain('*Snoozed*'));
    await bed.rows.query(
      `update flag_promotions.attention set confirmed_at = '2026-05-12T00:00:00Z' where owner is not null`,
    );
    await bed.clock.set('2026-05-10T08:39:00Z');
    await bed.app.tick();
    await bed.rows.query(
      `update flag_promotions.summaries set called_at = '2026-05-08T00:00:00Z' where kind = 'summary'`,
    );
    await tickAfter(0);
    expect(await thread(await summary())).toEqual([]);
    await tickAfter(2 * MINUTE);
    await tickAfter(MINUTE);
    expect(await thread(await summary())).toEqual([
      expect.stringMatching(/3 of 3 promotions.* critical \(2 of them taken or snoozed\)/u),
      expect.stringContaining('Its snooze is over.'),
    ]);
  });
});

describe('of apps whose alerts go to different channels', () => {
  test('each channel gets its own messages and its own summary, which calls its own people', async () => {
    await start('2026-05-10T05:00:00Z', ({ channels }) => ({
      ALERT_ROUTES: `raxx-console-*=${channels.general},mention=${CONSOLE}`,
    }));
    bed.slack.invite(bed.slack.channels.general);
    await stuck(3, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    await stuck(4, 'raxx-web', '2026-05-09T04:29:00Z');
    await bed.app.tick();
    expect((await summary('general')).text).toContain(`*CRITICAL* ${CONSOLE}: *2 more promotions*`);
    expect((await summary('alerts')).text).toContain(`*CRITICAL* ${OPS}: *3 more promotions*`);
    expect(textOf(await channel('general'))).not.toContain('raxx-web');
    expect(textOf(await channel('alerts'))).not.toContain('raxx-console');

    const told = await summary('general');
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where heroku_app = 'raxx-console-prod'`);
    await tickAfter(MINUTE);
    expect(await thread(told, 'general')).toEqual([
      expect.stringContaining('All 2 promotions that got stuck together'),
    ]);
    expect(await thread(await summary('alerts'))).toEqual([]);
  });

  test('a channel that the app is not in loses no summary: it goes where all others go, and says why', async () => {
    await start('2026-05-10T05:00:00Z', ({ channels }) => ({ ALERT_ROUTES: `raxx-console-*=${channels.random}` }));
    await stuck(3, 'raxx-console-prod', '2026-05-09T04:28:00Z');
    await bed.app.tick();
    const why = `\`ALERT_ROUTES\` sends this to <#${bed.slack.channels.random}>, but I am not a member of it`;
    expect(textOf(await summary())).toContain(why);
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where flag_key like '%_3'`);
    await tickAfter(MINUTE);
    expect(textOf(await summary())).toContain('Ended so far: 1 failed.');
    expect(textOf(await summary())).toContain(why);
    expect(await channel('random')).toEqual([]);
    expect(await channel()).toHaveLength(2);
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
    await summary('general');
    expect(await channel('general')).toHaveLength(2);
    expect(await channel()).toEqual([]);
  });
});

describe('in quiet hours', () => {
  const night = ({ channels }: TestBed['slack']) => ({
    ALERT_ROUTES: `raxx-*=${channels.alerts},mention=none,quiet=22:00-07:00@Europe/Berlin`,
  });

  test('the warnings of a night are one message and one summary in the morning', async () => {
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
    expect((await summary()).text).toContain('*Warning*: *4 more promotions*');
  });

  test('criticals are told at once, and the warnings wait without them', async () => {
    await start('2026-05-10T20:30:00Z', (slack) => ({ ...night(slack), STUCK_CRITICAL_AFTER: '13h' }));
    await stuck(3, 'raxx-console-prod', '2026-05-10T07:40:00Z');
    await stuck(2, 'raxx-web', '2026-05-10T08:20:00Z');
    await bed.app.tick();
    expect(await channel()).toEqual([]);
    await tickAfter(15 * MINUTE);
    expect(await channel()).toHaveLength(2);
    expect((await summary()).text).toContain('*CRITICAL*: *2 more promotions*');
    expect(textOf(await channel())).not.toContain('raxx-web');
    await bed.rows.query(
      `update console_flag_promotions set promoted_at = '2026-05-10T16:30:00Z' where heroku_app = 'raxx-web'`,
    );
    await bed.clock.set('2026-05-11T05:00:00Z');
    await bed.app.tick();
    const waited = (await summaries()).filter((message) => textOf(message).includes('raxx_web_2'));
    expect(waited.map(({ text }) => text)).toEqual([expect.stringContaining('*Warning*: *2 more promotions*')]);
  });
});
