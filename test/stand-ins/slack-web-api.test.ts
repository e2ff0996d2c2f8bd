import { LogLevel, WebClient } from '@slack/web-api';
import { type SlackStandIn, type SlackStandInOptions, startSlackStandIn } from '../../demo/slack/workspace.js';
import { createTestClock } from '../support/clock.js';

/** The stand-in's Web API, called by Slack's own client. */

const SECTION = { type: 'section', text: { type: 'mrkdwn', text: '*stuck*' } };
const MODAL = {
  type: 'modal' as const,
  title: { type: 'plain_text' as const, text: 'Form' },
  blocks: [{ type: 'section' as const, text: { type: 'plain_text' as const, text: 'Hello' } }],
};

/** Refusals are tested here: the client need not log them. */
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

let slack: SlackStandIn;
afterEach(() => slack.close());

const clientOf = (token: string) =>
  new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    timeout: 5_000,
    rejectRateLimitedCalls: true,
    logger: SILENT,
  });
async function start(options: SlackStandInOptions = {}) {
  slack = await startSlackStandIn({ rateLimit: false, ...options });
  return { client: clientOf(slack.botToken), channel: slack.channels.alerts };
}
/** What Slack answered to a refused call. */
async function refusal(call: Promise<unknown>): Promise<Record<string, unknown>> {
  const error: unknown = await call.then(
    () => {
      throw new Error('The call was not refused.');
    },
    (reason: unknown) => reason,
  );
  if (typeof error === 'object' && error !== null && 'data' in error) return { ...Object(error.data) };
  throw error;
}
const errorOf = async (call: Promise<unknown>) => (await refusal(call))['error'];
const texts = (messages: readonly { text?: string | undefined }[] | undefined) =>
  (messages ?? []).map(({ text }) => text);

describe('who may call', () => {
  test('the bot is who it says it is', async () => {
    const { client } = await start();
    expect(await client.auth.test()).toMatchObject({
      ok: true,
      team_id: slack.teamId,
      user_id: slack.botUserId,
      bot_id: slack.botId,
    });
  });

  test('without a token, with a wrong one and with one of another kind nothing is done', async () => {
    const { client, channel } = await start();
    const post = { channel, text: 'x' };
    expect(await errorOf(clientOf('').chat.postMessage(post))).toBe('not_authed');
    expect(await errorOf(clientOf('xoxb-forged').chat.postMessage(post))).toBe('invalid_auth');
    expect(await errorOf(clientOf(slack.appToken).chat.postMessage(post))).toBe('not_allowed_token_type');
    expect(await errorOf(client.apps.connections.open({}))).toBe('not_allowed_token_type');
    expect(await slack.messages(channel)).toEqual([]);
  });

  test.each([
    ['chat:write', (client: WebClient, channel: string) => client.chat.postMessage({ channel, text: 'x' })],
    ['chat:write', (client: WebClient, channel: string) => client.chat.delete({ channel, ts: '1.000000' })],
    ['channels:history', (client: WebClient, channel: string) => client.conversations.history({ channel })],
    [
      'channels:history',
      (client: WebClient, channel: string) => client.conversations.replies({ channel, ts: '1.000000' }),
    ],
    ['channels:read', (client: WebClient, channel: string) => client.conversations.info({ channel })],
    ['users:read', (client: WebClient) => client.users.info({ user: slack.people.engineer.id })],
    ['files:write', (client: WebClient) => client.files.getUploadURLExternal({ filename: 'a', length: 1 })],
    ['files:write', (client: WebClient) => client.files.completeUploadExternal({ files: [{ id: 'F1' }] })],
    ['files:read', (client: WebClient) => client.files.info({ file: 'F1' })],
  ])('without %s its methods are refused', async (needed, call) => {
    const { client, channel } = await start({ scopes: ['commands'] });
    expect(await refusal(call(client, channel))).toMatchObject({
      error: 'missing_scope',
      needed,
      provided: 'commands',
    });
  });

  test('a private channel takes scopes of its own', async () => {
    const { client, channel } = await start({ alertsArePrivate: true, scopes: ['chat:write', 'groups:history'] });
    await client.chat.postMessage({ channel, text: 'secret' });
    expect(texts((await client.conversations.history({ channel })).messages)).toEqual(['secret']);
    await slack.close();
    const other = await start({ alertsArePrivate: true, scopes: ['chat:write', 'channels:history'] });
    expect(await refusal(other.client.conversations.history({ channel: other.channel }))).toMatchObject({
      error: 'missing_scope',
      needed: 'groups:history',
    });
  });

  test('no token is kept in what was recorded, wherever it was sent', async () => {
    await start();
    const answer = await fetch(`${slack.apiUrl}auth.test`, {
      method: 'POST',
      body: new URLSearchParams({ token: slack.botToken }),
    });
    expect(await answer.json()).toMatchObject({ ok: true });
    expect(slack.calls).toMatchObject([{ method: 'auth.test', args: {}, status: 200, answer: { ok: true } }]);
    expect(JSON.stringify(slack.calls)).not.toContain(slack.botToken);
  });

  test('an unknown method and malformed JSON are refused', async () => {
    const { client } = await start();
    expect(await errorOf(client.apiCall('chat.explode'))).toBe('unknown_method');
    const answer = await fetch(`${slack.apiUrl}auth.test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${slack.botToken}`, 'content-type': 'application/json' },
      body: '{',
    });
    expect(await answer.json()).toMatchObject({ error: 'invalid_json' });
  });
});

