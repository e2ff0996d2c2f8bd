import { APP, CONFIG_VAR, startTestBed, type TestBed, type TestBedOptions } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** What is reported before it is stuck: what Heroku, or our own promoter, proves. */

const MINUTE = 60_000;
const PROMOTED_AT = '2026-05-09T04:28:00Z';

let bed: TestBed;
afterEach(() => bed.close());

async function start(options: TestBedOptions = {}): Promise<void> {
  bed = await startTestBed({
    startAt: '2026-05-09T04:28:31Z',
    databaseClockStands: true,
    rateLimit: false,
    vars: {},
    ...options,
  });
}
const minute = (minutes: number) => new Date(new Date(PROMOTED_AT).getTime() + minutes * MINUTE);
async function tickAfter(minutes: number, ...ticking: readonly { tick(): Promise<void> }[]): Promise<void> {
  await bed.clock.set(minute(minutes));
  for (const app of [bed.app, ...ticking]) await app.tick();
}
/** Heroku's release of a change, half a minute after it was promoted. */
const released = (vars: Readonly<Record<string, string | null>> = { [CONFIG_VAR]: 'true' }, app = APP) =>
  bed.heroku.seedRelease({
    app,
    at: new Date('2026-05-09T04:28:31Z'),
    user: 'kris@raxx.example',
    description: 'Set config vars',
    vars,
  });
const channel = async () =>
  (await bed.slack.messages(bed.slack.channels.alerts)).filter(({ user }) => user === bed.slack.botUserId);
const texts = async () => (await channel()).map(({ text }) => text);
const noticed = () =>
  bed.rows.query<{ promotion_id: string }>(
    `select promotion_id from flag_promotions.alerts where severity = 'notice' order by promotion_id`,
  );
const looks = () => bed.heroku.requests.filter(({ path }) => path === `/apps/${APP}/config-vars`).length;

