import type { AddressInfo } from 'node:net';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { App, HTTPReceiver, LogLevel, SocketModeReceiver } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import { type SlackStandIn, type SlackStandInOptions, startSlackStandIn } from '../../demo/slack/workspace.js';
import { createTestClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';

/** A small app on the real Bolt as the counterpart, over both of Slack's ways to reach an app. */

const nothing = (): void => undefined;
const SILENT = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  getLevel: () => LogLevel.ERROR,
  setName: nothing,
};

/** For what is never answered; answers take a fraction of it. */
const GIVEN_UP_AFTER_MS = 1_500;

type Mode = 'HTTP' | 'Socket Mode';

let slack: SlackStandIn;
const apps: App[] = [];
/** What went wrong inside the app: each test states what it expects, mostly nothing. */
const faults: Error[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()));
  await slack.close();
  expect(faults.splice(0)).toEqual([]);
});

const clientOptions = () => ({
  slackApiUrl: slack.apiUrl,
  retryConfig: { retries: 0 },
  rejectRateLimitedCalls: true,
  logger: SILENT,
});

/** Starts an app and connects it; resolves with its Web API client. */
async function startApp(mode: Mode, prepare: (app: App) => void): Promise<WebClient> {
  const receiver =
    mode === 'HTTP'
      ? new HTTPReceiver({
          signingSecret: slack.signingSecret,
          logger: SILENT,
          unhandledRequestTimeoutMillis: 60_000,
        })
      : new SocketModeReceiver({
          appToken: slack.appToken,
          logger: SILENT,
          installerOptions: { clientOptions: { slackApiUrl: slack.apiUrl } },
        });
  const app = new App({
    receiver,
    authorize: async () => ({ botToken: slack.botToken, botUserId: slack.botUserId, botId: slack.botId }),
    clientOptions: clientOptions(),
    logger: SILENT,
  });
  app.error(async (error) => void faults.push(error));
  prepare(app);
  apps.push(app);
  if (receiver instanceof HTTPReceiver) {
    const server = await receiver.start({ port: 0, host: '127.0.0.1' });
    const { port } = Object(server.address()) as AddressInfo;
    slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
  } else {
    const before = slack.socketMode.connections;
    await app.start();
    await eventually(async () => expect(slack.socketMode.connections).toBeGreaterThan(before));
  }
  return new WebClient(slack.botToken, clientOptions());
}
const start = async (options: SlackStandInOptions = {}) => {
  slack = await startSlackStandIn({ rateLimit: false, eventRetryWaitMs: 5, ackWithinMs: 30_000, ...options });
  return { ...slack.people, channel: slack.channels.alerts };
};

const button = (text: string, more: object = {}) => ({
  type: 'button' as const,
  action_id: 'press',
  text: { type: 'plain_text' as const, text },
  ...more,
});
const actions = (...elements: ReturnType<typeof button>[]) => ({ type: 'actions' as const, elements });
const plain = (text: string) => ({ type: 'plain_text' as const, text });
const input = (block_id: string, element: object = {}, more: object = {}) => ({
  type: 'input' as const,
  block_id,
  label: plain(block_id),
  element: { type: 'plain_text_input' as const, action_id: 'value', ...element },
  ...more,
});
const modal = (title: string, blocks: readonly object[], more: object = {}) => ({
  type: 'modal' as const,
  title: plain(title),
  submit: plain('Send'),
  callback_id: 'form',
  // Tests also send what Slack refuses, which Bolt's types don't allow.
  blocks: [...blocks] as never[],
  ...more,
});