describe('posting', () => {
  test('a posted message is in the channel, as Slack stores it', async () => {
    const { client, channel } = await start();
    const { ts } = await client.chat.postMessage({
      channel,
      text: 'true',
      attachments: [{ color: '#a30200', blocks: [SECTION] }],
    });
    const [message] = await slack.messages(channel);
    expect(message).toMatchObject({
      channel,
      ts,
      text: 'true',
      user: slack.botUserId,
      threadTs: null,
      attachments: [
        {
          id: 1,
          color: 'a30200',
          fallback: '[no preview available]',
          blocks: [
            { block_id: expect.stringMatching(/./u), text: { type: 'mrkdwn', text: '*stuck*', verbatim: false } },
          ],
        },
      ],
      raw: { bot_id: slack.botId, app_id: slack.appId, team: slack.teamId },
    });
  });

  test.each([
    ['nothing', {}, 'no_text'],
    ['too long a text', { text: 'x'.repeat(4_001) }, 'msg_too_long'],
    ['blocks without a text for those who hear it', { blocks: [SECTION] }, 'invalid_arguments'],
    ['an unknown block', { text: 'x', blocks: [{ type: 'marquee' }] }, 'invalid_blocks'],
    [
      'too long a section',
      { text: 'x', blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3_001) } }] },
      'invalid_blocks',
    ],
    [
      'an unknown block in an attachment',
      { text: 'x', attachments: [{ blocks: [{ type: 'marquee' }] }] },
      'invalid_blocks',
    ],
    ['an unknown colour', { text: 'x', attachments: [{ color: 'reddish', blocks: [SECTION] }] }, 'invalid_attachments'],
    [
      'malformed metadata',
      { text: 'x', metadata: { event_type: 'A B', event_payload: {} } },
      'invalid_metadata_format',
    ],
    ['an argument of other methods', { text: 'x', replace_original: true }, 'invalid_arguments'],
    ['an unknown argument', { text: 'x', blink: true }, 'invalid_arguments'],
    ['a broadcast of what is no reply', { text: 'x', reply_broadcast: true }, 'invalid_arguments'],
    ['a reply to nothing', { text: 'x', thread_ts: '1.000000' }, 'thread_not_found'],
  ])('%s is refused, with the reason', async (_what, args, error) => {
    const { client, channel } = await start();
    expect(await errorOf(client.apiCall('chat.postMessage', { channel, ...args }))).toBe(error);
    expect(await slack.messages(channel)).toEqual([]);
  });

  test('the reason names the place', async () => {
    const { client, channel } = await start();
    const blocks = [SECTION, { type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }];
    expect(await refusal(client.apiCall('chat.postMessage', { channel, text: 'x', blocks }))).toMatchObject({
      response_metadata: {
        messages: [expect.stringMatching(/^\[ERROR\] .*\[json-pointer:\/blocks\/1\/text\/text\]$/u)],
      },
    });
  });

  test('only channels that the bot is in are open to it', async () => {
    const { client } = await start();
    const text = 'x';
    expect(await errorOf(client.chat.postMessage({ channel: slack.channels.random, text }))).toBe('not_in_channel');
    expect(await errorOf(client.chat.postMessage({ channel: 'C0NOWHERE', text }))).toBe('channel_not_found');
    expect(await errorOf(client.conversations.history({ channel: slack.channels.random }))).toBe('not_in_channel');
    expect((await client.conversations.info({ channel: slack.channels.random })).channel?.is_member).toBe(false);
    expect((await client.conversations.info({ channel: slack.channels.alerts })).channel?.is_member).toBe(true);
    slack.invite(slack.channels.random);
    expect((await client.conversations.info({ channel: slack.channels.random })).channel?.is_member).toBe(true);
    await client.chat.postMessage({ channel: slack.channels.random, text });
    expect(() => slack.invite('C0NOWHERE')).toThrow('no public channel');
    await slack.close();
    const open = await start({ scopes: ['chat:write', 'chat:write.public'] });
    await open.client.chat.postMessage({ channel: slack.channels.random, text });
  });

  test('a reply is in its thread alone, a broadcast in the channel too', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'root' });
    await client.chat.postMessage({ channel, text: 'quiet', thread_ts: ts });
    const loud = await client.chat.postMessage({ channel, text: 'loud', thread_ts: ts, reply_broadcast: true });
    expect(texts(await slack.messages(channel))).toEqual(['root', 'loud']);
    expect(texts(await slack.thread(channel, ts))).toEqual(['quiet', 'loud']);
    const { messages } = await client.conversations.history({ channel });
    expect(messages).toMatchObject([
      { text: 'loud', subtype: 'thread_broadcast', thread_ts: ts, root: { text: 'root' } },
      { text: 'root', reply_count: 2, latest_reply: loud.ts, reply_users: [slack.botUserId] },
    ]);
    expect(await errorOf(client.chat.postMessage({ channel, text: 'x', thread_ts: loud.ts ?? '' }))).toBe(
      'cannot_reply_to_message',
    );
    expect((await client.chat.getPermalink({ channel, message_ts: ts })).permalink).toBe(
      `https://raxx.slack.com/archives/${channel}/p${ts.replace('.', '')}`,
    );
  });

  test('more than a message a second to one channel is refused, and a refused one does not count', async () => {
    const { client, channel } = await start({ rateLimit: true });
    const post = () => client.chat.postMessage({ channel, text: 'x' });
    await errorOf(client.apiCall('chat.postMessage', { channel }));
    await post();
    await expect(post()).rejects.toMatchObject({ retryAfter: 1 });
    expect(slack.calls.at(-1)).toMatchObject({ status: 429, answer: { error: 'ratelimited' } });
    await new Promise((resolve) => setTimeout(resolve, 1_010));
    await post();
    expect(await slack.messages(channel)).toHaveLength(2);
    const { ts = '' } = (await slack.messages(channel))[0] ?? {};
    // Other methods have limits that no test comes near.
    await client.chat.update({ channel, ts, text: 'y' });
    await client.chat.update({ channel, ts, text: 'z' });
  });

  test('two posts at the same moment: one of them is refused', async () => {
    const { client, channel } = await start({ rateLimit: true });
    const both = await Promise.allSettled(['a', 'b'].map((text) => client.chat.postMessage({ channel, text })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await slack.messages(channel)).toHaveLength(1);
  });
});

