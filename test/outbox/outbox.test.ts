import { WebClient } from '@slack/web-api';
import { type DeliveryOutcome, LEASE_MS } from '../../src/outbox/outbox.js';
import { SETTLE_MS } from '../../src/promotions/back-off.js';
import { SEARCHES_BEFORE_POSTING } from '../../src/outbox/step.js';
import { eventually } from '../support/eventually.js';
import { type OutboxBed, startOutboxBed } from './bed.js';

let bed: OutboxBed;
beforeEach(async () => {
  bed = await startOutboxBed();
  bed.facts.set('one', { text: 'first' });
});
afterEach(() => bed.close());

const POST = 'chat.postMessage';
const kindOf = async (id: string) => (await bed.outbox.deliver(id)).kind;

async function posted(kind: string, subject = 'one', root?: string): Promise<string> {
  const id = await bed.queue({ kind, subject, ...(root === undefined ? {} : { root }) });
  expect(await kindOf(id)).toBe('posted');
  return id;
}

describe('a message', () => {
  test('is posted once, however often it is delivered', async () => {
    const id = await posted('notice');
    expect(await kindOf(id)).toBe('nothing');
    expect(await bed.channel()).toEqual(['first']);
    expect(await bed.row(id)).toMatchObject({ state: 'posted', attempts: 0, message_ts: (await bed.root()).ts });
    expect(bed.outcomes.map(({ kind }) => kind)).toEqual(['posted', 'nothing']);
  });

  test('is posted once by several processes at a time', async () => {
    const id = await bed.queue({ kind: 'notice' });
    const outcomes = await Promise.all(
      [bed.outbox, bed.anotherOutbox(), bed.anotherOutbox()].map((o) => o.deliver(id)),
    );
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['nothing', 'nothing', 'posted']);
    expect(await bed.channel()).toEqual(['first']);
  });

  test('is left to the process that works on it for as long as one step may take', async () => {
    const id = await bed.queue({ kind: 'notice' });
    let another: DeliveryOutcome | null = null;
    bed.onGather = async () => {
      bed.onGather = async () => undefined;
      // Its channel slot comes within 13.5 s; a search and a post time out after 10 s each.
      await bed.advance(33_500);
      another = await bed.anotherOutbox().deliver(id);
    };
    expect(await kindOf(id)).toBe('posted');
    expect(another).toEqual({ kind: 'nothing' });
    expect(await bed.channel()).toEqual(['first']);
  });

  test('is updated in place, once for all that changed', async () => {
    const id = await posted('notice');
    await bed.change(id, { text: 'second' });
    await bed.change(id, { text: 'third' });
    expect(await kindOf(id)).toBe('updated');
    expect(await kindOf(id)).toBe('nothing');
    expect(await bed.channel()).toEqual(['third']);
    expect(bed.slack.calls.filter(({ method }) => method === 'chat.update')).toHaveLength(1);
  });

  test('that changes at each step is left to the next tick after eight', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.onGather = () => bed.change(id, { text: 'again' });
    expect(await kindOf(id)).toBe('posted');
    expect(bed.slack.calls.filter(({ method }) => method === 'chat.update')).toHaveLength(7);
  });

  test('that changes while it is posted is updated at once, though whoever changed it found it leased', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'delay', ms: 300 });
    const posting = bed.outbox.deliver(id);
    await eventually(async () => expect(bed.posts()).toBe(1));
    await bed.change(id, { text: 'second' });
    expect((await bed.anotherOutbox().deliver(id)).kind).toBe('nothing');
    expect((await posting).kind).toBe('posted');
    expect(await bed.channel()).toEqual(['second']);
  });

  test('that has nothing to say is closed without a post', async () => {
    const over = await bed.queue({ kind: 'notice' });
    bed.facts.set('one', { text: 'first', isOver: true });
    const about = await bed.queue({ kind: 'notice', subject: 'gone' });
    for (const id of [over, about]) {
      expect(await kindOf(id)).toBe('closed');
      expect((await bed.row(id)).state).toBe('closed');
    }
    expect(bed.posts()).toBe(0);
  });

  test('of a kind that another version queued is left to that version', async () => {
    const id = await bed.queue({ kind: 'of_tomorrow' });
    const before = await bed.row(id);
    expect(await kindOf(id)).toBe('nothing');
    expect(await bed.row(id)).toEqual(before);
    expect(before).toMatchObject({ state: 'pending', attempts: 0 });
    // Unknown kinds, however many, must not take a tick's places from what this version can deliver.
    expect(await bed.outbox.due(10)).toEqual([]);
  });

  test('of a home tab is published, and never posted', async () => {
    const { superadmin } = bed.slack.people;
    bed.facts.set('one', { text: 'two are stuck', route: superadmin.id });
    const id = await bed.queue({ kind: 'tab' });
    await bed.rows.query(`update flag_promotions.messages set state = 'posted', wanted = 1 where id = $1`, [id]);
    expect(await kindOf(id)).toBe('updated');
    expect(JSON.stringify(superadmin.home()?.blocks)).toContain('two are stuck');
    expect(bed.posts()).toBe(0);
    const never = await bed.queue({ kind: 'tab' });
    expect(await bed.outbox.deliver(never)).toMatchObject({
      kind: 'failed',
      error: { message: 'A home tab is only ever updated.' },
    });
  });

  test('to a person is sent again if nobody knows whether it came', async () => {
    bed.facts.set('one', { text: 'was it you?', route: bed.slack.people.superadmin.id });
    const id = await bed.queue({ kind: 'letter' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'status', status: 500 });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(60_000);
    expect((await bed.anotherOutbox().deliver(id)).kind).toBe('posted');
    expect(await bed.row(id)).toMatchObject({ state: 'posted', channel: expect.stringMatching(/^D/u) });
  });
});