describe.each<Mode>(['HTTP', 'Socket Mode'])('over %s', (mode) => {
  test('a command is answered by its acknowledgement, and by its response URL', async () => {
    const { superadmin, engineer, channel } = await start();
    const received: object[] = [];
    let answered = 0;
    await startApp(mode, (app) => {
      app.command('/flag-promotions', async ({ ack, command, respond }) => {
        received.push(command);
        await ack(command.text === 'quiet' ? undefined : `You said ${command.text}`);
        await respond({ text: 'later' });
        await respond({ text: 'for all', response_type: 'in_channel' });
        answered += 1;
      });
    });
    expect(await superadmin.command('list')).toEqual({ kind: 'acknowledged' });
    await superadmin.waitForEphemeral(({ text }) => text === 'later');
    await eventually(async () => expect((await slack.messages(channel)).map(({ text }) => text)).toEqual(['for all']));
    expect(superadmin.ephemerals().map(({ text }) => text)).toEqual(['You said list', 'later']);
    expect(engineer.ephemerals()).toEqual([]);
    expect(received).toMatchObject([
      {
        command: '/flag-promotions',
        text: 'list',
        user_id: superadmin.id,
        user_name: superadmin.name,
        team_id: slack.teamId,
        channel_id: channel,
        channel_name: 'flag-alerts',
        api_app_id: slack.appId,
      },
    ]);
    await engineer.command('quiet');
    await eventually(async () => expect(await slack.messages(channel)).toHaveLength(2));
    expect(engineer.ephemerals().map(({ text }) => text)).toEqual(['later']);
    // A message can be visible before its call is answered.
    await eventually(async () => expect(answered).toBe(2));
  });

  test('a person gets the answer to their command, and no other message that comes first', async () => {
    const { superadmin, channel } = await start();
    await startApp(mode, (app) => {
      app.command('/flag-promotions', async ({ ack, command, client, respond }) => {
        await ack(command.text === 'at once' ? 'here' : undefined);
        await client.chat.postEphemeral({ channel, user: superadmin.id, text: 'by the way' });
        await respond({ text: `about ${command.text}` });
      });
    });
    expect((await superadmin.ask('later')).text).toBe('about later');
    expect((await superadmin.ask('at once')).text).toBe('here');
    expect((await superadmin.ask('again')).text).toBe('about again');
  });

  test('a click tells everything about where it was', async () => {
    const { superadmin, externalUser, channel } = await start();
    const received: Record<string, unknown>[] = [];
    const client = await startApp(mode, (bolt) => {
      bolt.action('press', async ({ ack, body }) => {
        received.push({ ...body });
        await ack();
      });
    });
    const two = actions(button('First', { value: '1' }), button('Second', { action_id: 'other', value: '2' }));
    await client.chat.postMessage({
      channel,
      text: 'alert',
      metadata: { event_type: 'alert', event_payload: { key: 'k' } },
      attachments: [{ color: '#a30200', blocks: [two] }],
    });
    const [message] = await slack.messages(channel);
    if (message === undefined) throw new Error('Nothing was posted.');
    expect(await superadmin.click(message, 'press')).toEqual({ kind: 'acknowledged' });
    await externalUser.click(message, 'press', { value: '1' });
    await expect(superadmin.click(message, 'absent')).rejects.toThrow('There is no absent');
    await expect(superadmin.click(message, 'press', { value: '2' })).rejects.toThrow('There is no press');
    expect(received).toMatchObject([
      {
        type: 'block_actions',
        user: { id: superadmin.id, username: superadmin.name, team_id: slack.teamId },
        team: { id: slack.teamId, domain: 'raxx' },
        enterprise: null,
        api_app_id: slack.appId,
        channel: { id: channel, name: 'flag-alerts' },
        container: { type: 'message_attachment', message_ts: message.ts, channel_id: channel, is_ephemeral: false },
        message: { ts: message.ts, text: 'alert', bot_id: slack.botId },
        actions: [{ type: 'button', action_id: 'press', value: '1', block_id: expect.stringMatching(/./u) }],
      },
      { user: { id: externalUser.id, team_id: externalUser.teamId }, team: { id: slack.teamId } },
    ]);
    expect(received[0]?.['message']).not.toHaveProperty('metadata');
  });

  test('an ephemeral message is replaced in its place, and deleted, through the response URL', async () => {
    const { superadmin, channel } = await start();
    const client = await startApp(mode, (bolt) => {
      bolt.action('press', async ({ ack, respond, action }) => {
        await ack();
        if (action.type !== 'button') return;
        await respond(
          action.value === 'delete'
            ? { delete_original: true }
            : { replace_original: true, text: 'after', blocks: [actions(button('Gone', { value: 'delete' }))] },
        );
      });
    });
    const user = superadmin.id;
    await client.chat.postEphemeral({ channel, user, text: 'other' });
    const blocks = [actions(button('Turn', { value: 'turn' }))];
    await client.chat.postEphemeral({ channel, user, text: 'before', blocks });
    await superadmin.click(await superadmin.waitForEphemeral(), 'press');
    const after = await superadmin.waitForEphemeral(({ text }) => text === 'after');
    expect(superadmin.ephemerals().map(({ text }) => text)).toEqual(['other', 'after']);
    await superadmin.click(after, 'press', { value: 'delete' });
    await eventually(async () => expect(superadmin.ephemerals().map(({ text }) => text)).toEqual(['other']));
  });

  test('a form is filled, refused, sent, and turns into what the app says', async () => {
    const { superadmin, channel } = await start();
    const states: unknown[] = [];
    const client = await startApp(mode, (bolt) => {
      bolt.action('press', async ({ ack, body, client }) => {
        await ack();
        if (!('trigger_id' in body)) return;
        const blocks = [
          input('code', { min_length: 6, max_length: 6 }),
          input('note', {}, { optional: true }),
          input('rca', { type: 'url_text_input' }, { optional: true }),
        ];
        await client.views.open({
          trigger_id: body.trigger_id,
          view: modal('Form', blocks, { private_metadata: 'p' }),
        });
      });
      bolt.view('form', async ({ ack, view, body }) => {
        states.push({ state: view.state, metadata: view.private_metadata, user: body.user.id });
        const code = view.state.values['code']?.['value']?.value;
        if (code === '000000') await ack({ response_action: 'errors', errors: { code: 'Wrong.' } });
        else if (code === '222222')
          await ack({ response_action: 'update', view: modal('Saving', [{ type: 'divider' }]) });
        else await ack();
      });
    });
    const blocks = [actions(button('Open'))];
    await client.chat.postMessage({ channel, text: 'x', blocks });
    const [message] = await slack.messages(channel);
    if (message === undefined) throw new Error('Nothing was posted.');

    await superadmin.click(message, 'press');
    await superadmin.waitForModal(({ title }) => title === 'Form');
    await expect(superadmin.submit({ absent: 'x' })).rejects.toThrow('no field absent');
    expect(await superadmin.submit()).toEqual({
      kind: 'not_sent',
      errors: { code: expect.stringContaining('required') },
    });
    expect(await superadmin.submit({ code: '12345', rca: 'not a link' })).toMatchObject({
      kind: 'not_sent',
      errors: { code: 'Must be at least 6 characters.', rca: 'Enter a valid URL.' },
    });
    expect(states).toEqual([]);
    expect(await superadmin.submit({ code: '000000', note: 'why', rca: '' })).toEqual({
      kind: 'errors',
      errors: { code: 'Wrong.' },
    });
    // What was entered stays in the form, as on a person's screen.
    expect((await superadmin.submit({ code: '222222' })).kind).toBe('updated');
    expect(superadmin.modal()?.title).toBe('Saving');
    expect(states).toEqual(
      ['000000', '222222'].map((code) => ({
        user: superadmin.id,
        metadata: 'p',
        state: {
          values: {
            code: { value: { type: 'plain_text_input', value: code } },
            note: { value: { type: 'plain_text_input', value: 'why' } },
            rca: { value: { type: 'url_text_input', value: null } },
          },
        },
      })),
    );
    expect((await superadmin.submit()).kind).toBe('closed');
    expect(superadmin.modal()).toBeUndefined();
  });

  test('modals lie on each other, three deep, and are cleared or closed one by one', async () => {
    const { superadmin } = await start();
    const refusals: unknown[] = [];
    const closed: unknown[] = [];
    const more = [actions(button('More')), input('word', {}, { optional: true })];
    await startApp(mode, (bolt) => {
      bolt.command('/flag-promotions', async ({ ack, body, client }) => {
        await ack();
        await client.views.open({ trigger_id: body.trigger_id, view: modal('1', more, { notify_on_close: true }) });
      });
      bolt.action('press', async ({ ack, body, client }) => {
        await ack();
        if (!('trigger_id' in body)) return;
        const view = modal('pushed', more, { notify_on_close: true });
        await client.views
          .push({ trigger_id: body.trigger_id, view })
          .catch((error: unknown) => refusals.push(Object(error)['data']['error']));
      });
      bolt.view('form', async ({ ack, view }) => {
        const word = view.state.values['word']?.['value']?.value;
        if (word === 'push') await ack({ response_action: 'push', view: modal('acked', more) });
        else await ack({ response_action: 'clear' });
      });
      bolt.view({ callback_id: 'form', type: 'view_closed' }, async ({ ack, body }) => {
        closed.push([body.view.title.text, 'is_cleared' in body && body.is_cleared]);
        await ack();
      });
    });
    await superadmin.command('open');
    const root = await superadmin.waitForModal();
    await superadmin.clickInModal('press');
    const second = await superadmin.waitForModal(({ title }) => title === 'pushed');
    expect(second.raw).toMatchObject({ root_view_id: root.id, previous_view_id: root.id });
    expect((await superadmin.submit({ word: 'push' })).kind).toBe('pushed');
    expect(superadmin.modal()?.title).toBe('acked');
    await superadmin.clickInModal('press');
    await eventually(async () => expect(refusals).toEqual(['push_limit_reached']));
    await superadmin.closeModal();
    await superadmin.closeModal();
    expect(superadmin.modal()?.id).toBe(root.id);
    await eventually(async () => expect(closed).toEqual([['pushed', false]]));
    expect((await superadmin.submit()).kind).toBe('closed');
    expect(superadmin.modal()).toBeUndefined();
    await superadmin.command('open');
    await superadmin.waitForModal();
    await superadmin.closeModal({ all: true });
    await eventually(async () =>
      expect(closed).toEqual([
        ['pushed', false],
        ['1', true],
      ]),
    );
  });

  test('a view is updated on its screen, not from an older one, and not once it is closed', async () => {
    const { superadmin } = await start();
    const client = await startApp(mode, (bolt) => {
      bolt.command('/flag-promotions', async ({ ack, body, client }) => {
        await ack();
        await client.views.open({ trigger_id: body.trigger_id, view: modal('1', [input('word')]) });
      });
    });
    await superadmin.command('open');
    const { id, hash } = await superadmin.waitForModal();
    superadmin.fill({ word: 'kept' });
    const update = (title: string, more: object = {}) =>
      client.views.update({ view_id: id, view: modal(title, [input('word'), { type: 'divider' }]), ...more });
    await update('2', { hash });
    expect(superadmin.modal()).toMatchObject({
      title: '2',
      raw: { state: { values: { word: { value: { value: 'kept' } } } } },
    });
    await expect(update('3', { hash })).rejects.toMatchObject({ data: { error: 'hash_conflict' } });
    await superadmin.closeModal();
    await expect(update('4')).rejects.toMatchObject({ data: { error: 'not_found' } });
  });

  test('a trigger opens one view, and none after three seconds', async () => {
    const { superadmin } = await start();
    const triggers: string[] = [];
    const client = await startApp(mode, (bolt) => {
      bolt.command('/flag-promotions', async ({ ack, body }) => {
        triggers.push(body.trigger_id);
        await ack();
      });
    });
    await superadmin.command('a');
    await superadmin.command('b');
    const open = (trigger_id = '') => client.views.open({ trigger_id, view: modal('1', [{ type: 'divider' }]) });
    await open(triggers[0]);
    await expect(open(triggers[0])).rejects.toMatchObject({ data: { error: 'exchanged_trigger_id' } });
    await expect(
      client.views.push({ trigger_id: triggers[1] ?? '', view: modal('2', [{ type: 'divider' }]) }),
    ).rejects.toMatchObject({ data: { error: 'invalid_trigger_id' } });
    await superadmin.command('c');
    await sleep(3_050);
    await expect(open(triggers[2])).rejects.toMatchObject({ data: { error: 'expired_trigger_id' } });
  });

  test('an acknowledgement that comes too late is Slack’s own error, and the form stays', async () => {
    const { superadmin, channel } = await start({ ackWithinMs: GIVEN_UP_AFTER_MS });
    let ended = 0;
    const givenUp = new EventEmitter();
    const client = await startApp(mode, (bolt) => {
      bolt.command('/flag-promotions', async ({ ack, body, client }) => {
        if (body.text === 'open') {
          await client.views.open({ trigger_id: body.trigger_id, view: modal('1', [input('word')]) });
        } else await once(givenUp, 'given up');
        await ack('late');
        ended += 1;
      });
      bolt.action('press', async ({ ack }) => {
        await once(givenUp, 'given up');
        await ack();
        ended += 1;
      });
      bolt.view('form', async ({ ack }) => {
        await once(givenUp, 'given up');
        await ack();
        ended += 1;
      });
    });
    expect(await superadmin.command('slow')).toEqual({ kind: 'failed', message: 'operation_timeout' });
    expect(superadmin.ephemerals()).toMatchObject([
      { text: '/flag-promotions failed with the error "operation_timeout"', bySlack: true },
    ]);
    await client.chat.postMessage({ channel, text: 'x', blocks: [actions(button('Slow'))] });
    const [message] = await slack.messages(channel);
    if (message === undefined) throw new Error('Nothing was posted.');
    const words = 'We had some trouble connecting. Try again?';
    expect(await superadmin.click(message, 'press')).toEqual({ kind: 'failed', message: words });
    await superadmin.command('open');
    await superadmin.waitForModal();
    expect(await superadmin.submit({ word: 'x' })).toEqual({ kind: 'failed', message: words });
    expect(superadmin.modal()?.title).toBe('1');
    // What comes after this is ignored.
    givenUp.emit('given up');
    await eventually(async () => expect(ended).toBe(4));
    expect(superadmin.modal()?.title).toBe('1');
    expect(superadmin.ephemerals().map(({ text }) => text.slice(0, 16))).toEqual(['/flag-promotions', 'late']);
  });

  test('an answer that Slack could make nothing of does not go unnoticed', async () => {
    const { superadmin } = await start();
    let answer: object = {};
    await startApp(mode, (bolt) => {
      bolt.command('/flag-promotions', async ({ ack, body, client }) => {
        if (body.text === 'bad') return ack({ text: 'x', blocks: [{ type: 'marquee' } as never] });
        await ack();
        await client.views.open({ trigger_id: body.trigger_id, view: modal('1', [input('word')]) });
      });
      bolt.view('form', async ({ ack }) => ack(answer as never));
    });
    await expect(superadmin.command('bad')).rejects.toThrow('/blocks/0');
    await superadmin.command('open');
    await superadmin.waitForModal();
    answer = { response_action: 'errors', errors: { absent: 'x' } };
    await expect(superadmin.submit({ word: 'x' })).rejects.toThrow('does not have: absent');
    answer = { response_action: 'errors', errors: {} };
    await expect(superadmin.submit()).rejects.toThrow('Errors without any');
    answer = { response_action: 'update', view: modal('x'.repeat(25), []) };
    await expect(superadmin.submit()).rejects.toThrow('/title/text');
    answer = { response_action: 'explode' };
    await expect(superadmin.submit()).rejects.toThrow('make nothing of this');
    expect(superadmin.modal()).toBeDefined();
  });

  test('messages and mentions are heard of, with everything that says who and where', async () => {
    const { engineer, externalUser, otherBot, channel } = await start();
    const heard: Record<string, unknown>[] = [];
    const client = await startApp(mode, (bolt) => {
      bolt.event('message', async ({ event }) => void heard.push({ ...event }));
      bolt.event('app_mention', async ({ event }) => void heard.push({ ...event }));
    });
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'root' });
    await engineer.say('see https://docs.example.com/rca?a=1 and <https://x.example|x>', { threadTs: ts });
    await externalUser.say('hello');
    await otherBot.say('beep');
    expect(heard).toMatchObject([
      {
        type: 'message',
        text: 'see <https://docs.example.com/rca?a=1> and <https://x.example|x>',
        user: engineer.id,
        team: slack.teamId,
        channel,
        channel_type: 'channel',
        thread_ts: ts,
      },
      { user: externalUser.id, team: externalUser.teamId, user_team: externalUser.teamId },
      { user: otherBot.id, bot_id: 'B0DEPLOYBOT', text: 'beep' },
    ]);
    heard.length = 0;
    await engineer.say(`<@${slack.botUserId}> hi`);
    expect(heard.map(({ type }) => type).sort()).toEqual(['app_mention', 'message']);
    await engineer.say('not here', { channel: slack.channels.random });
    expect(heard).toHaveLength(2);
    await expect(otherBot.command('x')).rejects.toThrow('is a bot');
  });

  test('a message that people send to the channel too, with a file or with /me carries its subtype', async () => {
    const { engineer } = await start();
    const heard: Record<string, unknown>[] = [];
    await startApp(mode, (bolt) => {
      bolt.event('message', async ({ event }) => void heard.push({ ...event }));
      bolt.event('app_mention', async ({ event }) => void heard.push({ ...event }));
    });
    const threadTs = await engineer.say('root');
    heard.length = 0;
    await engineer.say('in both', { threadTs, broadcast: true });
    await engineer.say('with a file', { threadTs, as: 'file_share' });
    expect(heard).toMatchObject([
      { type: 'message', text: 'in both', subtype: 'thread_broadcast', thread_ts: threadTs, user: engineer.id },
      { type: 'message', subtype: 'file_share', files: [{ id: expect.any(String) }], user: engineer.id },
    ]);
    heard.length = 0;
    await engineer.say(`<@${slack.botUserId}> hi`, { as: 'me_message' });
    expect(heard.map(({ type, subtype }) => [type, subtype]).sort()).toEqual([
      ['app_mention', 'me_message'],
      ['message', 'me_message'],
    ]);
  });

  test('the app hears of its own changes too, as Slack tells them', async () => {
    const { channel } = await start();
    const heard: string[] = [];
    const client = await startApp(mode, (bolt) => {
      bolt.event('message', async ({ event }) => void heard.push(event.subtype ?? 'plain'));
    });
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'mine' });
    await client.chat.update({ channel, ts, text: 'changed' });
    await client.chat.delete({ channel, ts });
    await slack.eventsSettled();
    // Bolt itself keeps the app from hearing its own messages.
    await eventually(async () => expect(heard).toEqual(['message_changed', 'message_deleted']));
  });

  test('a shortcut carries its message, and the home tab tells that it was opened', async () => {
    const { engineer, channel } = await start();
    const received: unknown[] = [];
    await startApp(mode, (bolt) => {
      bolt.shortcut('link_as_rca', async ({ ack, body, respond }) => {
        received.push(body);
        await ack();
        await respond('noted');
      });
      bolt.event('app_home_opened', async ({ event, client }) => {
        const view = { type: 'home' as const, blocks: [actions(button('Refresh'))] };
        await client.views.publish({ user_id: event.user, view });
      });
      bolt.action('press', async ({ ack, body }) => {
        received.push(body);
        await ack();
      });
    });
    const ts = await engineer.say('the RCA');
    expect(await engineer.messageShortcut('link_as_rca', channel, ts)).toEqual({ kind: 'acknowledged' });
    await engineer.waitForEphemeral(({ text }) => text === 'noted');
    await expect(engineer.messageShortcut('link_as_rca', channel, '1.000000')).rejects.toThrow('no message');
    await engineer.openHome();
    await eventually(async () => expect(engineer.home()).toBeDefined());
    await engineer.clickInHome('press');
    expect(received).toMatchObject([
      { type: 'message_action', callback_id: 'link_as_rca', message_ts: ts, message: { text: 'the RCA', ts } },
      { type: 'block_actions', container: { type: 'view', view_id: engineer.home()?.id }, view: { type: 'home' } },
    ]);
  });

  test('links are heard of while they are typed, without a channel, and again once they are posted', async () => {
    const { engineer, channel } = await start({
      subscribedEvents: ['link_shared'],
      scopes: ['links:read'],
      unfurlDomains: ['flags.example'],
    });
    const heard: unknown[] = [];
    await startApp(mode, (bolt) => {
      bolt.event('link_shared', async ({ event }) => void heard.push(event));
    });
    const draft = await engineer.compose('https://flags.example/1 and https://other.example/2');
    await engineer.compose('https://other.example/2');
    const ts = await engineer.say('https://flags.example/1');
    const links = [{ domain: 'flags.example', url: 'https://flags.example/1' }];
    expect(heard).toMatchObject([
      { channel: 'COMPOSER', source: 'composer', message_ts: draft, unfurl_id: draft, user: engineer.id, links },
      { channel, source: 'conversations_history', message_ts: ts, links },
    ]);
  });

  test('an event that the app has not subscribed to, or has no scope for, does not reach it', async () => {
    const { engineer, superadmin } = await start({
      subscribedEvents: ['app_mention', 'message.channels'],
      scopes: ['app_mentions:read', 'chat:write'],
    });
    const heard: string[] = [];
    await startApp(mode, (bolt) => {
      for (const type of ['message', 'app_mention', 'app_home_opened'] as const) {
        bolt.event(type, async () => void heard.push(type));
      }
    });
    await engineer.say(`<@${slack.botUserId}> hi`);
    await engineer.openHome();
    expect(heard).toEqual(['app_mention']);
    await expect(superadmin.command('x')).rejects.toThrow('no scope `commands`');
  });
});