describe('changing and deleting', () => {
  const attachments = [{ color: '#a30200', blocks: [SECTION] }];
  const metadata = { event_type: 'alert', event_payload: { key: 'k' } };

  test('an update keeps what it does not mention, and replaces what it does', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'a', blocks: [SECTION], attachments, metadata });
    const read = async () =>
      (await client.conversations.history({ channel, include_all_metadata: true })).messages?.[0];
    await client.chat.update({ channel, ts, text: 'b' });
    expect(await read()).toMatchObject({
      text: 'b',
      blocks: [{ type: 'section' }],
      attachments: [{ id: 1 }],
      metadata,
    });
    await client.chat.update({ channel, ts, text: 'c', blocks: [], attachments: [] });
    const bare = await read();
    expect(bare).toMatchObject({ text: 'c', edited: { user: slack.botUserId }, metadata });
    expect(bare).not.toHaveProperty('blocks');
    expect(bare).not.toHaveProperty('attachments');
    await client.chat.update({ channel, ts, text: 'c', blocks: [{ type: 'divider' }, SECTION] });
    expect((await read())?.blocks).toMatchObject([{ type: 'divider' }, { type: 'section' }]);
  });

  test('only own messages, that are there, can be changed or deleted', async () => {
    const { client, channel } = await start();
    const ts = await slack.people.engineer.say('mine');
    expect(await errorOf(client.chat.update({ channel, ts, text: 'x' }))).toBe('cant_update_message');
    expect(await errorOf(client.chat.delete({ channel, ts }))).toBe('cant_delete_message');
    expect(await errorOf(client.chat.update({ channel, ts: '1.000000', text: 'x' }))).toBe('message_not_found');
    expect(await errorOf(client.chat.delete({ channel, ts: '1.000000' }))).toBe('message_not_found');
    expect(texts(await slack.messages(channel))).toEqual(['mine']);
  });

  test('an unfurl names its message, or its id and source together', async () => {
    const { client, channel } = await start();
    const ts = await slack.people.engineer.say('no link');
    const unfurl = (target: object) => errorOf(client.apiCall('chat.unfurl', { unfurls: {}, ...target }));
    expect(await unfurl({ channel: 'COMPOSER', ts: 'U1-draft' })).toBe('cannot_find_channel');
    expect(await unfurl({ channel, ts: '1.000000' })).toBe('cannot_find_message');
    expect(await unfurl({ channel })).toBe('missing_ts');
    expect(await unfurl({ ts })).toBe('missing_channel');
    expect(await unfurl({ source: 'composer' })).toBe('missing_unfurl_id');
    expect(await unfurl({ unfurl_id: 'U1-draft' })).toBe('missing_source');
    expect(await unfurl({ unfurl_id: 'U1-draft', source: 'composer' })).toBe('invalid_unfurl_id');
  });

  test('in an archived channel nothing can be posted, changed or deleted, and all can be read', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'a' });
    slack.archive(channel);
    expect(await errorOf(client.chat.postMessage({ channel, text: 'b' }))).toBe('is_archived');
    expect(await errorOf(client.chat.update({ channel, ts, text: 'b' }))).toBe('is_inactive');
    expect(await errorOf(client.chat.delete({ channel, ts }))).toBe('is_inactive');
    expect(texts((await client.conversations.history({ channel })).messages)).toEqual(['a']);
  });

  test('an update is checked like a post', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'a' });
    const refused = { channel, ts, text: 'b', blocks: [{ type: 'marquee' }] };
    expect(await errorOf(client.apiCall('chat.update', refused))).toBe('invalid_blocks');
    expect(texts(await slack.messages(channel))).toEqual(['a']);
  });

  test('a deleted message with replies leaves a tombstone, and its thread stays', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'root', attachments, metadata });
    await client.chat.postMessage({ channel, text: 'reply', thread_ts: ts });
    await slack.deleteMessage(channel, ts);
    const { messages } = await client.conversations.history({ channel, include_all_metadata: true });
    expect(messages).toMatchObject([{ subtype: 'tombstone', text: 'This message was deleted.', ts, reply_count: 1 }]);
    expect(messages?.[0]).not.toHaveProperty('metadata');
    expect(texts(await slack.thread(channel, ts))).toEqual(['reply']);
    expect(await errorOf(client.chat.update({ channel, ts, text: 'x' }))).toBe('message_not_found');
  });

  test('a deleted message without replies is gone, whoever wrote it', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'root' });
    const said = await slack.people.engineer.say('mine');
    await client.chat.delete({ channel, ts });
    await slack.deleteMessage(channel, said);
    expect(await slack.messages(channel)).toEqual([]);
    await expect(slack.deleteMessage(channel, said)).rejects.toThrow('There is no message');
  });
});