describe('an attempt that nobody learned the outcome of', () => {
  test.each([
    ['the answer was lost', { kind: 'reset_after' } as const, 1],
    ['the request was lost', { kind: 'reset_before' } as const, 2],
    ['Slack answered 500', { kind: 'status', status: 500 } as const, 2],
    ['Slack had an internal error', { kind: 'error', error: 'internal_error' } as const, 2],
    ['it had one after it posted', { kind: 'error', error: 'internal_error', takesEffect: true } as const, 1],
    ['a fatal one', { kind: 'error', error: 'fatal_error', takesEffect: true } as const, 1],
    ['the answer was cut', { kind: 'body', body: '{"ok":tr', takesEffect: true } as const, 1],
    ['the answer was empty', { kind: 'body', body: '', takesEffect: true } as const, 1],
    ['a proxy answered', { kind: 'body', body: '<html>Blocked</html>', takesEffect: true } as const, 1],
    ['a proxy’s word', { kind: 'body', body: 'Forbidden', takesEffect: true } as const, 1],
    ['the answer was null', { kind: 'body', body: 'null', takesEffect: true } as const, 1],
    ['the answer says nowhere where', { kind: 'body', body: '{"ok":true}', takesEffect: true } as const, 1],
  ])('if %s: it is found again, and never doubled', async (_what, fault, posts) => {
    const root = await posted('notice');
    bed.facts.set('two', { text: 'reply' });
    for (const [kind, subject, shown] of [
      ['notice', 'one', bed.channel],
      ['reply', 'two', bed.thread],
    ] as const) {
      const before = bed.posts();
      const id = await bed.queue({ kind, subject, ...(kind === 'reply' ? { root } : {}) });
      bed.slack.faults.add({ method: POST, times: 1, ...fault });
      expect(await kindOf(id)).toBe('failed');
      // What may still take effect gets time to.
      expect((await bed.row(id)).waits).toBeGreaterThan(29_000);
      expect(await kindOf(id)).toBe('nothing');
      await bed.advance(31_000);
      expect(await kindOf(id)).toBe(posts === 1 ? 'found' : 'posted');
      expect(bed.posts() - before).toBe(posts);
      expect(await shown()).toHaveLength(kind === 'notice' ? 2 : 1);
      expect(await bed.row(id)).toMatchObject({ state: 'posted', attempts: 0 });
    }
  });

  test.each(['10 minutes', '400 days'])(
    'is found again if the database’s clock is %s ahead, also in a thread',
    async (ahead) => {
      const root = await posted('notice');
      for (const kind of ['notice', 'reply']) {
        const id = await bed.queue({ kind, ...(kind === 'reply' ? { root } : {}) });
        await bed.rows.query(
          `update flag_promotions.messages set created_at = created_at + interval '${ahead}' where id = $1`,
          [id],
        );
        bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
        expect(await kindOf(id)).toBe('failed');
        const before = bed.posts();
        await bed.advance(31_000);
        expect(await kindOf(id)).toBe('found');
        expect(bed.posts()).toBe(before);
      }
    },
  );

  test('is posted again once all was read that the clocks allow, however busy the channel was before', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_before' });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(31_000);
    const answer = (body: object, times: number) =>
      bed.slack.faults.add({ method: 'conversations.history', times, kind: 'body', body: JSON.stringify(body) });
    answer({ ok: true, messages: [], has_more: false }, 1);
    answer({ ok: true, messages: [], has_more: true, response_metadata: { next_cursor: 'more' } }, 10);
    // While it holds the channel slot, it reads only what is likely: the others wait.
    answer({ ok: true, messages: [], has_more: false }, 1);
    const before = bed.slack.calls.filter(({ method }) => method === 'conversations.history').length;
    expect(await kindOf(id)).toBe('posted');
    expect(bed.slack.calls.filter(({ method }) => method === 'conversations.history').length - before).toBe(12);
    expect(await bed.channel()).toEqual(['first']);
  });

  test('is posted again if Slack lets it read only what is likely', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_before' });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(31_000);
    const method = 'conversations.history';
    bed.slack.faults.add({ method, times: 1, kind: 'body', body: JSON.stringify({ ok: true, messages: [] }) });
    bed.slack.faults.add({ method, times: 1, kind: 'error', error: 'ratelimited' });
    expect(await kindOf(id)).toBe('posted');
    expect(await bed.channel()).toEqual(['first']);
  });

  test('if Slack never answered', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'hang', takesEffect: true });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('found');
    expect(await bed.channel()).toEqual(['first']);
  });

  test('of a process that was killed between the post and the write, once its lease has run out', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
    expect(await kindOf(id)).toBe('failed');
    // What the dead process left: its claim, and no record of the outcome.
    await bed.rows.query(
      `update flag_promotions.messages set next_attempt_at = null, last_error = null, lease_owner = 'dead',
              lease_until = flag_promotions.clock() + interval '40 seconds' where id = $1`,
      [id],
    );
    expect(await kindOf(id)).toBe('nothing');
    await bed.advance(41_000);
    expect(await kindOf(id)).toBe('found');
    expect(await bed.channel()).toEqual(['first']);
  });

  test('a message that was found shows what is true by now', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
    await bed.outbox.deliver(id);
    bed.facts.set('one', { text: 'first', isOver: true });
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('found');
    expect(await bed.channel()).toEqual(['first, over']);
  });

  test('a message about something that is gone is closed', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_before' });
    await bed.outbox.deliver(id);
    bed.facts.clear();
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('closed');
  });

  test('a message that is over and was never posted is closed', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_before' });
    await bed.outbox.deliver(id);
    bed.facts.set('one', { text: 'first', isOver: true });
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('closed');
    expect(await bed.channel()).toEqual([]);
  });

  test('a file is not tried again', async () => {
    const root = await posted('notice');
    const id = await bed.queue({ kind: 'picture', root });
    bed.slack.faults.add({ method: 'files.getUploadURLExternal', times: 1, kind: 'status', status: 500 });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('closed');
    expect(bed.slack.files()).toHaveLength(0);
  });
});

