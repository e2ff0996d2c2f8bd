import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { createOutsideTransport } from '../../src/outbox/outside.js';
import type { Post, Posted } from '../../src/outbox/post.js';
import { createTransport } from '../../src/outbox/transport.js';
import type { Destination } from '../../src/promotions/routing.js';
import { createSlack } from '../../src/slack/slack.js';
import { type OutboxBed, startOutboxBed } from './bed.js';
import { LASTING_REFUSALS, PASSING_ERRORS } from './refusals.js';
import { DIRECTLY } from '../support/network.js';

const POST = 'chat.postMessage';

const NO_OUTSIDE = createOutsideTransport({
  pagerDuty: { send: async () => undefined },
  webhook: null,
  secretBox: createSecretBox(Buffer.alloc(32, 7)),
});

describe('a post that Slack refuses', () => {
  let slack: SlackStandIn;
  let meant: string;
  beforeAll(async () => {
    slack = await startSlackStandIn({ rateLimit: false });
    meant = slack.channels.general;
    slack.invite(meant);
  });
  afterAll(() => slack.close());

  const recorded: Destination[] = [];
  beforeEach(() => void recorded.splice(0));
  /** With its own client, which needn't pause after the previous post. */
  function post(place: Post['place'], key: string): Promise<Posted | 'lost' | 'gone'> {
    const client = createSlack({
      botToken: slack.botToken,
      apiUrl: slack.apiUrl,
      slots: null,
      newOwner: () => key,
      fetch: DIRECTLY.fetch,
      admit: async () => undefined,
    });
    return createTransport(client, slack.channels.alerts, NO_OUTSIDE).post({
      place,
      key,
      sentTo: null,
      perhapsSince: null,
      mayStillSend: () => true,
      record: async (to) => recorded.push(to) > 0,
      content: (refused) => ({ message: { text: `${key} ${JSON.stringify(refused)}` } }),
    });
  }
  const texts = async (channel: string) => (await slack.messages(channel)).map(({ text }) => text);

  const UNKNOWN_WORDS = ['a_word_of_next_year', 'Some Strange Error!'];
  test.each([...LASTING_REFUSALS, ...UNKNOWN_WORDS])(
    'with %s goes to the alert channel, which is told why',
    async (because) => {
      slack.faults.add({ method: POST, times: 1, kind: 'error', error: because });
      const refused = { channel: meant, because };
      await expect(post({ to: 'channel', route: meant }, because)).resolves.toMatchObject({
        at: { channel: slack.channels.alerts },
      });
      expect(recorded).toEqual([
        { channel: meant, refused: null },
        { channel: slack.channels.alerts, refused },
      ]);
      expect((await texts(slack.channels.alerts)).at(-1)).toBe(`${because} ${JSON.stringify(refused)}`);
      expect(await texts(meant)).toEqual([]);
    },
  );

  test.each(PASSING_ERRORS)('with %s is tried again, and goes nowhere else: it passes', async (error) => {
    const before = await texts(slack.channels.alerts);
    slack.faults.add({ method: POST, times: 1, kind: 'error', error });
    await expect(post({ to: 'channel', route: meant }, error)).rejects.toMatchObject({
      kind: error === 'internal_error' || error === 'fatal_error' ? 'unknown_outcome' : 'refused',
      code: error,
    });
    expect(recorded).toEqual([{ channel: meant, refused: null }]);
    expect(await texts(slack.channels.alerts)).toEqual(before);
  });
});

