import { spawn } from 'node:child_process';
import { startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { createTestClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';

const RCA = 'https://docs.raxx.example/rca';

describe('one message per alert', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', rateLimit: false, databaseClockStands: true });
  });
  afterEach(() => bed.close());

  const channel = () => bed.slack.messages(bed.slack.channels.alerts);
  const posts = () => bed.slack.calls.filter((call) => call.method === 'chat.postMessage').length;
  const messageRows = () =>
    bed.rows.query<{ kind: string; state: string; message_ts: string | null }>(
      'select kind, state, message_ts from flag_promotions.messages order by id',
    );
  /** As if a dead process's lease had expired. */
  const expireLeases = () =>
    bed.rows.query(
      `update flag_promotions.messages set lease_until = flag_promotions.clock() - interval '1 second'
        where lease_owner is not null`,
    );

  test.each([
    ['Slack answers 500', { kind: 'status', status: 500 } as const, 2],
    ['the connection is cut before the post takes effect', { kind: 'reset_before' } as const, 2],
    ['the connection is cut after the post took effect', { kind: 'reset_after' } as const, 1],
    ['Slack refuses', { kind: 'error', error: 'is_archived' } as const, 2],
  ])('if %s', async (_what, fault, expectedPosts) => {
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, ...fault });
    await bed.app.tick();
    expect((await messageRows())[0]?.state).toBe('pending');
    await bed.clock.advance(60_000);
    await bed.app.tick();
    expect(await channel()).toHaveLength(1);
    expect(posts()).toBe(expectedPosts);
    expect(await messageRows()).toEqual([{ kind: 'alert', state: 'posted', message_ts: (await channel())[0]?.ts }]);
  });

  test('an unknown outcome gets 30 s before anything is done about it', async () => {
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_before' });
    await bed.app.tick();
    await bed.clock.advance(29_000);
    await bed.app.tick();
    expect(posts()).toBe(1);
    await bed.clock.advance(2_000);
    await bed.app.tick();
    expect(posts()).toBe(2);
  });

  test('a rate limit is kept to', async () => {
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'rate_limited', retryAfterSeconds: 2 });
    await bed.app.tick();
    await bed.clock.advance(1_900);
    await bed.app.tick();
    expect(posts()).toBe(1);
    await bed.clock.advance(3_000);
    await bed.app.tick();
    expect(await channel()).toHaveLength(1);
  });

  test('that Slack closed the channel for long is a failure, also for what was not sent yet, and no wait for a slot', async () => {
    await bed.rows.insertDeploying({ flagKey: 'first' });
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'rate_limited', retryAfterSeconds: 1_800 });
    await bed.app.tick();
    await bed.rows.insertDeploying({ flagKey: 'second' });
    await bed.clock.advance(60_000);
    const failures = () => bed.logged.filter((line) => line.includes('a maintenance action failed'));
    const before = failures().length;
    await bed.app.tick();
    expect(failures().length).toBe(before + 1);
    expect(posts()).toBe(1);
    const told = await bed.rows.query('select last_error from flag_promotions.messages order by id');
    expect(told).toEqual(Array(2).fill({ last_error: "Slack's chat.postMessage failed: rate_limited" }));
  });

  test('no two claims of one process are the same holder: what outlived its lease writes nothing beside a later one', async () => {
    await bed.rows.query(`
      create table holders (owner text not null);
      create function note_holder() returns trigger language plpgsql as
        $$ begin insert into holders values (new.lease_owner); return new; end $$;
      create trigger note_holder after update on flag_promotions.messages for each row
        when (new.lease_owner is distinct from old.lease_owner and new.lease_owner is not null)
        execute function note_holder()`);
    for (const index of [1, 2, 3]) await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
    await bed.app.tick();
    const holders = await bed.rows.query<{ owner: string }>('select owner from holders');
    expect(holders).toHaveLength(3);
    expect(new Set(holders.map(({ owner }) => owner)).size).toBe(3);
  });

  test('three replicas ticking together, with clocks 30 s apart', async () => {
    const fast = await bed.replica({ clock: createTestClock('2026-05-10T05:00:30Z') });
    const slow = await bed.replica({ clock: createTestClock('2026-05-10T04:59:30Z') });
    for (const index of [1, 2, 3]) await bed.rows.insertDeploying({ flagKey: `flag_${index}` });
    await Promise.all([bed.app, fast, slow].map((replica) => replica.tick()));
    await bed.clock.advance(60_000);
    await bed.app.tick();
    const texts = (await channel()).map((message) => /flag_\d/u.exec(message.text)?.[0]);
    expect(texts.sort()).toEqual(['flag_1', 'flag_2', 'flag_3']);
  });

  test('a process killed between the post and the write: its successor finds the message', async () => {
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'hang', takesEffect: true });
    const child = spawn(process.execPath, [await builtApp(), 'maintenance'], {
      env: {
        PATH: process.env['PATH'],
        ...bed.environment,
      },
    });
    const ended = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
    await eventually(async () => expect(await channel()).toHaveLength(1));
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect((await messageRows())[0]).toMatchObject({ state: 'pending', message_ts: null });

    await bed.app.tick();
    expect((await messageRows())[0]?.state).toBe('pending');
    await expireLeases();
    await bed.app.tick();
    expect(await channel()).toHaveLength(1);
    expect(posts()).toBe(1);
    expect((await messageRows())[0]).toMatchObject({ state: 'posted', message_ts: (await channel())[0]?.ts });
  });

  test('a process that was paused past its lease while posting takes its message back', async () => {
    const successor = await bed.replica();
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'delay', ms: 2_500 });
    const paused = bed.app.tick();
    await eventually(async () => expect(posts()).toBe(1));
    await expireLeases();
    await successor.tick();
    expect((await messageRows())[0]?.state).toBe('posted');
    await paused;
    const messages = await channel();
    expect(messages).toHaveLength(1);
    expect((await messageRows())[0]?.message_ts).toBe(messages[0]?.ts);
  });

  test('an alert of a promotion that ended while Slack was down is never posted', async () => {
    const id = await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: '*', kind: 'status', status: 503 });
    await bed.app.tick();
    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = now() where id = $1`, [
      id,
    ]);
    bed.slack.faults.clear();
    await bed.clock.advance(3_600_000);
    await bed.app.tick();
    expect(await channel()).toHaveLength(0);
    expect((await messageRows())[0]?.state).toBe('closed');
  });

  test('a post with an unknown outcome is found after the promotion ended, and shows that', async () => {
    const id = await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await bed.app.tick();
    await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = now() where id = $1`, [id]);
    await bed.clock.advance(3_600_000);
    await bed.app.tick();
    await bed.clock.advance(60_000);
    await bed.app.tick();
    const [message] = await channel();
    expect(message?.text).toContain('ended as *failed* without an operator');
    expect(posts()).toBe(2);
    expect(await bed.slack.thread(bed.slack.channels.alerts, message?.ts ?? '')).toHaveLength(1);
  });

  test('with Slack down from the warning to the critical, the critical comes alone', async () => {
    await bed.clock.set('2026-05-09T16:30:00Z');
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: '*', kind: 'status', status: 503 });
    await bed.app.tick();
    await bed.clock.set('2026-05-10T04:30:00Z');
    await bed.app.tick();
    bed.slack.faults.clear();
    await bed.clock.advance(3_600_000);
    await bed.app.tick();
    await bed.app.tick();
    const messages = await channel();
    expect(messages.map((message) => message.text)).toEqual([expect.stringContaining('*CRITICAL*')]);
    expect(await messageRows()).toEqual([
      { kind: 'alert', state: 'posted', message_ts: messages[0]?.ts },
      { kind: 'escalation', state: 'closed', message_ts: null },
    ]);
  });

  test('an alert that somebody deleted while the promotion is stuck is posted again', async () => {
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    const [first] = await channel();
    await bed.slack.deleteMessage(bed.slack.channels.alerts, first?.ts ?? '');
    await bed.db.promotions.linkRca({
      promotionId: id,
      url: RCA,
      operatorId: bed.slack.people.superadmin.id,
      at: bed.clock.now(),
    });
    await bed.app.tick();
    await bed.clock.advance(60_000);
    await bed.app.tick();
    const roots = (await channel()).filter((message) => message.threadTs === null);
    expect(roots).toHaveLength(1);
    expect(JSON.stringify(roots[0])).toContain(RCA);
  });

  test('one alert that cannot be posted does not hold up the others', async () => {
    await bed.rows.insertDeploying({ flagKey: 'flag_1', promotedAt: '2026-05-01T00:00:00Z' });
    await bed.rows.insertDeploying({ flagKey: 'flag_2', promotedAt: '2026-05-02T00:00:00Z' });
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
    await bed.app.tick();
    expect((await channel()).map((message) => message.text)).toEqual([expect.stringContaining('flag_2')]);
  });
});
