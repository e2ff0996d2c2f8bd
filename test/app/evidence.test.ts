import { APP, CONFIG_VAR, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

let bed: TestBed;
const start = (patience?: number) =>
  startTestBed({
    startAt: '2026-05-11T14:18:00Z',
    vars: {},
    rateLimit: false,
    databaseClockStands: true,
    ...(patience === undefined ? {} : { patience }),
  });
afterEach(() => bed.close());

const release = (at: string, user: string, value: string | null) =>
  bed.heroku.seedRelease({
    app: APP,
    at: new Date(at),
    user,
    description: `Set ${CONFIG_VAR} config vars`,
    vars: { [CONFIG_VAR]: value },
  });
const shown = async () => JSON.stringify((await bed.alert()).raw);

describe('the evidence beside the decision', () => {
  beforeEach(async () => {
    bed = await start();
  });

  /** What runs would take the place of when it went live. */
  const dynosAreSecret = () =>
    bed.heroku.faults.add({ path: `/apps/${APP}/dynos`, fault: { kind: 'status', status: 403 } });

  test('says of the incident since when it was live, and by whom', async () => {
    const { version } = release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    bed.heroku.seedRelease({
      app: APP,
      at: new Date('2026-05-10T00:00:00Z'),
      user: 'ci@raxx.example',
      description: 'Deploy',
      vars: { X: '1' },
    });
    dynosAreSecret();
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain(`|v${version} ↗> (<!date^1778300911^`);
    expect(await shown()).toContain(', `kris@raxx.example`)');
    expect(await shown()).not.toContain('or earlier');
    // The two that carry it and the one before: older ones add nothing.
    const asked = bed.heroku.requests.filter(({ path }) => /releases\/[^/]+\/config-vars/u.test(path));
    expect(asked).toHaveLength(3);
  });

  test('says who changed it since, and lets nobody complete that by a slip', async () => {
    release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    const { version } = release('2026-05-10T09:00:00Z', 'dana@raxx.example', 'off');
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain('NOT live: `dana@raxx.example` changed it.');
    expect(await shown()).toContain(`|v${version} ↗>`);
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('Heroku says that it *is not live*'));
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('not_sent');
    const outcome = await superadmin.submit({ code: bed.code(superadmin.id), confirmation: ['confirmed'] });
    expect(outcome.kind).toBe('closed');
    const [event] = await bed.rows.query<{ detail: unknown }>(
      `select detail from flag_promotions.audit_log where action like '%ops_complete'`,
    );
    expect(event?.detail).toMatchObject({ evidence_shown: { verdict: 'changed_since', release: { version } } });
  });

  test('names nobody who made what proves nothing: it is not live, and others’ releases are others’', async () => {
    release('2026-05-06T09:00:00Z', 'dana@raxx.example', 'off');
    release('2026-05-10T09:00:00Z', 'ci@raxx.example', 'off');
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain('It is NOT live');
    expect(await shown()).not.toMatch(/dana|ci@raxx/u);
    expect(await shown()).toContain('press Mark failed.');
  });

  test('that doesn’t fit together, because a release came in between, is read once more', async () => {
    bed.heroku.faults.add({ path: `/apps/${APP}/releases`, times: 1, fault: { kind: 'delay', ms: 500 } });
    await bed.rows.insertDeploying();
    const ticking = bed.app.tick();
    await eventually(async () =>
      expect(
        bed.heroku.requests.some(({ path, status }) => path === `/apps/${APP}/config-vars` && status === 200),
      ).toBe(true),
    );
    release('2026-05-11T14:18:00Z', 'kris@raxx.example', 'true');
    await ticking;
    expect(await shown()).toContain('It IS live');
    expect(await shown()).not.toContain('changed it');
  });

  test('is added whenever Heroku is back, however long it was silent, without knocking at each tick', async () => {
    release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    const clear = bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    await bed.app.tick();
    const updates = () => bed.slack.calls.filter(({ method }) => method === 'chat.update').length;
    await bed.clock.advance(60_000);
    await bed.app.tick();
    expect(updates()).toBe(1);
    await bed.clock.advance(5 * 60_000);
    await bed.app.tick();
    expect(updates()).toBe(2);
    expect(await shown()).toContain('Heroku didn’t answer');
    clear();
    await bed.clock.advance(6 * 60_000);
    await bed.app.tick();
    expect(await shown()).toContain('It IS live');
    expect(updates()).toBe(3);
    await bed.app.tick();
    expect(updates()).toBe(3);
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(1);
  });

  test('is complete in the list of what is stuck, too', async () => {
    const { version } = release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    await bed.rows.insertDeploying();
    await bed.rows.insertDeploying({ flagKey: 'nowhere', app: 'no-such-app' });
    const { engineer } = bed.slack.people;
    await engineer.command('stuck');
    const list = JSON.stringify((await engineer.waitForEphemeral()).blocks);
    expect(list).toContain(`*Live.* \`${CONFIG_VAR}\` = \`true\` since `);
    expect(list).toContain(`|v${version} ↗> (<!date^1778300911^`);
    expect(list).toContain(', `kris@raxx.example`)');
    expect(list).toContain('→ Press *Mark completed*');
    expect(list).toContain(`_Checked <!date^${bed.clock.now().getTime() / 1_000}^`);
    expect(list).toContain('No access to this app');
  });

  test('tells a lost write apart', async () => {
    // The promoter would finish such a row at once, so another holder, as if paused, keeps it away.
    release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    dynosAreSecret();
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at, lease_owner, lease_until)
       values ('held', '${APP}', '${CONFIG_VAR}', 'deploying', 'PENDING_COMMIT:not-a-release', '2026-05-09T04:28:00Z', 'paused', flag_promotions.clock() + interval '1 hour')`,
    );
    await bed.app.tick();
    await eventually(async () =>
      expect(await shown()).toMatch(/ ↗> \(<!date\^1778300911\^[^>]*>, `kris@raxx\.example`\), but never recorded/u),
    );
  });
});

describe('evidence of which Heroku answers some only once nobody waits for it', () => {
  beforeEach(async () => {
    bed = await start(1);
  });

  test('is the value alone if Heroku does not tell of its releases', async () => {
    release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    bed.heroku.faults.add({ path: `/apps/${APP}/releases`, fault: { kind: 'hang' } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain('It IS live');
    expect(await shown()).not.toMatch(/since (?!an unknown release)[^<]*v\d/u);
  });

  test('that comes too late for the alert is added to it by the next tick', async () => {
    release('2026-05-09T04:28:31Z', 'kris@raxx.example', 'true');
    const clear = bed.heroku.faults.add({ fault: { kind: 'hang' } });
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await shown()).toContain('Heroku didn’t answer');
    clear();
    await bed.clock.advance(60_000);
    await bed.app.tick();
    expect(await shown()).toContain('It IS live');
    const updates = () => bed.slack.calls.filter(({ method }) => method === 'chat.update').length;
    expect(updates()).toBe(1);
    await bed.app.tick();
    expect(updates()).toBe(1);
    // From then on, it is refreshed like any other.
    await bed.clock.advance(5 * 60_000);
    await bed.app.tick();
    expect(updates()).toBe(2);
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(1);
  });
});