describe('if the history can’t be searched', () => {
  const attempted = (id: string, attempts: number) =>
    bed.rows.query('update flag_promotions.messages set attempts = $2, next_attempt_at = null where id = $1', [
      id,
      attempts,
    ]);
  beforeEach(() => {
    bed.slack.faults.add({ method: 'conversations.history', kind: 'error', error: 'internal_error' });
  });

  test('nothing is posted: not to have looked is not to have found nothing', async () => {
    const id = await bed.queue({ kind: 'notice' });
    await attempted(id, 50);
    expect(await kindOf(id)).toBe('failed');
    expect(bed.posts()).toBe(0);
  });

  test.each([
    ['says that there is more, and not where', { ok: true, messages: [], has_more: true }],
    [
      'says so with an empty cursor',
      { ok: true, messages: [], has_more: true, response_metadata: { next_cursor: '' } },
    ],
    ['lacks the messages', { ok: true }],
    ['goes round in a circle', { ok: true, messages: [], has_more: true, response_metadata: { next_cursor: 'again' } }],
  ])('nothing is posted if the answer %s: the search isn’t over', async (_, answer) => {
    bed.slack.faults.clear();
    const root = await posted('notice');
    for (const [kind, method] of [
      ['notice', 'conversations.history'],
      ['reply', 'conversations.replies'],
    ] as const) {
      const id = await bed.queue({ kind, ...(kind === 'reply' ? { root } : {}) });
      bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
      expect(await kindOf(id)).toBe('failed');
      const before = bed.posts();
      await bed.advance(31_000);
      const over = bed.slack.faults.add({ method, kind: 'body', body: JSON.stringify(answer) });
      expect(await kindOf(id)).toBe('failed');
      over();
      await bed.advance(61_000);
      expect(await kindOf(id)).toBe('found');
      expect(bed.posts()).toBe(before);
    }
  });

  test.each([
    ['a word', { kind: 'error', error: 'invalid_cursor' } as const],
    ['a word that would close a channel', { kind: 'error', error: 'not_in_channel' } as const],
    ['the word for a thread that is gone', { kind: 'error', error: 'thread_not_found' } as const],
    ['a proxy’s 403', { kind: 'status', status: 403 } as const],
  ])('nothing is posted if the second page is refused with %s', async (_, refusal) => {
    const { general } = bed.slack.channels;
    bed.slack.faults.clear();
    bed.slack.invite(general);
    bed.facts.set('root', { text: 'root', route: general });
    const root = await posted('notice', 'root');
    for (const [kind, method] of [
      ['notice', 'conversations.history'],
      ['reply', 'conversations.replies'],
    ] as const) {
      bed.facts.set('one', { text: kind, route: general });
      const id = await bed.queue({ kind, ...(kind === 'reply' ? { root } : {}) });
      bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
      expect(await kindOf(id)).toBe('failed');
      const before = bed.posts();
      // More than a page is newer than what is looked for.
      const first = JSON.stringify({ ok: true, messages: [], has_more: true, response_metadata: { next_cursor: 'x' } });
      for (let search = 0; search < 2; search += 1) {
        bed.slack.faults.add({ method, times: 1, kind: 'body', body: first });
        bed.slack.faults.add({ method, times: 1, ...refusal });
      }
      await bed.advance(31_000);
      expect(await kindOf(id)).toBe('failed');
      expect((await bed.row(id)).last_error).toContain('unfinished_search');
      bed.slack.faults.clear();
      await bed.advance(61_000);
      expect(await kindOf(id)).toBe('found');
      expect(bed.posts()).toBe(before);
      expect(await bed.channel()).toEqual([]);
    }
  });

  test('nothing is posted if a proxy refuses the search: that says nothing of the channel', async () => {
    const { general } = bed.slack.channels;
    bed.slack.faults.clear();
    bed.slack.invite(general);
    bed.facts.set('one', { text: 'first', route: general });
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
    expect(await kindOf(id)).toBe('failed');
    bed.slack.faults.add({ method: 'conversations.history', times: 2, kind: 'status', status: 403 });
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('failed');
    bed.slack.faults.clear();
    await bed.advance(61_000);
    expect(await kindOf(id)).toBe('found');
    expect(bed.posts()).toBe(1);
    expect(await bed.channel()).toEqual([]);
  });

  test('an urgent message is posted after enough attempts', async () => {
    const id = await bed.queue({ kind: 'notice', isUrgent: true });
    await attempted(id, SEARCHES_BEFORE_POSTING - 1);
    expect(await kindOf(id)).toBe('failed');
    expect(bed.posts()).toBe(0);
    await attempted(id, SEARCHES_BEFORE_POSTING);
    expect(await kindOf(id)).toBe('posted');
    expect(await bed.channel()).toEqual(['first']);
  });
});