describe('a notice', () => {
  test('comes once, pings nobody, offers the buttons, and is listed; whoever completes it ends it', async () => {
    await start();
    released();
    await bed.rows.insertDeploying();
    const replica = await bed.replica();
    await tickAfter(14, replica);
    expect(await texts()).toEqual([]);
    await tickAfter(17, replica);
    await tickAfter(18, replica);
    const [notice, ...others] = await channel();
    expect(others).toEqual([]);
    expect(notice?.text).toContain(':information_source: *Notice* `');
    expect(notice?.text).toContain('It IS live: press Mark completed.');
    expect(JSON.stringify(notice?.raw)).not.toContain('<!here>');
    const { superadmin: kris } = bed.slack.people;
    await kris.command('stuck');
    const list = await kris.waitForEphemeral(({ text }) => text.includes('stuck'));
    expect(list.text).toContain('1 promotion is stuck');
    expect(JSON.stringify(list.blocks)).toContain(':information_source: `');
    if (notice === undefined) throw new Error('No notice was posted.');
    await kris.click(notice, 'mark_completed');
    await kris.waitForModal();
    expect((await kris.submit({ code: bed.code(kris.id) })).kind).toBe('closed');
    await eventually(async () => expect((await texts())[0]).toContain('resolved as *completed*'));
    await tickAfter(13 * 60);
    expect(await texts()).toHaveLength(1);
  });

  test('is acknowledged and snoozed like any alert', async () => {
    await start();
    released();
    await bed.rows.insertDeploying();
    await tickAfter(16);
    const { superadmin: kris } = bed.slack.people;
    await kris.click(await bed.alert(), 'acknowledge');
    await eventually(async () => expect(JSON.stringify((await bed.alert()).raw)).toContain(`<@${kris.id}> on it`));
    await kris.command('snooze console_heroku_log_drain_alerting 4h');
    await eventually(async () => expect(JSON.stringify((await bed.alert()).raw)).toContain('snoozed until'));
  });

  test('tells what somebody else changed since', async () => {
    await start();
    await bed.rows.insertDeploying({ flagKey: 'changed' });
    released({ FLAG_CHANGED: 'true' });
    bed.heroku.setVar(APP, 'FLAG_CHANGED', 'false', 'dana@raxx.example');
    await tickAfter(16);
    expect(await texts()).toEqual([expect.stringContaining('`dana@raxx.example` changed it')]);
  });

  test('waits for the end of the quiet hours, and then tells the warning that it has become', async () => {
    await start({
      environment: (slack) => ({ ALERT_ROUTES: `*=${slack.channels.alerts},quiet=04:00-20:00@UTC` }),
    });
    released();
    await bed.rows.insertDeploying();
    await tickAfter(16);
    await tickAfter(12 * 60);
    expect(await noticed()).toHaveLength(1);
    expect(await texts()).toEqual([]);
    await bed.clock.set('2026-05-09T20:01:00Z');
    await bed.app.tick();
    expect(await texts()).toEqual([expect.stringContaining('*Warning*')]);
    expect(await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).toEqual([]);
  });

  test('that was posted becomes a warning in the quiet hours without a new message, and shows at once that it is resolved', async () => {
    await start({
      environment: (slack) => ({ ALERT_ROUTES: `*=${slack.channels.alerts},quiet=16:00-20:00@UTC` }),
    });
    released();
    await bed.rows.insertDeploying();
    await tickAfter(16);
    await tickAfter(12 * 60);
    expect(await texts()).toEqual([expect.stringContaining('*Warning*')]);
    const { superadmin: kris } = bed.slack.people;
    const alert = await bed.alert();
    expect(await bed.slack.thread(bed.slack.channels.alerts, alert.ts)).toEqual([]);
    await kris.click(alert, 'mark_completed');
    await kris.waitForModal();
    expect((await kris.submit({ code: bed.code(kris.id) })).kind).toBe('closed');
    await eventually(async () => expect((await texts())[0]).toContain('resolved as *completed*'));
    const replies = async () => (await bed.slack.thread(bed.slack.channels.alerts, alert.ts)).map(({ text }) => text);
    // A delivery under way when the clock is moved would lose its lease.
    await eventually(async () => expect(await replies()).toEqual([expect.stringContaining('*completed*')]));
    await bed.clock.set('2026-05-09T20:01:00Z');
    await bed.app.tick();
    expect(await replies()).toHaveLength(1);
  });

  test('that waits is never posted if a person ended it before', async () => {
    await start({
      environment: (slack) => ({ ALERT_ROUTES: `*=${slack.channels.alerts},quiet=04:00-06:00@UTC` }),
    });
    released();
    const id = await bed.rows.insertDeploying();
    await tickAfter(16);
    expect(await noticed()).toHaveLength(1);
    await bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = now() where id = $1`, [
      id,
    ]);
    await tickAfter(3 * 60);
    await tickAfter(13 * 60);
    expect(await texts()).toEqual([]);
  });

  test('of many goes into a group, which becomes warnings', async () => {
    await start({ environment: { ALERT_MESSAGES_PER_HOUR: '2' } });
    released(Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`FLAG_F${n}`, 'true'])));
    for (const n of [1, 2, 3, 4, 5]) await bed.rows.insertDeploying({ flagKey: `f${n}` });
    await tickAfter(16);
    expect(await texts()).toEqual([
      expect.stringContaining('*Notice* `f1`'),
      expect.stringContaining('*Notice* `f2`'),
      expect.stringContaining('*Notice* 3 promotions are stuck'),
    ]);
    await tickAfter(12 * 60);
    await tickAfter(12 * 60 + 1);
    expect((await texts()).slice(0, 3)).toEqual([
      expect.stringContaining('*Warning* `f1`'),
      expect.stringContaining('*Warning* `f2`'),
      expect.stringContaining('*Warning* 3 promotions are stuck'),
    ]);
  });

  test('has AUTO_COMMIT complete what is live', async () => {
    await start({ environment: { AUTO_COMMIT: 'live' } });
    released();
    await bed.rows.insertDeploying();
    await tickAfter(16);
    await tickAfter(17);
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    await eventually(async () => expect((await texts())[0]).toContain('ended as *completed*'));
  });
});

describe('nothing is posted early', () => {
  const quiet = async () => {
    for (const minutes of [16, 18, 31, 61, 200, 719]) await tickAfter(minutes);
    expect(await texts()).toEqual([]);
    expect(await noticed()).toEqual([]);
    // And nothing is lost by it.
    await tickAfter(720);
    expect(await texts()).toHaveLength(1);
  };

  test('while somebody holds it', async () => {
    await start();
    released();
    const id = await bed.rows.insertDeploying();
    await bed.rows.query(
      `update console_flag_promotions set lease_owner = 'console', lease_until = '2026-05-10T00:00:00Z' where id = $1`,
      [id],
    );
    await quiet();
  });

  test('of what nobody set', async () => {
    await start();
    await bed.rows.insertDeploying({ flagKey: 'not_set' });
    await quiet();
  });

  test('of an app that was renamed or deleted', async () => {
    await start();
    await bed.rows.insertDeploying({ app: 'raxx-gone' });
    await quiet();
  });

  test('while Heroku is silent all day; once it answers, what it proves is told', async () => {
    await start();
    released();
    await bed.rows.insertDeploying();
    bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    for (const minutes of [16, 18, 31, 61, 200, 300]) await tickAfter(minutes);
    expect(await texts()).toEqual([]);
    bed.heroku.faults.clear();
    await tickAfter(400);
    expect(await texts()).toEqual([expect.stringContaining('*Notice*')]);
  });

  test('of a promotion that was live before it was promoted', async () => {
    await start();
    released();
    await bed.rows.insertDeploying({ promotedAt: '2026-05-09T05:00:00Z' });
    await tickAfter(60);
    await tickAfter(200);
    expect(await texts()).toEqual([]);
  });
});

describe('a promotion that our own promoter can’t finish', () => {
  test('is posted a quarter of an hour after the first refusal', async () => {
    await start({ vars: {} });
    bed.heroku.faults.add({ fault: { kind: 'status', status: 401 } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT' });
    await eventually(async () =>
      expect(await bed.rows.query('select since from flag_promotions.held_up')).toEqual([
        { since: new Date('2026-05-09T04:28:31Z') },
      ]),
    );
    await tickAfter(15);
    expect(await texts()).toEqual([]);
    await tickAfter(16);
    const [notice, ...others] = (await texts()).filter((text) => text.includes('Notice'));
    expect(notice).toContain('Can’t tell if it’s live: check first.');
    expect(others).toEqual([]);
    expect(JSON.stringify((await channel()).map(({ raw }) => raw))).toContain('Heroku refused the API key');
  });
});

describe('the requests to Heroku', () => {
  test('of a promotion that nothing is proven about are ever fewer', async () => {
    await start();
    await bed.rows.insertDeploying();
    for (let minutes = 15; minutes < 3 * 60; minutes += 1) await tickAfter(minutes);
    // Each minute at first, and every twelve in the end.
    expect(looks()).toBeGreaterThan(15);
    expect(looks()).toBeLessThan(45);
  }, 900_000);

  test('are one look for an app’s rows, of however many replicas', async () => {
    await start();
    for (const n of [1, 2, 3, 4, 5, 6]) await bed.rows.insertDeploying({ flagKey: `f${n}` });
    const replica = await bed.replica();
    bed.heroku.forgetRequests();
    await bed.clock.set(minute(15));
    await Promise.all([bed.app.tick(), replica.tick()]);
    expect(looks()).toBe(1);
    expect(bed.heroku.requests.length).toBeLessThan(5);
  });

  test('keep within HEROKU_REQUESTS_PER_HOUR; what had no turn is told later, and nothing twice', async () => {
    await start({ environment: { HEROKU_REQUESTS_PER_HOUR: '24' } });
    released();
    await bed.rows.insertDeploying();
    for (let n = 0; n < 40; n += 1) await bed.rows.insertDeploying({ flagKey: `f${n}`, app: `raxx-gone-${n}` });
    bed.heroku.forgetRequests();
    await tickAfter(16);
    await tickAfter(17);
    expect(bed.heroku.requests.length).toBeLessThanOrEqual(24);
    for (let minutes = 18; minutes < 60; minutes += 3) await tickAfter(minutes);
    expect(bed.heroku.requests.length).toBeLessThanOrEqual(24);
    for (let minutes = 77; minutes < 6 * 60; minutes += 10) await tickAfter(minutes);
    expect(await noticed()).toHaveLength(1);
    expect(await texts()).toHaveLength(1);
  }, 900_000);

  test('of 10,000 apps are taken up a few at a time, and the tick goes on', async () => {
    await start({ environment: { HEROKU_REQUESTS_PER_HOUR: '50' } });
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, marked_at, promoted_at)
       select 'f' || n, 'raxx-' || n, 'FLAG_F' || n, 'deploying', $1, $1 from generate_series(1, 10000) n`,
      [PROMOTED_AT],
    );
    const before = bed.heroku.requests.length;
    for (const minutes of [16, 17, 18]) await tickAfter(minutes);
    expect(bed.heroku.requests.length - before).toBeLessThanOrEqual(50);
    expect(await texts()).toEqual([]);
    const [row] = await bed.rows.query<{ completed_at: Date }>('select completed_at from flag_promotions.maintenance');
    expect(row?.completed_at).toEqual(minute(18));
  }, 300_000);
});
