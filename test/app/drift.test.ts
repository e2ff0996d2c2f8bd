import { APP, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { delivered } from '../support/delivered.js';
import { eventually } from '../support/eventually.js';

const FLAG = 'dark_mode';
const VAR = 'FLAG_DARK_MODE';
const HOUR = 3_600_000;

describe('what is deployed', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      startAt: '2026-05-09T04:28:00Z',
      rateLimit: false,
      environment: { ...LONG_LEASE, VERIFY_WITHIN: 'off' },
    });
    bed.heroku.setVar(APP, VAR, 'off');
  });
  afterEach(() => bed.close());

  const kris = () => bed.slack.people.superadmin;
  const messages = () => bed.slack.messages(bed.slack.channels.alerts);
  const posted = async () => (await messages()).map(({ raw }) => JSON.stringify(raw));
  /** Once nothing is under way: a tick leaves out a message that something else, such as a click, is working on. */
  const everything = async () => {
    await delivered(bed.rows);
    return (await bed.slack.everything(bed.slack.channels.alerts)).map((message) => JSON.stringify(message));
  };
  const told = async () => (await everything()).filter((text) => text.includes('changed on Heroku since'));
  const audited = async () =>
    (
      await bed.rows.query<{ action: string }>(
        `select replace(action, 'console.flag.promotion.', '') as action from flag_promotions.audit_log
          where action like '%drift%' order by id`,
      )
    ).map(({ action }) => action);
  const requests = () => bed.heroku.requests.filter(({ method }) => method === 'GET').map(({ path }) => path);
  async function deploy(value = 'true'): Promise<void> {
    const id = (await bed.rows.query('select 1 from console_flag_promotions')).length + 1;
    await kris().command(`mark ${FLAG} ${APP} ${value}`);
    await kris().waitForEphemeral(({ text }) => text.includes(`promotion ${id}.`));
    await kris().command(`promote ${id}`);
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await deployed(id);
  }
  async function deployed(id: number): Promise<void> {
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(await bed.rows.query('select state from console_flag_promotions where id = $1', [id])).toEqual([
        { state: 'deployed' },
      ]);
    });
    await bed.clock.advance(30_000);
  }
  async function tick(afterMs = HOUR): Promise<void> {
    await bed.clock.advance(afterMs);
    await bed.app.tick();
  }
  async function drifted() {
    const found = (await bed.slack.everything(bed.slack.channels.alerts)).findLast((message) =>
      JSON.stringify(message).includes('"action_id":"accept_drift"'),
    );
    if (found === undefined) throw new Error('No drift was told.');
    return found;
  }

  test('costs one request an hour while nothing changes', async () => {
    await deploy();
    await tick();
    bed.heroku.forgetRequests();
    for (let hours = 0; hours < 3; hours += 1) await tick();
    expect(requests()).toEqual(Array(3).fill(`/apps/${APP}/releases`));
    await tick(60_000);
    expect(requests()).toHaveLength(3);
    // A release of something else: one more request, for the value.
    bed.heroku.setVar(APP, 'OTHER', 'x');
    bed.heroku.forgetRequests();
    await tick();
    expect(requests()).toEqual([`/apps/${APP}/releases`, `/apps/${APP}/config-vars`]);
    expect(await told()).toEqual([]);
  });

  test('and changed on Heroku is told once, in its thread and the channel, with who did it', async () => {
    await deploy();
    await tick();
    bed.heroku.setVar(APP, VAR, 'false', 'sam@raxx.example');
    const other = await bed.replica();
    await bed.clock.advance(HOUR);
    await Promise.all([bed.app.tick(), other.tick()]);
    await tick();
    await tick();
    const [only, ...more] = await told();
    expect(only).toContain('by `sam@raxx.example` in v4');
    expect(only).toContain('= `false` (promoted: `true`)');
    expect(more).toEqual([]);
    expect(await drifted()).toMatchObject({ threadTs: (await messages())[0]?.ts });
    expect(await audited()).toEqual(['drifted']);
  });

  test('is accepted by any operator, and posted again only if it changes again', async () => {
    const { engineer } = bed.slack.people;
    await bed.enrol(engineer.id, 'engineer');
    await deploy();
    await tick();
    bed.heroku.setVar(APP, VAR, 'false');
    await tick();
    await engineer.click(await drifted(), 'accept_drift');
    await engineer.waitForEphemeral(({ text }) => text.includes('*Accepted*'));
    await eventually(async () => expect((await told())[0]).toContain('*Accepted*'));
    expect((await told())[0]).not.toContain('accept_drift');
    expect(await audited()).toEqual(['drifted', 'drift_accepted']);
    bed.heroku.setVar(APP, 'OTHER', 'x');
    await tick();
    expect(await told()).toHaveLength(1);
    bed.heroku.setVar(APP, VAR, 'on');
    await tick();
    expect(await told()).toHaveLength(2);
    // It holds again, by hand: that isn't news, and the message says so.
    bed.heroku.setVar(APP, VAR, 'true');
    await tick();
    expect((await told())[1]).toContain('*Over*: Heroku has the promoted value again');
    expect(await told()).toHaveLength(2);
  });

  test('is set again by a promotion of its own, with a code', async () => {
    await deploy();
    await tick();
    bed.heroku.setVar(APP, VAR, 'false');
    await tick();
    await kris().click(await drifted(), 'set_again');
    const form = await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('*Now*: `false`'));
    expect(JSON.stringify(form.blocks)).toContain('*After*: `true`');
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await deployed(2);
    expect(bed.heroku.getVar(APP, VAR)).toBe('true');
    await eventually(async () => expect((await told())[0]).toContain('*Set again*'));
    await tick();
    await tick();
    expect(await told()).toHaveLength(1);
  });

  test('has its buttons again when setting it again failed', async () => {
    await deploy();
    await tick();
    bed.heroku.setVar(APP, VAR, 'false');
    await tick();
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await kris().click(await drifted(), 'set_again');
    await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('*Now*: `false`'));
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(bed.heroku.releases(APP).at(-1)?.status).toBe('pending');
    });
    await eventually(async () => expect((await told())[0]).toContain('*Set again*'));
    bed.heroku.finishRelease(APP, 'failed');
    await eventually(async () => {
      await bed.clock.advance(30_000);
      expect(await bed.rows.query('select state from console_flag_promotions where id = 2')).toEqual([
        { state: 'failed' },
      ]);
    });
    // The promoter posts this itself: a tick at that time would find the message under way.
    await delivered(bed.rows);
    await tick();
    const [again] = await told();
    expect(again).toContain('"action_id":"accept_drift"');
    expect(again).not.toContain('*Set again* by');
    const progress = JSON.stringify((await messages())[0]?.raw);
    expect(progress).toContain('"action_id":"revert"');
    expect(progress).not.toContain('*Set again* by');
  });

  test('loses its buttons once it is promoted again, and no other message’s button accepts it', async () => {
    await deploy();
    await tick();
    bed.heroku.setVar(APP, VAR, 'false');
    await tick();
    const before = await drifted();
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await kris().command(`mark ${FLAG} ${APP} on`);
    await kris().waitForEphemeral(({ text }) => text.includes('promotion 2.'));
    await kris().command('promote 2');
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await tick();
    expect((await told())[0]).not.toContain('accept_drift');
    expect((await told())[0]).toContain('A later promotion replaced this one, or is running');
    await kris().click(before, 'accept_drift');
    await kris().waitForEphemeral(({ text }) =>
      text.includes('Nothing to accept: a later promotion replaced this one'),
    );
    expect(await audited()).toEqual(['drifted']);
    bed.heroku.finishRelease(APP, 'failed');
    await eventually(async () => {
      await bed.clock.advance(30_000);
      expect(await bed.rows.query('select state from console_flag_promotions where id = 2')).toEqual([
        { state: 'failed' },
      ]);
    });
    await tick();
    expect((await told())[0]).toContain('accept_drift');
  });

  test('and reverted, promoted again or under way by a person is no drift', async () => {
    await deploy();
    await tick();
    await kris().command('revert 1');
    await kris().waitForModal((view) => JSON.stringify(view.blocks).includes('*Now*: `true`'));
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await deployed(2);
    await tick();
    await deploy('on');
    await tick();
    // Its release phase runs for hours.
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await kris().command(`mark ${FLAG} ${APP} false`);
    await kris().waitForEphemeral(({ text }) => text.includes('promotion 4.'));
    await kris().command('promote 4');
    await kris().waitForModal();
    expect((await kris().submit({ code: bed.code(kris().id) })).kind).toBe('closed');
    await eventually(async () => {
      await bed.clock.advance(2_000);
      expect(bed.heroku.releases(APP).at(-1)?.status).toBe('pending');
    });
    await tick();
    await tick();
    expect(await told()).toEqual([]);
    bed.heroku.finishRelease(APP, 'succeeded');
    await deployed(4);
    await tick();
    expect(await told()).toEqual([]);
    expect(await audited()).toEqual([]);
  });

  test('for years is told in one message, with buttons for each flag', async () => {
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, target_value, deployed_at)
       select 'old_' || n, '${APP}', 'FLAG_OLD_' || n, 'deployed', 'true', '2025-01-01' from generate_series(1, 4) n`,
    );
    bed.heroku.setVar(APP, 'FLAG_OLD_4', 'true');
    await tick();
    const [only, ...more] = await posted();
    expect(only).toContain('3 deployed flags were *changed on Heroku since*');
    expect(only?.match(/"action_id":"accept_drift"/gu)).toHaveLength(3);
    expect(more).toEqual([]);
    await tick();
    expect(await posted()).toHaveLength(1);
    const [message] = await messages();
    if (message === undefined) throw new Error('Nothing was told.');
    await kris().click(message, 'accept_drift');
    await eventually(async () => expect((await posted())[0]).toContain('*Accepted*'));
  });

  test('is left in peace while Heroku is silent, the app is gone, or nobody may look', async () => {
    await deploy();
    await tick();
    bed.heroku.setVar(APP, VAR, 'false');
    for (const status of [503, 404, 403] as const) {
      const mend = bed.heroku.faults.add({ path: `/apps/${APP}/releases`, fault: { kind: 'status', status } });
      for (let hours = 0; hours < 8; hours += 1) await tick();
      mend();
      expect(await told()).toEqual([]);
    }
    await tick();
    expect(await told()).toHaveLength(1);
  });

  test('and changed by nobody who is proven names nobody', async () => {
    for (let n = 0; n < 12; n += 1) bed.heroku.setVar(APP, 'OTHER', String(n));
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, target_value, deployed_at)
       values ('old', '${APP}', 'FLAG_OLD', 'deployed', 'true', '2025-01-01')`,
    );
    await tick();
    expect((await told())[0]).toContain('nobody is proven to have changed it');
    expect((await told())[0]).not.toContain('someone.else@raxx.example');
  });
});