describe('a process that is paused past its lease while it posts', () => {
  /** Posts slowly; meanwhile the lease expires. */
  async function pausedIn(id: string, before = bed.posts()): Promise<DeliveryOutcome> {
    bed.slack.faults.add({ method: POST, times: 1, kind: 'delay', ms: 1_500 });
    const paused = bed.outbox.deliver(id);
    await eventually(async () => expect(bed.posts()).toBe(before + 1));
    await bed.expireLeases();
    return paused;
  }

  test('takes its own copy back from the channel', async () => {
    const id = await bed.queue({ kind: 'notice' });
    const paused = pausedIn(id);
    await eventually(async () => expect(bed.posts()).toBe(1));
    expect((await deliveredByAnother(id)).kind).toBe('posted');
    expect(await paused).toEqual({ kind: 'nothing' });
    expect(await bed.channel()).toEqual(['first']);
    expect((await bed.row(id)).message_ts).toBe((await bed.root()).ts);
  });

  test('takes its own copy back from a thread', async () => {
    const root = await posted('notice');
    bed.facts.set('two', { text: 'reply' });
    const id = await bed.queue({ kind: 'reply', subject: 'two', root });
    const paused = pausedIn(id);
    expect((await deliveredByAnother(id)).kind).toBe('posted');
    expect(await paused).toEqual({ kind: 'nothing' });
    const { ts } = await bed.root();
    const thread = await bed.slack.thread(bed.slack.channels.alerts, ts);
    expect(thread.map(({ text }) => text)).toEqual(['reply']);
    expect((await bed.row(id)).message_ts).toBe(thread[0]?.ts);
  });

  test('takes its own copy back from the channel in place of one that Slack refused', async () => {
    bed.slack.faults.add({ method: POST, times: 1, kind: 'error', error: 'is_archived' });
    bed.facts.set('one', { text: 'first', route: bed.slack.channels.random });
    const id = await bed.queue({ kind: 'notice' });
    const paused = pausedIn(id, bed.posts() + 1);
    expect((await deliveredByAnother(id)).kind).toBe('posted');
    expect(await paused).toEqual({ kind: 'nothing' });
    expect(await bed.channel()).toEqual([expect.stringContaining('is_archived')]);
    expect((await bed.row(id)).message_ts).toBe((await bed.root()).ts);
  });

  test('takes back what its successor closed', async () => {
    const id = await bed.queue({ kind: 'notice' });
    const paused = pausedIn(id);
    await eventually(async () => expect(bed.posts()).toBe(1));
    bed.facts.set('one', { text: 'first', isOver: true });
    expect((await deliveredByAnother(id)).kind).toBe('closed');
    await paused;
    expect(await bed.channel()).toEqual([]);
  });

  test('leaves its copy if its successor has yet to look for it', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'delay', ms: 500 });
    const paused = bed.outbox.deliver(id);
    await eventually(async () => expect(bed.posts()).toBe(1));
    const successor = { owner: 'successor', durationMs: 40_000 };
    await bed.expireLeases();
    expect(await bed.db.messages.claim(id, successor)).not.toBeNull();
    await paused;
    await bed.expireLeases();
    expect((await deliveredByAnother(id)).kind).toBe('found');
    expect(await bed.channel()).toEqual(['first']);
  });

  test('with a file takes back nothing: its thread’s root least of all', async () => {
    const root = await posted('notice');
    const id = await bed.queue({ kind: 'picture', root });
    bed.slack.faults.add({ method: 'files.completeUploadExternal', times: 1, kind: 'delay', ms: 1_500 });
    const paused = bed.outbox.deliver(id);
    await eventually(async () =>
      expect(bed.slack.calls.some(({ method }) => method === 'files.completeUploadExternal')).toBe(true),
    );
    await bed.expireLeases();
    expect((await deliveredByAnother(id)).kind).toBe('closed');
    await paused;
    expect(await bed.channel()).toContain('first');
  });

  test.each(['notice', 'reply'])('posts no %s if the lease ran out before', async (kind) => {
    const root = await posted('notice');
    const id = await bed.queue({ kind, root });
    const before = bed.posts();
    bed.onGather = async () => {
      await bed.expireLeases();
      await bed.db.messages.claim(id, { owner: 'successor', durationMs: 40_000 });
    };
    expect(await kindOf(id)).toBe('nothing');
    expect(bed.posts()).toBe(before);
  });

  test.each([
    ['notice', 'posted'],
    ['reply', 'posted'],
    ['letter', 'posted'],
    // It can't be searched for, so it is given up after its first attempt.
    ['picture', 'closed'],
  ])('posts no %s once half of its lease has passed', async (kind, later) => {
    const root = await posted('notice');
    bed.facts.set('two', { text: 'second', route: bed.slack.people.engineer.id });
    const id = await bed.queue({ kind, subject: 'two', ...(kind === 'letter' ? {} : { root }) });
    const before = sent();
    bed.onGather = async () => bed.pause(LEASE_MS / 2);
    expect(await bed.outbox.deliver(id)).toMatchObject({ kind: 'failed', error: { code: 'withheld' } });
    expect(sent()).toBe(before);
    bed.onGather = async () => undefined;
    await bed.advance(60_000);
    expect(await kindOf(id)).toBe(later);
  });

  test('posts nothing if half of its lease passed while its claim was being answered', async () => {
    const id = await bed.queue({ kind: 'notice', subject: 'one' });
    const before = sent();
    bed.onClaimed = () => bed.pause(LEASE_MS / 2);
    expect(await bed.outbox.deliver(id)).toMatchObject({ kind: 'failed', error: { code: 'withheld' } });
    expect(sent()).toBe(before);
  });

  test('updates nothing once half of its lease has passed: another may have shown what is newer', async () => {
    const id = await posted('notice');
    await bed.change(id, { text: 'second' });
    bed.onGather = async () => bed.pause(LEASE_MS / 2);
    expect(await bed.outbox.deliver(id)).toMatchObject({ kind: 'failed', error: { code: 'withheld' } });
    expect(await bed.channel()).toEqual(['first']);
    bed.onGather = async () => undefined;
    expect(await kindOf(id)).toBe('updated');
    expect(await bed.channel()).toEqual(['second']);
  });

  /** How often something was sent that others see. */
  const sent = () =>
    bed.slack.calls.filter(({ method }) => method === POST || method === 'files.getUploadURLExternal').length;

  const deliveredByAnother = async (id: string) => {
    await eventually(async () => expect((await bed.row(id)).attempts).toBeGreaterThan(0));
    let outcome = await bed.anotherOutbox().deliver(id);
    await eventually(async () => {
      if (outcome.kind === 'nothing') outcome = await bed.anotherOutbox().deliver(id);
      expect(outcome.kind).not.toBe('nothing');
    });
    return outcome;
  };
});