describe('HTTP', () => {
  /** A server that answers Slack's events with these statuses, one after the other; 0: not at all. */
  async function listener(statuses: number[], headers: Record<string, string> = {}) {
    const { createServer } = await import('node:http');
    const heard: { num: string | undefined; reason: string | undefined; body: string }[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        heard.push({
          num: request.headers['x-slack-retry-num']?.toString(),
          reason: request.headers['x-slack-retry-reason']?.toString(),
          body: Buffer.concat(chunks).toString(),
        });
        const status = statuses.shift() ?? 200;
        if (status !== 0) response.writeHead(status, headers).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = Object(server.address()) as AddressInfo;
    slack.connectHttp(`http://127.0.0.1:${port}/`);
    const close = () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    };
    return { heard, close };
  }

  test('an event is sent up to three times more, with the reason, until it is acknowledged', async () => {
    const { engineer } = await start({ ackWithinMs: GIVEN_UP_AFTER_MS });
    const { heard, close } = await listener([500, 0, 503, 500, 200]);
    await engineer.say('one');
    expect(heard.map(({ num, reason }) => [num, reason])).toEqual([
      [undefined, undefined],
      ['1', 'http_error'],
      ['2', 'http_timeout'],
      ['3', 'http_error'],
    ]);
    expect(new Set(heard.map(({ body }) => JSON.parse(body).event_id)).size).toBe(1);
    await engineer.say('two');
    expect(heard).toHaveLength(5);
    await close();
    await engineer.say('three');
    const retries = slack.http?.sent.slice(-3).map(({ headers }) => headers['x-slack-retry-reason']);
    expect(retries).toEqual(['connection_failed', 'connection_failed', 'connection_failed']);
  });

  test('an app can ask for no retries', async () => {
    const { engineer } = await start();
    const { heard, close } = await listener([500], { 'x-slack-no-retry': '1' });
    await engineer.say('one');
    expect(heard).toHaveLength(1);
    await close();
  });

  test('only an acknowledgement with 200 counts for a person', async () => {
    const { engineer } = await start();
    const { close } = await listener([500]);
    expect(await engineer.command('x')).toEqual({ kind: 'failed', message: 'dispatch_failed' });
    await close();
    expect(await engineer.command('x')).toEqual({ kind: 'failed', message: 'dispatch_failed' });
  });

  test('forged, tampered, unsigned and stale requests can be sent, and what was sent can be sent again', async () => {
    const { engineer } = await start();
    let runs = 0;
    await startApp('HTTP', (bolt) => {
      bolt.command('/flag-promotions', async ({ ack }) => {
        runs += 1;
        await ack();
      });
    });
    await engineer.command('x');
    const { http } = slack;
    if (http === null) throw new Error('Not connected by HTTP.');
    expect(await http.verifyUrl()).toBe(true);
    expect(await http.replay()).toBe(200);
    expect(runs).toBe(2);
    const payload = { kind: 'command' as const, form: { command: '/flag-promotions', text: 'x' } };
    expect(await http.forge(payload, {})).toBe(200);
    expect(await http.forge(payload, { secret: 'guess' })).toBe(401);
    expect(await http.forge(payload, { ageSeconds: 6 * 60 })).toBe(401);
    expect(await http.forge(payload, { tampered: true })).toBe(401);
    expect(await http.forge(payload, { unsigned: true })).toBe(401);
    expect(runs).toBe(3);
    expect(http.sent).toHaveLength(1);
    slack.connectHttp(null);
    expect(slack.http).toBeNull();
  });
});

