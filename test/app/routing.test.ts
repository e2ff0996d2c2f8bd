import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Which channel messages about an app go to, and when. */

const MINUTE = 60_000;
const OPS = '<!subteam^S0OPS>';
const CONSOLE = '<!subteam^S0CONSOLE>';

let bed: TestBed;
/** `routes` gets the channels' ids; the bot is a member of `general`, and not of `random`. */
async function start(
  routes: (channels: TestBed['slack']['channels']) => string,
  startAt = '2026-05-10T04:29:00Z',
  environment: Readonly<Record<string, string>> = {},
) {
  bed = await startTestBed({
    startAt,
    rateLimit: false,
    environment: (slack) => ({
      SLACK_CRITICAL_MENTION: OPS,
      ALERT_ROUTES: routes(slack.channels),
      ...environment,
    }),
  });
  bed.slack.invite(bed.slack.channels.general);
}
afterEach(() => bed.close());

const inChannel = async (name: 'alerts' | 'random' | 'general') =>
  (await bed.slack.messages(bed.slack.channels[name])).filter(({ user }) => user === bed.slack.botUserId);
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
const posts = () => bed.slack.calls.filter(({ method }) => method === 'chat.postMessage').length;

describe('a route', () => {
  test('takes an app’s alerts to its channel, with its mention, and leaves the others where they were', async () => {
    await start(({ general }) => `raxx-console-*=${general},mention=${CONSOLE}`);
    const { superadmin: kris } = bed.slack.people;
    const promotionId = await bed.rows.insertDeploying();
    await bed.rows.insertDeploying({ flagKey: 'other', app: 'raxx-web' });
    await bed.app.tick();
    const [routed] = await inChannel('general');
    expect(routed?.text).toContain(`*CRITICAL* ${CONSOLE} \`console_heroku_log_drain_alerting\``);
    expect((await inChannel('alerts')).map(({ text }) => text)).toEqual([expect.stringContaining(`${OPS} \`other\``)]);
    expect(JSON.stringify(routed)).not.toContain('ALERT_ROUTES');

    // Follow-ups go where the message is, whatever the routes say by then.
    if (routed === undefined) throw new Error('No alert was posted.');
    const elsewhere = await bed.replica({ environment: { ALERT_ROUTES: '' } });
    await bed.clock.set('2026-05-11T04:30:00Z');
    await elsewhere.tick();
    const thread = () => bed.slack.thread(bed.slack.channels.general, routed.ts);
    expect((await thread()).map(({ text }) => text)).toEqual([expect.stringContaining('still stuck')]);
    await kris.click(routed, 'mark_completed');
    await kris.waitForModal();
    expect((await kris.submit({ code: bed.code(kris.id), note: 'It is live.' })).kind).toBe('closed');
    await eventually(async () => {
      expect((await bed.db.promotions.find(promotionId))?.state).toBe('deployed');
      expect((await inChannel('general'))[0]?.text).toContain('*completed*');
    });
  });

  test('takes the progress of a promotion along, and the answer tells where', async () => {
    await start(({ general }) => `raxx-*=${general}`, '2026-05-10T04:29:00Z');
    const { superadmin: kris } = bed.slack.people;
    await kris.command('mark new_flag raxx-console-prod');
    await kris.waitForEphemeral(({ text }) => text.includes('new_flag'));
    await kris.command('promote new_flag');
    await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('Promotes'));
    await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('checked'));
    expect((await kris.submit({ code: bed.code(kris.id) })).kind).toBe('closed');
    await eventually(async () => expect((await inChannel('general'))[0]?.text).toContain('`new_flag`'));
    const told = await kris.waitForEphemeral(({ text }) => text.includes('is *being promoted*'));
    expect(told.text).toContain(`<#${bed.slack.channels.general}>`);
    expect(await inChannel('alerts')).toEqual([]);
  });

  test('to a channel that the app is not in loses no alert: it goes where all others go, and says why', async () => {
    await start(({ random }) => `raxx-console-*=${random},mention=${CONSOLE}`);
    const promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
    const alert = await bed.alert();
    const why = `\`ALERT_ROUTES\` sends this to <#${bed.slack.channels.random}>, but I’m not in it`;
    expect(alert.text).toContain(CONSOLE);
    expect(JSON.stringify(alert)).toContain(why);
    expect(await inChannel('random')).toEqual([]);
    expect(posts()).toBe(2);

    // After an update it still says so; and no other alert tries the channel again.
    await bed.db.promotions.linkRca({
      promotionId,
      url: 'https://docs.example.com/rca',
      operatorId: bed.slack.people.superadmin.id,
      at: bed.clock.now(),
    });
    await tickAfter(MINUTE);
    expect(JSON.stringify(await bed.alert())).toContain('https://docs.example.com/rca');
    expect(JSON.stringify(await bed.alert())).toContain(why);
    expect(await inChannel('alerts')).toHaveLength(1);
  });

  test.each([
    ['that is not there', 'C0NOWHERE', 'it doesn’t exist, or it is private'],
    ['that Slack calls archived', null, 'it is archived'],
    ['that takes replies only', null, 'Slack says `restricted_action_thread_only_channel`'],
  ])('to a channel %s loses nothing either', async (_, channel, words) => {
    await start(({ random }) => `raxx-console-*=${channel ?? random}`);
    if (channel === null) {
      const error = /`(\w+)`/u.exec(words)?.[1] ?? 'is_archived';
      bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'error', error });
    }
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(JSON.stringify(await bed.alert())).toContain(words);
  });

  test('to a channel that is archived after the warning loses no critical: it comes where all others go, with its buttons', async () => {
    await start(({ general }) => `raxx-console-*=${general},mention=${CONSOLE}`, '2026-05-09T17:00:00Z');
    const { superadmin: kris } = bed.slack.people;
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect((await inChannel('general'))[0]?.text).toContain('*Warning*');
    await bed.clock.set('2026-05-10T04:29:00Z');
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'error', error: 'is_archived' });
    await bed.app.tick();
    const critical = await bed.alert();
    expect(critical.text).toContain(`*CRITICAL* ${CONSOLE} \`console_heroku_log_drain_alerting\``);
    const why = `Promotion 1 · This belongs in a thread in <#${bed.slack.channels.general}>, but it is archived`;
    expect(JSON.stringify(critical.blocks)).toContain(why);

    await kris.click(critical, 'mark_completed');
    await kris.waitForModal();
    expect((await kris.submit({ code: bed.code(kris.id) })).kind).toBe('closed');
    await eventually(async () => expect((await bed.alert()).text).toContain('*completed*'));
    expect(JSON.stringify(await bed.alert())).toContain(why);
  });

  test('is found again after an answer that got lost, though the routes were changed meanwhile', async () => {
    await start(({ general }) => `raxx-console-*=${general}`);
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await bed.app.tick();
    const elsewhere = await bed.replica({ environment: { ALERT_ROUTES: '' } });
    await bed.clock.advance(MINUTE);
    await elsewhere.tick();
    expect(await inChannel('general')).toHaveLength(1);
    expect(await inChannel('alerts')).toEqual([]);
    const [row] = await bed.rows.query('select state, channel from flag_promotions.messages');
    expect(row).toEqual({ state: 'posted', channel: bed.slack.channels.general });
  });

  test('that is refused, and whose fallback’s answer got lost, is found where it went', async () => {
    await start(({ random }) => `raxx-console-*=${random}`);
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'error', error: 'not_in_channel' });
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await bed.app.tick();
    await tickAfter(MINUTE);
    expect(await inChannel('alerts')).toHaveLength(1);
    expect(JSON.stringify(await bed.alert())).toContain('ALERT_ROUTES');
    expect(posts()).toBe(2);
  });

  test('whose channel the app was thrown out of after an answer that got lost falls back all the same', async () => {
    await start(({ random }) => `raxx-console-*=${random}`);
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_before' });
    await bed.app.tick();
    await tickAfter(MINUTE);
    expect(await inChannel('alerts')).toHaveLength(1);
  });

  test('holds for the progress of a promotion too, which says why it is elsewhere', async () => {
    await start(({ random }) => `raxx-*=${random}`);
    const { superadmin: kris } = bed.slack.people;
    await kris.command('mark new_flag raxx-console-prod');
    await kris.waitForEphemeral(({ text }) => text.includes('new_flag'));
    await kris.command('promote new_flag');
    await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('checked'));
    expect((await kris.submit({ code: bed.code(kris.id) })).kind).toBe('closed');
    const told = await kris.waitForEphemeral(({ text }) => text.includes('is *being promoted*'));
    expect(told.text).toContain(`<#${bed.slack.channels.alerts}>`);
    await eventually(async () => {
      const [message] = await inChannel('alerts');
      expect(message?.text).toContain('*live*');
      expect(JSON.stringify(message)).toContain('ALERT_ROUTES');
    });
  });
});

