import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';

describe('the progress message', () => {
  let bed: TestBed;
  beforeEach(async () => {
    // Whether it runs, which is shown after *live*, is tested in running.test.ts.
    const environment = { ...LONG_LEASE, VERIFY_WITHIN: 'off' };
    bed = await startTestBed({ startAt: '2026-05-09T04:28:00Z', rateLimit: false, environment });
  });
  afterEach(() => bed.close());

  /** Marked and promoted by the superadmin, through Slack. */
  async function promote(): Promise<void> {
    const { superadmin } = bed.slack.people;
    await superadmin.command(`mark ${FLAG} ${APP}`);
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    await superadmin.command(`promote ${FLAG}`);
    // On a busy machine a placeholder comes first.
    await superadmin.waitForModal(hasCode);
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  }
  const hasCode = (view: { readonly blocks: readonly unknown[] }) => JSON.stringify(view.blocks).includes('"code"');
  const messages = () => bed.slack.messages(bed.slack.channels.alerts);
  async function shown(): Promise<string> {
    const all = await messages();
    expect(all).toHaveLength(1);
    return JSON.stringify(all[0]?.raw);
  }
  const shows = (...parts: readonly string[]) =>
    eventually(async () => {
      await bed.clock.advance(3_000);
      const text = await shown();
      for (const part of parts) expect(text).toContain(part);
    });

  test('is one, and goes through its steps in place, with times', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await promote();
    await shows(
      'is being promoted',
      '*Promoted by*',
      '*Heroku accepted*: as release v2, <!date^',
      'release v2 is running; the dynos restart once it has succeeded',
    );
    expect(await shown()).not.toContain('*Live*');
    bed.heroku.finishRelease(APP, 'succeeded');
    await shows('is *live*', '*Promoted by*', '*Heroku accepted*', '*Live*: seen <!date^');
    expect(await shown()).not.toContain('is running');
  });

  test('tells why it failed', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'fail');
    await promote();
    await shows('promoting it *failed*', `release v2, which was to set ${VAR}, failed`);
  });

  test('a value that Heroku refuses fails with Heroku’s word for it, and is not sent again', async () => {
    bed.heroku.faults.add({ method: 'PATCH', fault: { kind: 'status', status: 422 } });
    await promote();
    await shows('promoting it *failed*', 'Heroku refused the request');
    expect(bed.heroku.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  test('tells what holds it up, and that it goes on by itself', async () => {
    const clear = bed.heroku.faults.add({ method: 'PATCH', fault: { kind: 'status', status: 503 } });
    await promote();
    await shows('*Held up*; this app keeps trying', 'status 503');
    clear();
    await shows('is *live*');
    expect(await shown()).not.toContain('Held up');
  });

  test('does not claim that Heroku was made to do what it did long before', async () => {
    bed.heroku.seedRelease({
      app: APP,
      at: new Date('2026-05-08T00:00:00Z'),
      user: 'kris@raxx.example',
      description: `Set ${VAR} config vars`,
      vars: { [VAR]: 'true' },
    });
    await promote();
    await shows('is *live*', '*Heroku had it already*, since release v2');
  });

  test('tells of a drift, with the buttons for the person who decides, who then is the one it names', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await promote();
    await shows('is running');
    bed.heroku.finishRelease(APP, 'succeeded');
    bed.heroku.setReleaseBehaviour(APP, 'instant');
    bed.heroku.setVar(APP, VAR, 'off');
    await shows('*changed on Heroku since*', 'Somebody changed it on Heroku since', 'mark_failed');
    expect(bed.heroku.getVar(APP, VAR)).toBe('off');

    const [message] = await messages();
    if (message === undefined) throw new Error('There is no message.');
    const { superadmin } = bed.slack.people;
    await superadmin.click(message, 'mark_failed');
    await superadmin.waitForModal();
    await bed.clock.advance(30_000);
    const outcome = await superadmin.submit({ code: bed.code(superadmin.id), note: 'switched off by hand' });
    expect(outcome.kind).toBe('closed');
    await shows('was resolved as *failed*', 'switched off by hand');
    expect(await shown()).not.toContain('mark_failed');
  });

  test('tells of a drift even if another system began', async () => {
    bed.heroku.setVar(APP, VAR, 'true');
    const released = bed.heroku.releases(APP).at(-1)?.id;
    bed.heroku.setVar(APP, VAR, 'off');
    await bed.rows.insertDeploying({
      flagKey: FLAG,
      checkpoint: `PENDING_COMMIT:${released}`,
      promotedAt: '2026-05-09T04:28:00Z',
    });
    await shows('*Heroku has another value*', 'This app leaves it as it is; you decide');
    expect(await shown()).not.toContain('Somebody');
    await bed.app.tick();
    expect(await messages()).toHaveLength(1);
  });

  test('follows an end that another system wrote', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await promote();
    await shows('is running');
    await bed.rows.query(`update console_flag_promotions set state = 'cancelled'`);
    await bed.app.tick();
    await shows('ended as *cancelled* without an operator');
  });

  test('is posted once, whatever became of the answer', async () => {
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await promote();
    await eventually(async () => {
      await bed.clock.advance(60_000);
      await bed.app.tick();
      expect(await shown()).toContain('is *live*');
    });
  });

  test('survives that nobody delivered it: the next tick does', async () => {
    const clear = bed.slack.faults.add({ method: 'chat.postMessage', kind: 'reset_before' });
    await promote();
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    expect(await messages()).toEqual([]);
    clear();
    await bed.clock.advance(15 * 60_000);
    await bed.app.tick();
    await shows('is *live*', '*Promoted by*', '*Heroku accepted*');
  });

  test('that somebody deleted is not posted again', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await promote();
    await shows('is running');
    const [message] = await messages();
    await bed.slack.deleteMessage(bed.slack.channels.alerts, message?.ts ?? '');
    bed.heroku.finishRelease(APP, 'succeeded');
    await eventually(async () => {
      await bed.clock.advance(3_000);
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    await bed.app.tick();
    expect(await messages()).toEqual([]);
  });

  test('is not written for what the console promotes', async () => {
    bed.heroku.setVar(APP, VAR, 'true');
    await bed.rows.insertDeploying({
      flagKey: FLAG,
      checkpoint: 'PENDING_COMMIT:',
      promotedAt: '2026-05-09T04:28:00Z',
    });
    await eventually(async () => {
      await bed.clock.advance(3_000);
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    await bed.app.tick();
    expect(await messages()).toEqual([]);
  });
});

test('a progress message shows what was committed after its last look, before its lease was given back', async () => {
  const bed = await startTestBed({ startAt: '2026-05-09T04:28:00Z', withoutHeroku: true, rateLimit: false });
  try {
    const id = await bed.rows.insertDeploying({ flagKey: FLAG, checkpoint: 'INTENT' });
    await bed.rows.query(
      `insert into flag_promotions.messages (kind, subject, promotion_id) values ('progress', $1::text, $1::bigint)`,
      [id],
    );
    // Another connection's commit, exactly when its own delivery finds the row leased.
    await bed.rows.query(`
      create function commit_before_release() returns trigger language plpgsql as $$ begin
        update console_flag_promotions set state = 'deployed', deployed_at = now() where state = 'deploying';
        if found then new.wanted := new.wanted + 1; end if;
        return new;
      end $$;
      create trigger commit_before_release before update on flag_promotions.messages for each row
        when (old.lease_owner is not null and new.lease_owner is null) execute function commit_before_release()`);
    await bed.app.tick();
    const messages = await bed.slack.messages(bed.slack.channels.alerts);
    expect(messages).toHaveLength(1);
    expect(messages[0]?.text).toContain('is *live*');
  } finally {
    await bed.close();
  }
});