describe('reading', () => {
  async function withMessages(count: number) {
    const { client, channel } = await start();
    const ts: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const metadata = { event_type: 'alert', event_payload: { key: `k${index}` } };
      ts.push((await client.chat.postMessage({ channel, text: `m${index}`, metadata })).ts ?? '');
    }
    return { client, channel, ts };
  }

  test('metadata is there only if it is asked for', async () => {
    const { client, channel } = await withMessages(1);
    const plain = (await client.conversations.history({ channel })).messages?.[0];
    expect(plain).not.toHaveProperty('metadata');
    const full = (await client.conversations.history({ channel, include_all_metadata: true })).messages?.[0];
    expect(full?.metadata).toEqual({ event_type: 'alert', event_payload: { key: 'k0' } });
  });

  test('oldest and latest leave out their own moment, unless they are inclusive', async () => {
    const { client, channel, ts } = await withMessages(4);
    const read = async (range: object) => texts((await client.conversations.history({ channel, ...range })).messages);
    const [, second = '', third = ''] = ts;
    expect(await read({ oldest: second })).toEqual(['m3', 'm2']);
    expect(await read({ latest: third })).toEqual(['m1', 'm0']);
    expect(await read({ oldest: second, latest: third })).toEqual([]);
    expect(await read({ oldest: second, latest: third, inclusive: true })).toEqual(['m2', 'm1']);
    expect(await read({ oldest: '9999999999' })).toEqual([]);
  });

  test('pages follow each other, and messages that come in meanwhile shift none', async () => {
    const { client, channel } = await withMessages(5);
    const seen: (string | undefined)[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.conversations.history({ channel, limit: 2, ...(cursor ? { cursor } : {}) });
      seen.push(...texts(page.messages));
      expect(page.has_more).toBe(seen.length < 5);
      cursor = page.response_metadata?.next_cursor;
      await slack.people.engineer.say('in between');
    } while (cursor);
    expect(seen).toEqual(['m4', 'm3', 'm2', 'm1', 'm0']);
  });

  test('replies come with their root, the oldest first, in their range and pages', async () => {
    const { client, channel, ts } = await withMessages(2);
    const [root = ''] = ts;
    const replies: string[] = [];
    for (const text of ['r0', 'r1', 'r2']) {
      replies.push((await client.chat.postMessage({ channel, text, thread_ts: root })).ts ?? '');
    }
    const read = async (range: object) =>
      texts((await client.conversations.replies({ channel, ts: root, ...range })).messages);
    expect(await read({})).toEqual(['m0', 'r0', 'r1', 'r2']);
    expect(await read({ oldest: replies[0] })).toEqual(['m0', 'r1', 'r2']);
    expect(await read({ limit: 2 })).toEqual(['m0', 'r0']);
    expect(await errorOf(client.conversations.replies({ channel, ts: '1.000000' }))).toBe('thread_not_found');
  });

  test.each([
    [{ limit: 0 }, 'invalid_limit'],
    [{ limit: 1_000 }, 'invalid_limit'],
    [{ oldest: 'yesterday' }, 'invalid_ts_oldest'],
    [{ latest: '-1' }, 'invalid_ts_latest'],
    [{ cursor: 'guess' }, 'invalid_cursor'],
    [{ newest: '1' }, 'invalid_arguments'],
  ])('%j is refused: %s', async (args, error) => {
    const { client, channel } = await start();
    expect(await errorOf(client.apiCall('conversations.history', { channel, ...args }))).toBe(error);
  });

  test('people of other workspaces and bots are told apart', async () => {
    const { client } = await start();
    const { externalUser, otherBot, engineer } = slack.people;
    expect((await client.users.info({ user: externalUser.id })).user).toMatchObject({
      name: externalUser.name,
      team_id: externalUser.teamId,
      is_stranger: true,
    });
    expect(externalUser.teamId).not.toBe(slack.teamId);
    expect((await client.users.info({ user: otherBot.id })).user).toMatchObject({ is_bot: true });
    expect((await client.users.info({ user: engineer.id })).user).toMatchObject({
      team_id: slack.teamId,
      is_bot: false,
    });
    expect(await errorOf(client.users.info({ user: 'U0NOBODY' }))).toBe('user_not_found');
    const zoneOf = async (user: string) => (await client.users.info({ user })).user?.tz;
    expect(await zoneOf(engineer.id)).toBe('Europe/Berlin');
    slack.setTimeZone(engineer.id, 'Asia/Kolkata');
    slack.setTimeZone(externalUser.id, null);
    expect(await zoneOf(engineer.id)).toBe('Asia/Kolkata');
    expect(await zoneOf(externalUser.id)).toBeNull();
  });
});