describe('what Slack refuses', () => {
  let bed: OutboxBed;
  beforeEach(async () => {
    bed = await startOutboxBed();
    bed.slack.invite(bed.slack.channels.general);
  });
  afterEach(() => bed.close());

  const kindOf = async (id: string) => (await bed.outbox.deliver(id)).kind;
  async function rootIn(route: string): Promise<string> {
    bed.facts.set('root', { text: 'root', route });
    const id = await bed.queue({ kind: 'notice', subject: 'root' });
    expect(await kindOf(id)).toBe('posted');
    return id;
  }

  test('in a thread goes to the alert channel, says why, and is found and updated there', async () => {
    const root = await rootIn(bed.slack.channels.general);
    bed.facts.set('two', { text: 'reply' });
    const reply = await bed.queue({ kind: 'reply', subject: 'two', root });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'error', error: 'ekm_access_denied' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
    expect(await kindOf(reply)).toBe('failed');
    await bed.advance(31_000);
    expect(await kindOf(reply)).toBe('found');
    expect(bed.posts()).toBe(3);
    await bed.change(reply, { text: 'reply, updated' });
    expect(await kindOf(reply)).toBe('updated');
    const [message] = await bed.slack.messages(bed.slack.channels.alerts);
    expect(message?.text).toBe('reply, updated');
    const why = `This belongs in a thread in <#${bed.slack.channels.general}>, but Slack says \`ekm_access_denied\``;
    expect(JSON.stringify(message?.blocks)).toContain(why);
  });

  test('in a thread of the alert channel goes to the channel', async () => {
    const root = await rootIn(bed.slack.channels.alerts);
    bed.facts.set('two', { text: 'reply' });
    const reply = await bed.queue({ kind: 'reply', subject: 'two', root });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'error', error: 'restricted_action_thread_locked' });
    expect(await kindOf(reply)).toBe('posted');
    expect(await bed.channel()).toEqual(['root', 'reply']);
  });

  test('to be searched, too, isn’t held up by an earlier failure', async () => {
    bed.facts.set('one', { text: 'first', route: bed.slack.channels.general });
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_before' });
    expect(await kindOf(id)).toBe('failed');
    bed.slack.faults.add({
      method: 'conversations.history',
      times: 2,
      kind: 'error',
      error: 'team_access_not_granted',
    });
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('posted');
    expect(await bed.channel()).toEqual([expect.stringContaining('team_access_not_granted')]);
  });

  test('as a file is shown nowhere else', async () => {
    const root = await rootIn(bed.slack.channels.general);
    bed.facts.set('two', { text: 'picture' });
    const id = await bed.queue({ kind: 'picture', subject: 'two', root });
    bed.slack.faults.add({ method: 'files.completeUploadExternal', times: 1, kind: 'error', error: 'is_archived' });
    expect(await kindOf(id)).toBe('failed');
    expect(bed.slack.files()).toEqual([]);
    expect(await bed.channel()).toEqual([]);
  });
});