describe('where it goes', () => {
  test('a channel that Slack refuses is replaced by the alert channel, which is told why', async () => {
    bed.facts.set('one', { text: 'first', route: bed.slack.channels.random });
    const id = await posted('notice');
    const refused = { channel: bed.slack.channels.random, because: 'not_in_channel' };
    expect(await bed.channel()).toEqual([`first ${JSON.stringify(refused)}`]);
    await bed.change(id, { text: 'second', route: bed.slack.channels.random });
    await bed.outbox.deliver(id);
    expect(await bed.channel()).toEqual([`second ${JSON.stringify(refused)}`]);
  });

  test('a message that was lost there is found there', async () => {
    bed.facts.set('one', { text: 'first', route: bed.slack.channels.random });
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'error', error: 'not_in_channel' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('found');
    expect(await bed.channel()).toHaveLength(1);
  });

  test('nothing is above the alert channel: if Slack refuses that, it is tried again', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'error', error: 'is_archived' });
    expect(await kindOf(id)).toBe('failed');
    expect((await bed.row(id)).last_error).toBe("Slack's chat.postMessage failed: is_archived");
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('posted');
  });

  test('a reply waits for its root', async () => {
    const root = await bed.queue({ kind: 'notice' });
    bed.facts.set('two', { text: 'reply' });
    const reply = await bed.queue({ kind: 'reply', subject: 'two', root });
    expect(await kindOf(reply)).toBe('nothing');
    // Both are due: the root is delivered first, and its reply in the same round.
    expect(await bed.db.messages.due(10)).toEqual([root, reply]);
    await bed.outbox.deliver(root);
    expect(await bed.db.messages.due(10)).toEqual([reply]);
    expect(await kindOf(reply)).toBe('posted');
    expect(await bed.thread()).toEqual(['reply']);
  });

  test('a reply goes with a root that was closed', async () => {
    const root = await bed.queue({ kind: 'notice' });
    bed.facts.set('one', { text: 'first', isOver: true });
    bed.facts.set('two', { text: 'reply' });
    const reply = await bed.queue({ kind: 'reply', subject: 'two', root });
    await bed.outbox.deliver(root);
    expect(await kindOf(reply)).toBe('closed');
  });
});