describe('what only one person sees', () => {
  test('is on their screen, in no history, and refused if it cannot arrive', async () => {
    const { client, channel } = await start();
    const { engineer, superadmin } = slack.people;
    await client.chat.postEphemeral({ channel, user: engineer.id, text: 'psst', blocks: [SECTION] });
    expect(engineer.ephemerals()).toMatchObject([
      { channel, text: 'psst', threadTs: null, blocks: [{ type: 'section' }] },
    ]);
    expect(superadmin.ephemerals()).toEqual([]);
    expect(await slack.messages(channel)).toEqual([]);
    expect(await errorOf(client.chat.postEphemeral({ channel, user: 'U0NOBODY', text: 'x' }))).toBe('user_not_found');
    const elsewhere = { channel: slack.channels.random, user: engineer.id, text: 'x' };
    expect(await errorOf(client.chat.postEphemeral(elsewhere))).toBe('not_in_channel');
    expect(await errorOf(client.apiCall('chat.postEphemeral', { channel, user: engineer.id }))).toBe('no_text');
  });

  test('a wait for what never comes fails', async () => {
    await start();
    await expect(slack.people.engineer.waitForEphemeral(undefined, 30)).rejects.toThrow('sees no such message');
    await expect(slack.people.engineer.waitForModal(undefined, 30)).rejects.toThrow('sees no such modal');
  });
});