describe('a response URL', () => {
  const post = async (url: string, body: unknown) => {
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    return [answer.status, Object(await answer.json())['error']];
  };
  async function url() {
    const { superadmin, channel } = await start();
    const urls: string[] = [];
    const client = await startApp('HTTP', (bolt) => {
      bolt.command('/flag-promotions', async ({ ack, body }) => {
        urls.push(body.response_url);
        await ack();
      });
      bolt.action('press', async ({ ack, body }) => {
        if ('response_url' in body) urls.push(String(body.response_url));
        await ack();
      });
    });
    return { superadmin, channel, client, urls };
  }

  test('takes five answers, and only what Slack would take', async () => {
    const { superadmin, urls } = await url();
    await superadmin.command('x');
    const [first = ''] = urls;
    expect(await post(first, { text: 'x', blocks: [{ type: 'marquee' }] })).toEqual([400, 'invalid_blocks']);
    expect(await post(first, 'text')).toEqual([400, 'invalid_payload']);
    for (let use = 1; use <= 5; use += 1)
      expect(await post(first, { text: `answer ${use}` })).toEqual([200, undefined]);
    expect(await post(first, { text: 'six' })).toEqual([404, 'used_url']);
    expect(await post(`${first}x`, { text: 'x' })).toEqual([404, 'expired_url']);
    expect(superadmin.ephemerals().map(({ text }) => text)).toEqual([1, 2, 3, 4, 5].map((use) => `answer ${use}`));
  });

  test('replaces and deletes the message in the channel that was clicked in', async () => {
    const { superadmin, channel, client, urls } = await url();
    await client.chat.postMessage({ channel, text: 'x', blocks: [actions(button('Go'))] });
    const [message] = await slack.messages(channel);
    if (message === undefined) throw new Error('Nothing was posted.');
    await superadmin.click(message, 'press');
    const [first = ''] = urls;
    await post(first, { text: 'aside' });
    await post(first, { text: 'replaced', replace_original: true });
    expect(await slack.messages(channel)).toMatchObject([{ ts: message.ts, text: 'replaced', blocks: [] }]);
    await post(first, { delete_original: true });
    expect(await slack.messages(channel)).toEqual([]);
    expect(superadmin.ephemerals().map(({ text }) => text)).toEqual(['aside']);
  });

  test('suffers faults like the Web API', async () => {
    const { superadmin, urls } = await url();
    await superadmin.command('x');
    slack.faults.add({ method: 'response_url', times: 1, kind: 'reset_after' });
    await expect(post(urls[0] ?? '', { text: 'x' })).rejects.toThrow('fetch failed');
    expect(superadmin.ephemerals().map(({ text }) => text)).toEqual(['x']);
    expect(slack.calls.filter(({ method }) => method === 'response_url')).toMatchObject([{ status: null }]);
  });
});

