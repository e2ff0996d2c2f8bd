import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { delivered } from '../support/delivered.js';
import { eventually } from '../support/eventually.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';

describe('what was deployed', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T04:28:00Z', rateLimit: false, environment: LONG_LEASE });
    bed.heroku.setVar(APP, VAR, 'off');
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const posted = async () =>
    (await bed.slack.messages(bed.slack.channels.alerts)).map(({ raw }) => JSON.stringify(raw));
  const audited = async () =>
    (
      await bed.rows.query<{ action: string }>(
        `select replace(action, 'console.flag.promotion.', '') as action from flag_promotions.audit_log
          where action in ('console.flag.promotion.running', 'console.flag.promotion.crashed')`,
      )
    ).map(({ action }) => action);
  const state = async () =>
    (
      await bed.rows.query<{ state: string }>('select state from flag_promotions.verifications order by promotion_id')
    ).map((row) => row.state);
  const asked = () => bed.heroku.requests.filter(({ path }) => path.endsWith('/dynos')).length;
  /** Promoted with a code, and live as v3. */
  async function deploy(value = 'true'): Promise<void> {
    const before = (await bed.rows.query('select 1 from console_flag_promotions')).length;
    await kris().command(`mark ${FLAG} ${APP} ${value}`);
    await kris().waitForEphemeral(({ text }) => text.includes(`promotion ${before + 1}.`));
    await kris().command(`promote ${before + 1}`);
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await bed.rows.query('select state from console_flag_promotions where id = $1', [before + 1])).toEqual([
        { state: 'deployed' },
      ]);
    });
    // The promoter posts this itself: a tick at that time would find the message under way.
    await delivered(bed.rows);
    // The database's clock runs on and is set back by each move: what became due since must be due at the next tick.
    await bed.clock.advance(30_000);
  }
  async function tick(afterMs = 0): Promise<void> {
    await bed.clock.advance(afterMs);
    await bed.app.tick();
  }

  test('is looked at though the database’s clock was set back by hours', async () => {
    await deploy();
    await bed.rows.query(`update flag_promotions.verifications set due_at = due_at + interval '6 hours'`);
    await tick(20_000);
    expect(asked()).toBe(1);
  });

  test('is said to run once every dyno is up at its release, and is not asked about again', async () => {
    bed.heroku.setDynos(APP, [
      { name: 'web.1', state: 'starting' },
      { name: 'web.2' },
      { name: 'run.7', state: 'crashed' },
    ]);
    await deploy();
    await tick();
    expect((await posted())[0]).toContain('is *live*');
    expect(await state()).toEqual(['owed']);
    bed.heroku.setDynos(APP, [
      { name: 'web.1' },
      { name: 'web.2', state: 'idle' },
      { name: 'run.7', state: 'crashed' },
    ]);
    await tick(20_000);
    expect((await posted())[0]).toContain('live · running on 2 of 2 dynos');
    const requests = asked();
    for (let ticks = 0; ticks < 3; ticks += 1) await tick(60_000);
    expect(asked()).toBe(requests);
    expect(await audited()).toEqual(['running']);
    expect(await posted()).toHaveLength(1);
  });

  test('that crashed is told once, with the way back, whichever replica looks', async () => {
    bed.heroku.setDynos(APP, [{ name: 'web.1', state: 'crashed' }, { name: 'web.2' }]);
    await deploy();
    // What is only marked replaces nothing.
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('${FLAG}', '${APP}', '${VAR}', 'marked')`,
    );
    const other = await bed.replica();
    await Promise.all([bed.app.tick(), other.tick()]);
    await tick(60_000);
    const [progress, crashed, ...more] = await posted();
    expect(progress).toContain('live, but web.1 crashed since v3');
    expect(crashed).toContain('*Live, but web.1 crashed since v3*');
    expect(crashed).toContain('"action_id":"revert"');
    expect(more).toEqual([]);
    expect(await audited()).toEqual(['crashed']);

    const message = (await bed.slack.messages(bed.slack.channels.alerts))[1];
    if (message === undefined) throw new Error('Nothing was posted.');
    await bed.clock.advance(30_000);
    await bed.rows.query(`delete from console_flag_promotions where state = 'marked'`);
    await kris().click(message, 'revert');
    await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('*Now*: `true`'));
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => expect((await posted())[1]).toContain('*Revert started*'));
    expect((await posted())[1]).not.toContain('"action_id":"revert"');
  });

  test('that is not up in time is told, and one in a state that nobody knows never counts as up', async () => {
    bed.heroku.setDynos(APP, [{ name: 'web.1', state: 'hibernating' }, { name: 'web.2' }]);
    await deploy();
    for (let minutes = 0; minutes < 8; minutes += 1) await tick(60_000);
    expect(await posted()).toHaveLength(1);
    for (let minutes = 0; minutes < 4; minutes += 1) await tick(60_000);
    const told = await posted();
    expect(told).toHaveLength(2);
    expect(told[1]).toContain('*Live, but web.1 isn’t up (`hibernating`; 1 of 2 dynos are)*');
    expect(await audited()).toEqual(['crashed']);
  });

  test('that somebody reverted meanwhile is told nobody', async () => {
    bed.heroku.setDynos(APP, [{ name: 'web.1', state: 'crashed' }]);
    await deploy();
    await bed.clock.advance(30_000);
    await deploy('false');
    await tick();
    const told = await posted();
    expect(await state()).toEqual(['superseded', 'crashed']);
    expect(told.filter((text) => text.includes('*Live, but'))).toHaveLength(1);
  });

  test.each([
    ['off', true],
    [null, false],
  ])('by the console, with %s before, is told as well, with a way back if there is one: %s', async (before, hasWay) => {
    bed.heroku.setDynos(APP, [{ name: 'web.1', state: 'crashed' }]);
    bed.heroku.setVar(APP, VAR, 'true');
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at, checkpoint, previous_value)
       values ($1, $2, $3, 'deploying', '2026-05-09T04:28:00Z', $4, $5)`,
      [FLAG, APP, VAR, `PENDING_COMMIT:${bed.heroku.releases(APP).at(-1)?.id}`, before],
    );
    await eventually(async () => {
      await bed.clock.advance(30_000);
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    await tick(30_000);
    const [crashed] = await posted();
    expect(crashed).toContain('*Live, but web.1 crashed since v3*');
    expect(crashed?.includes('"action_id":"revert"')).toBe(hasWay);
    expect(await state()).toEqual(['crashed']);
  });

  test('on an app that is scaled to zero is said to run nowhere', async () => {
    bed.heroku.setDynos(APP, [{ name: 'scheduler.1' }]);
    await deploy();
    await tick();
    expect((await posted())[0]).toContain('scaled to zero');
    expect(await audited()).toEqual([]);
  });

  test('is not said to run while the key may not read dynos: that is said once', async () => {
    bed.heroku.faults.add({ path: `/apps/${APP}/dynos`, fault: { kind: 'status', status: 403 } });
    await deploy();
    await tick();
    expect((await posted())[0]).toContain('HEROKU_API_KEY may not read dynos');
    await bed.clock.advance(30_000);
    await deploy('false');
    await tick();
    await eventually(async () => expect((await posted())[1]).toContain('is *live*'));
    const requests = asked();
    await tick(60_000);
    expect(asked()).toBe(requests);
    expect(await posted()).toHaveLength(2);
  });

  test.each([
    ['Heroku is silent', 503],
    ['the app is gone', 404],
    ['the bill is unpaid', 402],
  ] as const)('is called neither running nor crashed while %s, for a day and after', async (_what, status) => {
    const mend = bed.heroku.faults.add({ path: `/apps/${APP}/dynos`, fault: { kind: 'status', status } });
    bed.heroku.setDynos(APP, [{ name: 'web.1', state: 'starting' }]);
    await deploy();
    for (let hours = 0; hours < 20; hours += 1) await tick(3_600_000);
    expect(await state()).toEqual(['owed']);
    mend();
    await tick(3_600_000);
    // This may be the daily restart.
    expect(await state()).toEqual(['owed']);
    await tick(5 * 3_600_000);
    expect(await posted()).toHaveLength(2);
    expect(await state()).toEqual(['late']);
  });
});

