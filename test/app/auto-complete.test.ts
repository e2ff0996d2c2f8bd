import { APP, CONFIG_VAR, startTestBed, type TestBed } from '../support/app.js';

describe('AUTO_COMMIT', () => {
  let bed: TestBed;
  afterEach(() => bed.close());

  async function start(setting: string): Promise<void> {
    bed = await startTestBed({
      startAt: '2026-05-11T14:18:00Z',
      vars: {},
      rateLimit: false,
      environment: { AUTO_COMMIT: setting },
    });
    bed.heroku.seedRelease({
      app: APP,
      at: new Date('2026-05-09T04:28:31Z'),
      user: 'kris@raxx.example',
      description: `Set ${CONFIG_VAR} config vars`,
      vars: { [CONFIG_VAR]: 'true' },
    });
  }
  const row = async () =>
    (await bed.rows.query('select state, resolved_by, deployed_at, resolution_note from console_flag_promotions'))[0];
  const audited = async () =>
    (
      await bed.rows.query<{ action: string; actor: string }>(
        'select action, actor from flag_promotions.audit_log order by id',
      )
    ).map(({ action, actor }) => `${action.replace('console.flag.promotion.', '')} by ${actor}`);

  test('set to live commits what Heroku proves, says so in the thread, and names no operator', async () => {
    await start('live');
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await row()).toMatchObject({ state: 'deployed', resolved_by: null, deployed_at: bed.clock.now() });
    expect(await audited()).toEqual(['stuck_critical by watchdog', 'recovered by watchdog']);
    const alert = await bed.alert();
    expect(JSON.stringify(alert.raw)).toContain('Found live on Heroku, since release v2 of 2026-05-09 04:28 UTC');
    expect(JSON.stringify(alert.raw)).not.toContain('mark_completed');
    const thread = JSON.stringify(await bed.slack.thread(bed.slack.channels.alerts, alert.ts));
    expect(thread).toContain('Completed by this app (AUTO_COMMIT=live), without a person.');
    const [event] = await bed.rows.query<{ detail: unknown }>(
      `select detail from flag_promotions.audit_log where action like '%recovered'`,
    );
    expect(event?.detail).toMatchObject({ evidence: { verdict: 'live', release: { version: 2 } } });
    await bed.app.tick();
    expect(await audited()).toHaveLength(2);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  });

  test.each([
    ['is off', 'off', {}],
    ['is not set', '', {}],
    ['is live, but the value was there before', 'live', { promotedAt: '2026-05-10T00:00:00Z' }],
    ['is live, but the flag is not', 'live', { configVar: 'FLAG_OTHER' }],
  ])('leaves the row to a person if it %s', async (_what, setting, columns) => {
    await start(setting);
    await bed.rows.insertDeploying(columns);
    await bed.app.tick();
    expect(await row()).toMatchObject({ state: 'deploying', resolution_note: null });
    expect(await audited()).toEqual(['stuck_critical by watchdog']);
  });

  test.each(['INTENT', 'PENDING_COMMIT:x'])('leaves a row at %s to its promoter, whoever asks', async (checkpoint) => {
    await start('live');
    const id = await bed.rows.insertDeploying({ checkpoint, app: 'another-app' });
    const proof = { kind: 'unavailable', checkedAt: bed.clock.now(), reason: 'no_answer' } as const;
    expect(await bed.db.promotions.autoComplete(id, proof, 'note', bed.clock.now())).toBe(false);
    expect(await audited()).toEqual([]);
  });

  test('says nothing into the void: what has no alert in Slack yet is committed once it has', async () => {
    await start('live');
    await bed.rows.insertDeploying();
    const mend = bed.slack.faults.add({ method: 'chat.postMessage', kind: 'status', status: 503 });
    await bed.app.tick();
    expect(await row()).toMatchObject({ state: 'deploying' });
    mend();
    await bed.clock.advance(3_600_000);
    await bed.app.tick();
    expect(await row()).toMatchObject({ state: 'deployed' });
    const thread = JSON.stringify(await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts));
    expect(thread).toContain('without a person.');
  });

  test('asks of each row every five minutes, whoever ticks, and comes to all of them in turn', async () => {
    await start('live');
    const another = await bed.replica();
    for (let n = 0; n < 11; n += 1) {
      await bed.rows.insertDeploying({ flagKey: `not_live_${n}`, configVar: `FLAG_NOT_LIVE_${n}` });
    }
    // The newest, behind ten that can't be proven.
    await bed.rows.insertDeploying();
    const asked = () => bed.heroku.requests.filter(({ path }) => path === `/apps/${APP}/config-vars`).length;
    const states = async () =>
      (await bed.rows.query<{ state: string }>('select state from console_flag_promotions order by id')).map(
        ({ state }) => state,
      );
    await bed.app.tick();
    expect(await states()).not.toContain('deployed');
    await bed.clock.advance(60_000);
    const before = asked();
    await Promise.all([bed.app.tick(), another.tick()]);
    expect((await states()).at(-1)).toBe('deployed');
    // The two that are left, and the group, which counts its verdicts again.
    expect(asked() - before).toBeLessThanOrEqual(3);
    await bed.clock.advance(60_000);
    await Promise.all([bed.app.tick(), another.tick()]);
    expect(asked() - before).toBeLessThanOrEqual(3);
    await bed.clock.advance(5 * 60_000);
    await bed.app.tick();
    expect(asked() - before).toBeGreaterThanOrEqual(10);
  });

  test('commits nothing that is not told of yet, and from the notice on what is', async () => {
    await start('live');
    await bed.clock.set('2026-05-09T04:42:00Z');
    await bed.rows.insertDeploying();
    await bed.app.tick();
    expect(await row()).toMatchObject({ state: 'deploying' });
    await bed.clock.set('2026-05-09T04:43:30Z');
    await bed.app.tick();
    expect(await row()).toMatchObject({ state: 'deployed', resolved_by: null });
    expect(await audited()).toEqual(['stuck_notice by watchdog', 'recovered by watchdog']);
  });
});