describe('what is deployed, by the record alone,', () => {
  let bed: TestBed;
  beforeEach(async () => {
    // Later than Heroku's releases, except for those to which a test gives a date.
    bed = await startTestBed({
      startAt: '2030-05-09T04:28:00Z',
      rateLimit: false,
      vars: { FLAG_X: 'true', FLAG_Y: 'true' },
    });
    await insert('x', 'deployed', 'true');
    await insert('y', 'deployed', 'true');
    await tick();
  });
  afterEach(() => bed.close());

  async function insert(flag: string, state: string, target: string): Promise<string> {
    const [row] = await bed.rows.query<{ id: string }>(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, target_value, promoted_at, deployed_at, failed_at)
       values ($1, $2, 'FLAG_' || upper($1), $3, $4, flag_promotions.clock(), flag_promotions.clock(),
               case when $3 = 'failed' then flag_promotions.clock() end) returning id`,
      [flag, APP, state, target],
    );
    return row?.id ?? '';
  }
  async function tick(): Promise<void> {
    await bed.clock.advance(HOUR);
    await bed.app.tick();
  }
  const told = async () => {
    await delivered(bed.rows);
    return (await bed.slack.everything(bed.slack.channels.alerts))
      .map((message) => JSON.stringify(message))
      .filter((text) => text.includes('changed on Heroku since'));
  };

  test('and changed while a later promotion was under way is told when that failed', async () => {
    const later = await insert('x', 'deploying', 'false');
    bed.heroku.setVar(APP, 'FLAG_X', null);
    await tick();
    expect(await told()).toEqual([]);
    await bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [later]);
    await tick();
    expect(await told()).toHaveLength(1);
  });

  test('is changed by who sets what a failed promotion never set', async () => {
    await insert('x', 'failed', 'false');
    bed.heroku.setVar(APP, 'FLAG_X', 'false');
    await tick();
    expect(await told()).toHaveLength(1);
  });

  test('is not changed by what this app set and somebody marked failed, but by whoever sets that again', async () => {
    bed.heroku.setVar(APP, 'FLAG_X', 'false');
    const failed = await insert('x', 'failed', 'false');
    await bed.rows.query(
      `insert into flag_promotions.audit_log (at, action, actor, promotion_id, detail)
       values (now(), 'console.flag.promotion.heroku_patching', 'promoter', $1, '{}')`,
      [failed],
    );
    await tick();
    expect(await told()).toEqual([]);
    const byHand = { app: APP, user: 'sam@raxx.example', description: 'Set' };
    bed.heroku.seedRelease({ ...byHand, at: new Date('2030-05-10T00:00:00Z'), vars: { FLAG_X: 'true' } });
    bed.heroku.seedRelease({ ...byHand, at: new Date('2030-05-11T00:00:00Z'), vars: { FLAG_X: 'false' } });
    await tick();
    const [only] = await told();
    expect(only).toContain('by `sam@raxx.example` in v');
  });
});