test.each([
  ['VERIFY_WITHIN', 'off', []],
  ['HEROKU_REQUESTS_PER_HOUR', '10', [{ state: 'owed' }]],
] as const)('with %s=%s nobody looks, and nothing counts as proven', async (setting, value, verifications) => {
  const bed = await startTestBed({
    startAt: '2026-05-09T04:28:00Z',
    rateLimit: false,
    // Requests are counted by the minute.
    databaseClockStands: true,
    environment: { ...LONG_LEASE, DRIFT_EVERY: 'off', [setting]: value },
  });
  try {
    const { superadmin } = bed.slack.people;
    await superadmin.command(`mark ${FLAG} ${APP}`);
    await superadmin.waitForEphemeral(({ text }) => text.includes('Marked'));
    await superadmin.command(`promote ${FLAG}`);
    await superadmin.waitForModal();
    await superadmin.submit({ code: bed.code(superadmin.id) });
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    for (let ticks = 0; ticks < 3; ticks += 1) {
      await bed.clock.advance(60_000);
      await bed.app.tick();
    }
    expect(bed.heroku.requests.filter(({ path }) => path.endsWith('/dynos'))).toEqual([]);
    expect(await bed.rows.query('select state from flag_promotions.verifications')).toEqual(verifications);
    const [progress] = await bed.slack.messages(bed.slack.channels.alerts);
    expect(progress?.text).toMatch(/is \*live\*$/u);
  } finally {
    await bed.close();
  }
});