describe('views', () => {
  test('a trigger that Slack did not hand out opens nothing', async () => {
    const { client } = await start();
    expect(await errorOf(client.views.open({ trigger_id: '1.2.forged', view: MODAL }))).toBe('invalid_trigger_id');
    expect(await errorOf(client.views.update({ view_id: 'V0NOWHERE', view: MODAL }))).toBe('not_found');
  });

  test('a malformed view is refused before its trigger is looked at', async () => {
    const { client } = await start();
    const view = { ...MODAL, title: { type: 'plain_text', text: 'x'.repeat(25) } };
    expect(await refusal(client.apiCall('views.open', { trigger_id: '1', view }))).toMatchObject({
      error: 'invalid_arguments',
      response_metadata: { messages: [expect.stringContaining('/view/title/text')] },
    });
    const home = { type: 'home', blocks: [] };
    expect(await errorOf(client.apiCall('views.open', { trigger_id: '1', view: home }))).toBe('invalid_arguments');
  });

  test('a home tab that the manifest does not ask for takes nothing', async () => {
    const { client } = await start({ homeTab: false });
    const view = { type: 'home' as const, blocks: [] };
    expect(await errorOf(client.views.publish({ user_id: slack.people.superadmin.id, view }))).toBe('not_enabled');
    expect(slack.people.superadmin.home()).toBeUndefined();
  });

  test('a home tab is published to a person, and not over a newer one', async () => {
    const { client } = await start();
    const { engineer } = slack.people;
    const publish = (text: string, hash?: string) =>
      client.views.publish({
        user_id: engineer.id,
        ...(hash === undefined ? {} : { hash }),
        view: { type: 'home', blocks: [{ type: 'header', text: { type: 'plain_text', text } }] },
      });
    const first = await publish('one');
    const second = await publish('two', first.view?.hash);
    expect(second.view?.id).toBe(first.view?.id);
    expect(await errorOf(publish('three', first.view?.hash))).toBe('hash_conflict');
    expect(JSON.stringify(engineer.home()?.blocks)).toContain('two');
    expect(slack.people.superadmin.home()).toBeUndefined();
  });
});

describe('faults', () => {
  const post = (client: WebClient, channel: string) => client.chat.postMessage({ channel, text: 'x' });

  test.each([
    [{ kind: 'status', status: 503 } as const, { statusCode: 503 }, 0],
    [{ kind: 'rate_limited', retryAfterSeconds: 7 } as const, { retryAfter: 7 }, 0],
    [{ kind: 'error', error: 'is_archived' } as const, { data: { error: 'is_archived' } }, 0],
    [{ kind: 'reset_before' } as const, { code: 'slack_webapi_request_error' }, 0],
    [{ kind: 'reset_after' } as const, { code: 'slack_webapi_request_error' }, 1],
    [{ kind: 'hang' } as const, { code: 'slack_webapi_request_error' }, 0],
    [{ kind: 'hang', takesEffect: true } as const, { code: 'slack_webapi_request_error' }, 1],
  ])('%j, once', async (fault, error, messages) => {
    const { client, channel } = await start();
    slack.faults.add({ method: 'chat.postMessage', times: 1, ...fault });
    await expect(post(client, channel)).rejects.toMatchObject(error);
    expect(await slack.messages(channel)).toHaveLength(messages);
    expect(slack.calls).toHaveLength(1);
    await post(client, channel);
    expect(await slack.messages(channel)).toHaveLength(messages + 1);
  });

  test('a delay comes before the effect', async () => {
    const { client, channel } = await start();
    slack.faults.add({ method: 'chat.postMessage', kind: 'delay', ms: 1_500 });
    const before = performance.now();
    const posting = post(client, channel);
    expect(await slack.messages(channel)).toEqual([]);
    await posting;
    expect(performance.now() - before).toBeGreaterThan(1_490);
    expect(await slack.messages(channel)).toHaveLength(1);
  });

  test('faults play out in their order, hit only their method, and end when they are taken back', async () => {
    const { client, channel } = await start();
    slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
    const takeBack = slack.faults.add({ method: '*', kind: 'status', status: 503 });
    await expect(post(client, channel)).rejects.toMatchObject({ statusCode: 500 });
    await expect(post(client, channel)).rejects.toMatchObject({ statusCode: 503 });
    await expect(client.auth.test()).rejects.toMatchObject({ statusCode: 503 });
    takeBack();
    await post(client, channel);
    slack.faults.add({ method: '*', kind: 'error', error: 'fatal_error' });
    slack.faults.clear();
    await post(client, channel);
    expect(() => slack.faults.add({ method: '*', kind: 'hang', times: 0 })).toThrow(RangeError);
  });

  test('an outage of ten minutes ends by the clock, for every method and every address', async () => {
    const clock = createTestClock('2026-05-11T14:18:00Z');
    const { client, channel } = await start({ clock: clock.now });
    slack.outage(10 * 60_000);
    clock.advance(10 * 60_000 - 1);
    await expect(post(client, channel)).rejects.toMatchObject({ statusCode: 503 });
    await expect(client.auth.test()).rejects.toMatchObject({ statusCode: 503 });
    expect((await fetch(slack.apiUrl.replace('/api/', '/response/any'), { method: 'POST', body: '{}' })).status).toBe(
      503,
    );
    clock.advance(1);
    await post(client, channel);
    expect(texts(await slack.messages(channel))).toEqual(['x']);
  });
});