describe('quiet hours', () => {
  const night = ({ alerts }: TestBed['slack']['channels']) =>
    `raxx-console-*=${alerts},mention=none,quiet=22:00-07:00@Europe/Berlin`;

  test('hold a warning back until they end, and post it then, if it is still stuck', async () => {
    // 22:30 in Berlin. What is deployed here was never set on Heroku.
    await start(night, '2026-05-10T20:30:00Z', { DRIFT_EVERY: 'off' });
    await bed.rows.insertDeploying({ promotedAt: '2026-05-10T08:30:00Z' });
    const other = await bed.rows.insertDeploying({ flagKey: 'ends', promotedAt: '2026-05-10T08:30:00Z' });
    await bed.rows.insertDeploying({ flagKey: 'loud', app: 'raxx-web', promotedAt: '2026-05-10T08:30:00Z' });
    await bed.app.tick();
    expect((await inChannel('alerts')).map(({ text }) => text)).toEqual([expect.stringContaining('`loud`')]);
    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = now() where id = $1`, [
      other,
    ]);
    await bed.clock.set('2026-05-11T04:59:00Z');
    await bed.app.tick();
    expect(await inChannel('alerts')).toHaveLength(1);
    await bed.clock.set('2026-05-11T05:00:00Z');
    await bed.app.tick();
    expect((await inChannel('alerts')).map(({ text }) => text)).toEqual([
      expect.stringContaining('`loud`'),
      expect.stringContaining('*Warning* `console_heroku_log_drain_alerting`'),
    ]);
  });

  test('hold no critical back: the warning that waited gives way to it', async () => {
    await start(night, '2026-05-10T20:30:00Z', { STUCK_WARNING_AFTER: '12h', STUCK_CRITICAL_AFTER: '13h' });
    await bed.rows.insertDeploying({ promotedAt: '2026-05-10T08:30:00Z' });
    await bed.app.tick();
    expect(await inChannel('alerts')).toEqual([]);
    await tickAfter(60 * MINUTE);
    const [critical, ...others] = await inChannel('alerts');
    expect(others).toEqual([]);
    expect(critical?.text).toContain('*CRITICAL* `');
    await bed.clock.set('2026-05-11T05:01:00Z');
    await bed.app.tick();
    expect(await inChannel('alerts')).toHaveLength(1);
  });
});