test('a promotion that changed nothing, because Heroku had the value long before, is blamed for no crash', async () => {
  const bed = await startTestBed({ startAt: '2026-05-09T04:28:00Z', rateLimit: false, environment: LONG_LEASE });
  const at = new Date('2026-05-08T00:00:00Z');
  bed.heroku.seedRelease({ app: APP, at, user: 'kris@raxx.example', description: 'Set', vars: { [VAR]: 'true' } });
  bed.heroku.setDynos(APP, [{ name: 'web.1', state: 'crashed' }]);
  const { superadmin } = bed.slack.people;
  await superadmin.command(`mark ${FLAG} ${APP}`);
  await superadmin.waitForEphemeral(({ text }) => text.includes('Marked'));
  await superadmin.command(`promote ${FLAG}`);
  await superadmin.waitForModal();
  expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  await eventually(async () => {
    await bed.clock.advance(2_000);
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
  });
  await delivered(bed.rows);
  await bed.clock.advance(30_000);
  await bed.app.tick();
  const told = await bed.slack.messages(bed.slack.channels.alerts);
  expect(told).toHaveLength(1);
  expect(JSON.stringify(told[0]?.raw)).toContain('nothing was set, nothing restarted');
  expect(bed.heroku.requests.filter(({ path }) => path.endsWith('/dynos'))).toEqual([]);
  await bed.close();
});

test('a release that this app made is looked at, however far the database’s clock is ahead of Heroku’s', async () => {
  const bed = await startTestBed({ startAt: '2030-05-09T04:28:00Z', rateLimit: false, environment: LONG_LEASE });
  try {
    bed.heroku.setVar(APP, VAR, 'off');
    await bed.rows.insertDeploying({
      flagKey: FLAG,
      configVar: VAR,
      checkpoint: 'INTENT',
      promotedAt: '2030-05-09T04:28:00Z',
    });
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    expect(await bed.rows.query('select state from flag_promotions.verifications')).toEqual([{ state: 'owed' }]);
  } finally {
    await bed.close();
  }
});