describe('a clock that is moved', () => {
  test('is the time of every message, wherever it is mentioned, and history is searched by it', async () => {
    const clock = createTestClock('2026-05-11T14:18:00Z');
    const { client, channel } = await start({ clock: clock.now });
    const secondsOf = (ts: string | undefined) => Math.floor(Number(ts));
    const noticed = Date.parse('2026-05-11T14:18:00Z') / 1_000;
    const first = await client.chat.postMessage({ channel, text: 'before' });
    expect(secondsOf(first.ts)).toBe(noticed);
    clock.advance(12 * 3_600_000);
    const thread_ts = first.ts ?? '';
    const reply = await client.chat.postMessage({ channel, text: 'after', thread_ts, reply_broadcast: true });
    await client.chat.update({ channel, ts: thread_ts, text: 'before, changed' });
    expect(secondsOf(reply.ts)).toBe(noticed + 12 * 3_600);
    expect((await client.conversations.history({ channel })).messages).toMatchObject([
      { text: 'after', ts: reply.ts, thread_ts, root: { ts: thread_ts } },
      { text: 'before, changed', ts: thread_ts, latest_reply: reply.ts, reply_count: 1 },
    ]);
    const since = await client.conversations.replies({ channel, ts: thread_ts, oldest: `${noticed + 3_600}` });
    expect(texts(since.messages)).toEqual(['before, changed', 'after']);
    expect(texts((await client.conversations.history({ channel, oldest: `${noticed + 3_600}` })).messages)).toEqual([
      'after',
    ]);
    await client.chat.delete({ channel, ts: reply.ts ?? '' });
    expect(texts(await slack.everything(channel))).toEqual(['before, changed']);
  });
});

test('a watcher hears of each change that somebody sees', async () => {
  const { client, channel } = await start();
  let changes = 0;
  const stop = slack.onChange(() => {
    changes += 1;
  });
  await client.chat.postMessage({ channel, text: 'x' });
  expect(changes).toBe(1);
  await client.chat.postEphemeral({ channel, text: 'y', user: slack.people.engineer.id });
  expect(changes).toBe(2);
  const [whisper] = slack.people.engineer.ephemerals();
  slack.people.engineer.dismiss(whisper?.id ?? '');
  expect(slack.people.engineer.ephemerals()).toEqual([]);
  expect(changes).toBe(3);
  stop();
  await client.chat.postMessage({ channel, text: 'z' });
  expect(changes).toBe(3);
});