describe('a message that an admin deleted', () => {
  const deleted = async () => bed.slack.deleteMessage(bed.slack.channels.alerts, (await bed.root()).ts);

  test('is posted again if its kind says so, and found again if that post is lost', async () => {
    const id = await posted('notice');
    await deleted();
    await bed.change(id, { text: 'second' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'reset_after' });
    expect(await kindOf(id)).toBe('failed');
    expect((await bed.row(id)).state).toBe('pending');
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('found');
    expect(await bed.channel()).toEqual(['second']);
  });

  test('stays deleted if it has nothing more to say', async () => {
    const id = await posted('notice');
    await deleted();
    await bed.change(id, { text: 'first', isOver: true });
    expect(await kindOf(id)).toBe('closed');
    expect(await bed.channel()).toEqual([]);
  });

  test('stays deleted if its kind says so', async () => {
    const id = await posted('card');
    await deleted();
    await bed.change(id, { text: 'second' });
    expect(await kindOf(id)).toBe('closed');
    expect(await kindOf(id)).toBe('nothing');
    expect(await bed.channel()).toEqual([]);
  });

  test('is noticed by a reply that finds no thread, not only at its next update', async () => {
    const root = await posted('notice');
    await deleted();
    expect(await kindOf(await bed.queue({ kind: 'reply', root }))).toBe('closed');
    expect(await bed.outbox.due(10)).toEqual([root]);
  });

  test('takes with it a reply that was on its way into its thread', async () => {
    const root = await posted('notice');
    await deleted();
    const reply = await bed.queue({ kind: 'reply', root });
    expect(await kindOf(reply)).toBe('closed');
    expect(await bed.channel()).toEqual([]);
  });
});

