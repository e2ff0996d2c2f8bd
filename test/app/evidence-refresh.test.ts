import { APP, CONFIG_VAR, FLAG, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const MINUTE = 60_000;

describe('the evidence of open alerts', () => {
  let bed: TestBed;
  afterEach(() => bed.close());

  /** Critical by now, with these values on Heroku. */
  const start = async (vars: Readonly<Record<string, string>> = { [CONFIG_VAR]: 'true' }) => {
    bed = await startTestBed({ startAt: '2026-05-11T05:00:00Z', rateLimit: false, vars });
  };
  const configVarsRead = () =>
    bed.heroku.requests.filter(({ method, path }) => method === 'GET' && path === `/apps/${APP}/config-vars`).length;
  const minutes = async (count: number, ...ticking: readonly { tick(): Promise<void> }[]) => {
    for (let minute = 0; minute < count; minute += 1) {
      await bed.clock.advance(MINUTE);
      await Promise.all(ticking.map((app) => app.tick()));
    }
  };
  const updates = () => bed.slack.calls.filter(({ method }) => method === 'chat.update').length;
  const thread = async () => {
    const { ts } = await bed.alert();
    return (await bed.slack.thread(bed.slack.channels.alerts, ts)).map(({ text }) => text);
  };
  const shown = async () => JSON.stringify((await bed.alert()).raw);
  const changes = () =>
    bed.rows.query<{ detail: Record<string, unknown> }>(
      `select detail from flag_promotions.audit_log where action like '%verdict_changed' order by id`,
    );

  test('is read by one request per app and period, however many alerts and replicas there are', async () => {
    await start({ FLAG_A: 'true', FLAG_B: 'true', FLAG_C: 'true' });
    for (const flagKey of ['a', 'b', 'c']) await bed.rows.insertDeploying({ flagKey });
    const replica = await bed.replica();
    await bed.app.tick();
    await minutes(1, bed.app);
    bed.heroku.forgetRequests();
    await minutes(60, bed.app, replica);
    expect(configVarsRead()).toBe(12);
    // Nothing changed, so no release was read; only whether live values run.
    expect(bed.heroku.requests).toHaveLength(24);
    expect(await shown()).toContain('running on 2 of 2 dynos');
    // An hour of two replicas' ticks, on however slow a machine.
  }, 900_000);

  test('moves the time of the check on, and posts nothing new', async () => {
    await start();
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const first = await shown();
    expect(first).toContain(`checked <!date^${bed.clock.now().getTime() / 1_000}^`);
    await minutes(5, bed.app);
    const second = await shown();
    expect(second).not.toBe(first);
    expect(second).toContain(`checked <!date^${bed.clock.now().getTime() / 1_000}^`);
    expect(second).toContain('It IS live');
    expect(updates()).toBe(1);
    expect(await thread()).toEqual([]);
    expect(await changes()).toEqual([]);
  });

  test('of a warning is read every quarter of an hour', async () => {
    bed = await startTestBed({ startAt: '2026-05-09T17:00:00Z', rateLimit: false });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    bed.heroku.forgetRequests();
    await minutes(60, bed.app);
    expect(configVarsRead()).toBe(4);
  });

  test('that changed its verdict is said once, with the button, and mentions nobody', async () => {
    await start();
    await bed.rows.insertDeploying();
    const replica = await bed.replica();
    await bed.app.tick();
    bed.heroku.setVar(APP, CONFIG_VAR, 'off', 'dana@raxx.example');
    await minutes(12, bed.app, replica);
    expect(await shown()).toContain('It is NOT live');
    const said = await thread();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('Now *not live*; it was *live*. Press *Mark failed*.');
    expect(said[0]).not.toContain('<!');
    expect(await changes()).toMatchObject([{ detail: { from: 'live', to: 'not_live' } }]);
    bed.heroku.setVar(APP, CONFIG_VAR, 'true', 'dana@raxx.example');
    await minutes(12, bed.app, replica);
    expect(await thread()).toHaveLength(2);
    expect((await thread())[1]).toContain('Press *Mark completed*.');
  });

  test('stands for a while though Heroku fails, and is asked for again at once when it is back', async () => {
    await start();
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const clear = bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await minutes(10, bed.app);
    expect(await shown()).toContain('It IS live');
    await minutes(10, bed.app);
    expect(await shown()).toContain('didn’t answer');
    clear();
    await minutes(6, bed.app);
    expect(await shown()).toContain('It IS live');
    // An outage doesn't change the verdict.
    expect(await thread()).toEqual([]);
  });

  test('is not asked for while Heroku says that it was asked too often', async () => {
    await start();
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const clear = bed.heroku.faults.add({ fault: { kind: 'status', status: 429, retryAfterSeconds: 1_200 } });
    await minutes(5, bed.app);
    bed.heroku.forgetRequests();
    clear();
    await minutes(19, bed.app);
    expect(bed.heroku.requests).toHaveLength(0);
    await minutes(2, bed.app);
    expect(configVarsRead()).toBe(1);
    expect(await shown()).toContain('It IS live');
  });

  test('is of the config var that the row names now', async () => {
    await start({ [CONFIG_VAR]: 'true', FLAG_OTHER: 'off' });
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.rows.query(`update console_flag_promotions set config_var = 'FLAG_OTHER' where id = ${id}`);
    await minutes(5, bed.app);
    expect(await shown()).toContain('`FLAG_OTHER` = `off`');
    expect(await shown()).not.toContain('It IS live');
  });

  test('that Heroku refuses says Heroku’s own reason and the next step', async () => {
    await start();
    bed.heroku.faults.add({ fault: { kind: 'status', status: 402 } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain('Unpaid Heroku bill');
    expect(await shown()).toContain('pay it');
  });

  test('leaves the promoter its share of Heroku’s requests', async () => {
    bed = await startTestBed({ startAt: '2026-05-11T05:00:00Z', rateLimit: false, herokuRequestsPerHour: 900 });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    bed.heroku.forgetRequests();
    await minutes(20, bed.app);
    expect(bed.heroku.requests).toHaveLength(0);
  });

  test('of a group is counted from what is stored', async () => {
    bed = await startTestBed({
      startAt: '2026-05-11T05:00:00Z',
      rateLimit: false,
      environment: { ALERT_MESSAGES_PER_HOUR: '1' },
      vars: { FLAG_A: 'true', FLAG_B: 'true' },
    });
    for (const flagKey of ['first', 'a', 'b', 'c']) await bed.rows.insertDeploying({ flagKey });
    await bed.app.tick();
    const group = async () => (await bed.slack.messages(bed.slack.channels.alerts))[1]?.text;
    expect(await group()).toContain('2 live, 1 not live');
    bed.heroku.forgetRequests();
    bed.heroku.setVar(APP, 'FLAG_C', 'true');
    await minutes(5, bed.app);
    expect(await group()).toContain('3 live');
    expect(bed.heroku.requests).toHaveLength(1);
    await minutes(20, bed.app);
    expect(bed.heroku.requests).toHaveLength(5);
  });
});

describe('what another system does to a row under its open alert', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-11T05:00:00Z', rateLimit: false });
  });
  afterEach(() => bed.close());

  const shown = async () => JSON.stringify((await bed.alert()).raw);
  const thread = async () => {
    const { ts } = await bed.alert();
    return (await bed.slack.thread(bed.slack.channels.alerts, ts)).map(({ text }) => text);
  };
  const tickLater = async () => {
    await bed.clock.advance(MINUTE);
    await bed.app.tick();
  };
  const events = (action: string) =>
    bed.rows.query<{ promotion_id: string; detail: unknown }>(
      `select promotion_id, detail from flag_promotions.audit_log where action = $1 order by id`,
      [`console.flag.promotion.${action}`],
    );
  const left = async () => {
    const [row] = await bed.rows.query<{ n: string }>(
      `select (select count(*) from flag_promotions.alerts) + (select count(*) from flag_promotions.messages
         where promotion_id is not null) + (select count(*) from flag_promotions.attention) as n`,
    );
    return Number(row?.n);
  };

  test('deleting it: the message says so and has no buttons, once, and nothing is left for ever', async () => {
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'acknowledge');
    await superadmin.waitForEphemeral();
    await bed.rows.query('delete from console_flag_promotions');
    await tickLater();
    expect(await shown()).toContain(`\`${FLAG}\` on \`${APP}\`, was *deleted*`);
    expect(await shown()).not.toContain('mark_completed');
    await tickLater();
    await tickLater();
    expect(await thread()).toEqual([expect.stringContaining('was *deleted*')]);
    expect(await events('vanished')).toEqual([{ promotion_id: id, detail: { flag_key: FLAG, heroku_app: APP } }]);
    expect(await left()).toBeGreaterThan(0);
    await bed.clock.advance(400 * 24 * 3_600_000);
    await bed.app.tick();
    expect(await left()).toBe(0);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('giving it another id: the old one vanished, the new one alerts', async () => {
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.rows.query('update console_flag_promotions set id = 4711');
    await tickLater();
    const messages = await bed.slack.messages(bed.slack.channels.alerts);
    expect(messages[0]?.text).toContain('was *deleted*');
    expect(JSON.stringify(messages[1]?.raw)).toContain('Promotion 4711');
  });

  test('a state that this app does not know: said, without buttons, and recorded once', async () => {
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.rows.query('alter table console_flag_promotions drop constraint console_flag_promotions_state');
    await bed.rows.query(`update console_flag_promotions set state = 'rolled_back'`);
    await tickLater();
    expect(await shown()).toContain('its state is now `rolled_back`');
    expect(await shown()).not.toContain('mark_completed');
    await tickLater();
    expect(await events('state_unknown')).toEqual([
      { promotion_id: id, detail: { from: 'deploying', to: 'rolled_back' } },
    ]);
  });

  test('reopening it after a resolution: the new alert says who had resolved it, and when', async () => {
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('Live'));
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    const [row] = await bed.rows.query<{ at: string }>(
      'select floor(extract(epoch from deployed_at))::text as at from console_flag_promotions',
    );
    await tickLater();
    await bed.rows.query(`update console_flag_promotions set state = 'deploying', deployed_at = null`);
    await tickLater();
    const messages = await bed.slack.messages(bed.slack.channels.alerts);
    const last = JSON.stringify(messages.at(-1)?.raw);
    expect(last).toContain('*Reopened.*');
    expect(last).toContain(`had resolved it as completed <!date^${row?.at}^`);
    expect(last).toContain('mark_failed');
  });

  test('deleting it while it is promoted: the progress message says so', async () => {
    const id = await bed.rows.insertDeploying({ promotedAt: bed.clock.now().toISOString() });
    await bed.rows.query(
      `insert into flag_promotions.messages (kind, subject, promotion_id, detail)
       values ('progress', $1::text, $1::bigint, jsonb_build_object('flag_key', '${FLAG}', 'heroku_app', '${APP}'))`,
      [id],
    );
    await bed.app.tick();
    expect(await shown()).toContain('is being promoted');
    await bed.rows.query('delete from console_flag_promotions');
    await tickLater();
    await eventually(async () => expect(await shown()).toContain('was *deleted*'));
    const updates = () => bed.slack.calls.filter(({ method }) => method === 'chat.update').length;
    const before = updates();
    await tickLater();
    expect(updates()).toBe(before);
  });
});