describe('files', () => {
  const send = (url: string | undefined, body: string) => fetch(url ?? '', { method: 'POST', body });

  async function begin(client: WebClient, content: string) {
    const begun = await client.apiCall('files.getUploadURLExternal', {
      filename: 'Draft.md',
      length: Buffer.byteLength(content),
      alt_txt: 'what it shows',
    });
    const { file_id: id, upload_url: url } = { file_id: '', upload_url: '', ...begun };
    return { id, url };
  }

  test('three steps share one, in a thread; what it holds is what was sent', async () => {
    const { client, channel } = await start();
    const { ts = '' } = await client.chat.postMessage({ channel, text: 'root' });
    const { id, url } = await begin(client, '# Drôle\n');
    expect((await send(url, '# Drôle\n')).status).toBe(200);
    const done = await client.files.completeUploadExternal({
      files: [{ id, title: 'A draft' }],
      channel_id: channel,
      thread_ts: ts,
      initial_comment: 'Here',
    });
    // Only what Slack promises: the address has to be asked for.
    expect(done.files).toEqual([{ id, title: 'A draft' }]);
    const [reply] = await slack.thread(channel, ts);
    expect(reply).toMatchObject({
      text: 'Here',
      user: slack.botUserId,
      raw: { subtype: 'file_share', bot_id: slack.botId },
    });
    expect(reply?.raw['files']).toMatchObject([{ id, title: 'A draft' }]);
    expect(await slack.messages(channel)).toHaveLength(1);
    expect(slack.files()).toEqual([{ id, name: 'Draft.md', altText: 'what it shows' }]);
    expect(slack.fileContent(id)).toBe('# Drôle\n');
    expect((await client.files.info({ file: id })).file).toMatchObject({
      channels: [channel],
      permalink: `https://raxx.slack.com/files/${slack.botUserId}/${id}/draft.md`,
    });
  });

  test.each(['', 'ab', 'abcd'])('bytes other than announced are not taken: %j for 3', async (sent) => {
    const { client, channel } = await start();
    const { id, url } = await begin(client, 'abc');
    expect((await send(url, sent)).status).toBe(400);
    expect(await errorOf(client.files.completeUploadExternal({ files: [{ id }], channel_id: channel }))).toBe(
      'file_not_found',
    );
    expect(await slack.messages(channel)).toEqual([]);
  });

  test('an address that was not given out takes nothing', async () => {
    const { client } = await start();
    const { url } = await begin(client, 'abc');
    expect((await send(url?.replace(/[^/]+$/u, 'F0FORGED'), 'abc')).status).toBe(404);
    expect((await fetch(url ?? '')).status).toBe(405);
  });

  test('a wrong last step is refused, and the file can still be shared', async () => {
    const { client, channel } = await start();
    const { id, url } = await begin(client, 'abc');
    await send(url, 'abc');
    const files: [{ id: string }] = [{ id }];
    const { ts: root = '' } = await client.chat.postMessage({ channel, text: 'root' });
    const { ts: reply = '' } = await client.chat.postMessage({ channel, text: 'reply', thread_ts: root });
    const complete = (more: object) => errorOf(client.apiCall('files.completeUploadExternal', { files, ...more }));
    expect(await complete({ channel_id: 'C0NOWHERE' })).toBe('channel_not_found');
    expect(await complete({ channel_id: slack.channels.random })).toBe('not_in_channel');
    expect(await complete({ channel_id: channel, thread_ts: '1.000000' })).toBe('thread_not_found');
    expect(await complete({ channel_id: channel, thread_ts: reply })).toBe('cannot_reply_to_message');
    expect(await complete({ thread_ts: root })).toBe('invalid_arguments');
    expect(await complete({ channel: channel })).toBe('invalid_arguments');
    expect(await errorOf(client.apiCall('files.completeUploadExternal', { files: [], channel_id: channel }))).toBe(
      'invalid_arguments',
    );
    expect(
      await errorOf(client.apiCall('files.completeUploadExternal', { files: [{ id: 'F0NONE' }], channel_id: channel })),
    ).toBe('file_not_found');
    expect(await errorOf(client.files.info({ file: id }))).toBe('file_not_found');
    await client.files.completeUploadExternal({ files, channel_id: channel, thread_ts: root });
    expect(await slack.thread(channel, root)).toHaveLength(2);
    // Only once.
    expect(await complete({ channel_id: channel })).toBe('file_not_found');
  });

  test.each([
    { filename: 'a', length: 0 },
    { filename: '', length: 1 },
    { filename: 'a', length: 1.5 },
    { filename: 'a', length: 1, title: 'x' },
  ])('an upload cannot begin with %j', async (args) => {
    const { client } = await start();
    expect(await errorOf(client.apiCall('files.getUploadURLExternal', args))).toBe('invalid_arguments');
  });
});