describe('a failure', () => {
  const updates = () => bed.slack.calls.filter(({ method }) => method === 'chat.update').length;

  test('holds up nothing else', async () => {
    bed.facts.set('two', { text: 'second' });
    const [first, second] = [await bed.queue({ kind: 'notice' }), await bed.queue({ kind: 'notice', subject: 'two' })];
    bed.slack.faults.add({ method: POST, times: 1, kind: 'error', error: 'msg_too_long' });
    expect(await kindOf(first)).toBe('failed');
    expect(await kindOf(second)).toBe('posted');
    expect(await bed.channel()).toEqual(['second']);
  });

  test('of a kind’s own is one, too', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.onGather = () => Promise.reject(new Error('a bug'));
    expect(await bed.outbox.deliver(id)).toMatchObject({ kind: 'failed', error: { message: 'a bug' } });
    expect((await bed.row(id)).last_error).toBe('internal error; the log has its cause');
  });

  test('of an update doesn’t hold up the next: nothing can be doubled by it', async () => {
    const id = await posted('notice');
    await bed.change(id, { text: 'second' });
    bed.slack.faults.add({ method: 'chat.update', times: 1, kind: 'status', status: 500 });
    expect(await kindOf(id)).toBe('failed');
    expect(await bed.db.messages.due(10)).toEqual([]);
    expect(await kindOf(id)).toBe('updated');
    expect(await bed.channel()).toEqual(['second']);
  });

  test('of an update that may yet take effect is outlived by what the next one shows', async () => {
    const id = await posted('notice');
    const { ts } = await bed.root();
    await bed.change(id, { text: 'second' });
    bed.slack.faults.add({ method: 'chat.update', times: 1, kind: 'status', status: 500 });
    expect(await kindOf(id)).toBe('failed');
    await bed.change(id, { text: 'third' });
    expect(await kindOf(id)).toBe('updated');
    expect(updates()).toBe(2);

    // The failed attempt took effect after all, late.
    const client = new WebClient(bed.slack.botToken, { slackApiUrl: bed.slack.apiUrl });
    await client.chat.update({ channel: bed.slack.channels.alerts, ts, text: 'second' });
    await bed.advance(SETTLE_MS + 1);
    expect(await bed.db.messages.due(10)).toEqual([id]);
    expect(await kindOf(id)).toBe('updated');
    expect(await bed.channel()).toEqual(['third']);
    expect(await bed.db.messages.due(10)).toEqual([]);
    expect((await bed.row(id)).attempts).toBe(0);
  });

  test('by Slack’s rate limit waits as long as Slack asked for, and no longer', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'rate_limited', retryAfterSeconds: 30 });
    expect(await kindOf(id)).toBe('failed');
    await bed.advance(25_000);
    expect((await bed.anotherOutbox().deliver(id)).kind).toBe('nothing');
    await bed.advance(6_000);
    expect((await bed.anotherOutbox().deliver(id)).kind).toBe('posted');
  });

  test('in a process whose clock is six hours ahead holds nothing back for six hours', async () => {
    const id = await bed.queue({ kind: 'notice' });
    bed.slack.faults.add({ method: POST, times: 1, kind: 'status', status: 500 });
    jest.useFakeTimers({ now: Date.now() + 6 * 60 * 60_000, doNotFake: REAL });
    try {
      expect(await kindOf(id)).toBe('failed');
    } finally {
      jest.useRealTimers();
    }
    expect((await bed.row(id)).waits).toBeLessThan(31_000);
    await bed.advance(31_000);
    expect(await kindOf(id)).toBe('posted');
  });
});

/** Everything but the date. */
const REAL: FakeableAPI[] = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
];