describe('an update that Slack refuses for good', () => {
  const UPDATE = 'chat.update';
  let bed: OutboxBed;
  beforeEach(async () => {
    bed = await startOutboxBed();
    bed.slack.invite(bed.slack.channels.general);
  });
  afterEach(() => bed.close());

  const kindOf = async (id: string) => (await bed.outbox.deliver(id)).kind;
  const texts = async (channel: string) => (await bed.slack.messages(channel)).map(({ text }) => text);
  const refuse = (error: string, times = 1) => bed.slack.faults.add({ method: UPDATE, times, kind: 'error', error });
  async function posted(kind: string, route: string): Promise<string> {
    bed.facts.set('one', { text: 'first', route });
    const id = await bed.queue({ kind });
    expect(await kindOf(id)).toBe('posted');
    return id;
  }

  test('in an archived channel is posted again in the alert channel, and updated there', async () => {
    const route = bed.slack.channels.general;
    const id = await posted('notice', route);
    bed.slack.archive(route);
    await bed.change(id, { text: 'second', route });
    expect(await kindOf(id)).toBe('updated');
    const refused = JSON.stringify({ channel: route, because: 'is_inactive' });
    expect(await bed.channel()).toEqual([`second ${refused}`]);
    await bed.change(id, { text: 'third', route });
    expect(await kindOf(id)).toBe('updated');
    expect(await bed.channel()).toEqual([`third ${refused}`]);
    expect(await bed.outbox.due(10)).toEqual([]);
    expect(await texts(route)).toEqual(['first']);
  });

  test('goes to the channel that its route names by now', async () => {
    const id = await posted('notice', bed.slack.channels.general);
    bed.slack.archive(bed.slack.channels.general);
    bed.slack.invite(bed.slack.channels.random);
    await bed.change(id, { text: 'second', route: bed.slack.channels.random });
    expect(await kindOf(id)).toBe('updated');
    expect(await texts(bed.slack.channels.random)).toEqual(['second']);
    expect(await bed.channel()).toEqual([]);
  });

  test.each(['edit_window_closed', 'cant_update_message'])(
    'with %s is posted again in its channel, then in the alert channel, then not any more',
    async (because) => {
      const { alerts, general } = bed.slack.channels;
      const id = await posted('notice', general);
      refuse(because, 10);
      const refused = JSON.stringify({ channel: general, because });
      for (const text of ['second', 'third', 'fourth', 'fifth']) {
        await bed.change(id, { text, route: general });
        expect(await kindOf(id)).toBe('updated');
      }
      expect(await texts(general)).toEqual(['first', `second ${refused}`]);
      expect(await texts(alerts)).toEqual([`third ${refused}`]);
      expect(await bed.row(id)).toMatchObject({ state: 'posted', last_error: null });
      expect(await bed.outbox.due(10)).toEqual([]);
    },
  );

  test('with a word that nobody knows is posted again twice, and stays owed then', async () => {
    const { alerts, general } = bed.slack.channels;
    const because = 'a_word_of_next_year';
    const id = await posted('notice', general);
    refuse(because, 10);
    for (const [text, outcome] of [
      ['second', 'updated'],
      ['third', 'updated'],
      ['fourth', 'failed'],
    ]) {
      await bed.change(id, { text: text ?? '', route: general });
      expect(await kindOf(id)).toBe(outcome);
    }
    expect(await texts(alerts)).toEqual([`third ${JSON.stringify({ channel: general, because })}`]);
    expect(await bed.row(id)).toMatchObject({ state: 'posted', last_error: expect.stringContaining(because) });
  });

  test.each(['ekm_access_denied', 'message_limit_exceeded'])(
    'with %s, which is about the whole workspace, stays where it is and owed',
    async (because) => {
      const { general } = bed.slack.channels;
      const id = await posted('notice', general);
      refuse(because, 1);
      await bed.change(id, { text: 'second', route: general });
      expect(await kindOf(id)).toBe('failed');
      expect(await texts(general)).toEqual(['first']);
      expect(await bed.channel()).toEqual([]);
    },
  );

  test('that has nothing to say by now is left; a reply on its way goes to the alert channel', async () => {
    const route = bed.slack.channels.general;
    const root = await posted('notice', route);
    bed.slack.archive(route);
    await bed.change(root, { text: 'first', route, isOver: true });
    bed.facts.set('two', { text: 'it ended' });
    const reply = await bed.queue({ kind: 'reply', subject: 'two', root });
    expect(await kindOf(root)).toBe('updated');
    expect(await kindOf(reply)).toBe('posted');
    expect(await bed.channel()).toEqual(['it ended']);
    expect(await bed.outbox.due(10)).toEqual([]);
  });

  test('of a reply is left', async () => {
    const root = await posted('notice', bed.slack.channels.general);
    bed.facts.set('two', { text: 'reply' });
    const reply = await bed.queue({ kind: 'reply', subject: 'two', root });
    await kindOf(reply);
    await bed.change(reply, { text: 'reply, updated' });
    refuse('edit_window_closed');
    expect(await kindOf(reply)).toBe('updated');
    expect(await bed.outbox.due(10)).toEqual([]);
    expect(bed.posts()).toBe(2);
  });

  test.each(['invalid_blocks', 'msg_too_long', 'token_revoked', 'missing_scope', 'service_unavailable'])(
    'but with %s stays owed: it isn’t about the message',
    async (word) => {
      const route = bed.slack.channels.general;
      const id = await posted('notice', route);
      await bed.change(id, { text: 'second', route });
      refuse(word);
      expect(await kindOf(id)).toBe('failed');
      expect((await bed.row(id)).last_error).toBe(`Slack's chat.update failed: ${word}`);
      expect(await kindOf(id)).toBe('updated');
      expect(await texts(route)).toEqual(['second']);
      expect(bed.posts()).toBe(1);
    },
  );

  test('because the alert channel itself is archived stays owed: nothing is above it', async () => {
    const id = await posted('notice', bed.slack.channels.alerts);
    bed.slack.archive(bed.slack.channels.alerts);
    await bed.change(id, { text: 'second' });
    expect(await kindOf(id)).toBe('failed');
    expect((await bed.row(id)).last_error).toBe("Slack's chat.update failed: is_inactive");
    expect(await bed.channel()).toEqual(['first']);
  });
});