describe('Socket Mode', () => {
  const counting = (counts: number[], at: number) => (bolt: App) => {
    bolt.command('/flag-promotions', async ({ ack }) => {
      counts[at] = (counts[at] ?? 0) + 1;
      await ack();
    });
  };

  test('each payload goes to exactly one of the connections', async () => {
    const { engineer } = await start();
    const counts: number[] = [];
    await startApp('Socket Mode', counting(counts, 0));
    await startApp('Socket Mode', counting(counts, 1));
    for (let run = 0; run < 6; run += 1) await engineer.command('x');
    expect(counts).toEqual([3, 3]);
  });

  test('clients reconnect when they are asked to, and when they are cut off', async () => {
    const { engineer } = await start();
    const counts: number[] = [];
    await startApp('Socket Mode', counting(counts, 0));
    await slack.socketMode.refresh();
    await eventually(async () => expect(slack.socketMode.connections).toBe(1));
    expect(await engineer.command('x')).toEqual({ kind: 'acknowledged' });
    slack.socketMode.drop();
    await eventually(async () => expect(slack.socketMode.connections).toBe(0));
    await eventually(async () => expect(slack.socketMode.connections).toBe(1));
    await eventually(async () => expect((await engineer.command('x')).kind).toBe('acknowledged'));
  });

  test('an outage cuts everybody off, and lets nobody in until it is over', async () => {
    const clock = createTestClock('2026-05-11T14:18:00Z');
    const { engineer } = await start({ clock: clock.now });
    await startApp('Socket Mode', counting([], 0));
    slack.outage(10 * 60_000);
    await eventually(async () => expect(slack.socketMode.connections).toBe(0));
    expect(await engineer.command('x')).toEqual({ kind: 'failed', message: 'dispatch_failed' });
    const connect = () => fetch(`${slack.apiUrl}apps.connections.open`, { method: 'POST' });
    expect((await connect()).status).toBe(503);
    clock.advance(10 * 60_000);
    expect((await connect()).status).toBe(200);
  });

  test('nobody connects without a fresh ticket, nor gets one with too small a token', async () => {
    const { WebSocket } = await import('ws');
    await start({ appTokenScopes: [] });
    const ask = async () => {
      const answer = await fetch(`${slack.apiUrl}apps.connections.open`, {
        method: 'POST',
        headers: { authorization: `Bearer ${slack.appToken}` },
      });
      return Object(await answer.json());
    };
    expect(await ask()).toMatchObject({ error: 'missing_scope', needed: 'connections:write' });
    await slack.close();
    await start();
    const { url } = await ask();
    const connect = (to: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(to);
        socket.once('error', () => resolve('refused'));
        socket.once('message', (data) => resolve(String(data)));
      });
    expect(JSON.parse(await connect(url))).toMatchObject({
      type: 'hello',
      num_connections: 1,
      connection_info: { app_id: slack.appId },
    });
    expect(await connect(url)).toBe('refused');
    expect(await connect(url.replace(/ticket=\w+/u, 'ticket=guess'))).toBe('refused');
    for (let more = 2; more <= 10; more += 1) await connect((await ask()).url);
    expect(JSON.parse(await connect((await ask()).url))).toMatchObject({
      type: 'disconnect',
      reason: 'too_many_websockets',
    });
  });

  test('with nobody connected, a person is told so', async () => {
    const { engineer } = await start();
    expect(await engineer.command('x')).toEqual({ kind: 'failed', message: 'dispatch_failed' });
  });
});
