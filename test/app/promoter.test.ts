import { APP, CONFIG_VAR, FLAG, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

describe('the promoter', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      rateLimit: false,
      startAt: '2026-05-09T04:28:00Z',
      vars: { OTHER: 'canary-other-var' },
      environment: LONG_LEASE,
    });
  });
  afterEach(() => bed.close());

  const insert = (checkpoint: string | null) =>
    bed.rows.insertDeploying({ checkpoint, promotedAt: '2026-05-09T04:28:00Z' });
  const row = async () => {
    const [found] = await bed.rows.query<Record<string, unknown>>(
      `select state, checkpoint, previous_value, deployed_at, failed_at, failure_reason, last_error, lease_owner from console_flag_promotions`,
    );
    return found;
  };
  const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH').length;
  /** Somebody else's change, with the release behaviour that the app has. */
  const changeAtHeroku = async (value: string) => {
    const { apiUrl, apiKey } = bed.heroku;
    const answer = await fetch(`${apiUrl}/apps/${APP}/config-vars`, {
      method: 'PATCH',
      headers: {
        accept: 'application/vnd.heroku+json; version=3',
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ [CONFIG_VAR]: value }),
    });
    expect(answer.status).toBe(200);
  };
  const audited = async () =>
    (await bed.rows.query<{ action: string }>('select action from flag_promotions.audit_log order by id')).map(
      ({ action }) => action.replace('console.flag.promotion.', ''),
    );
  /** Lets the backoff expire until the row is as expected. */
  const until = (expected: Record<string, unknown>) =>
    eventually(async () => {
      await bed.clock.advance(60_000);
      expect(await row()).toMatchObject(expected);
    });

  test('sets the config var once and commits what Heroku did', async () => {
    bed.heroku.setVar(APP, CONFIG_VAR, 'false');
    await insert('INTENT');
    await until({ state: 'deployed', previous_value: 'false', lease_owner: null });
    expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('true');
    expect(patches()).toBe(1);
    expect(await audited()).toEqual(['heroku_patching', 'heroku_patched', 'deployed']);
    expect((await row())?.['checkpoint']).toBe(`PENDING_COMMIT:${bed.heroku.releases(APP).at(-1)?.id}`);
  });

  test('asks Heroku five things if nothing is in the way', async () => {
    await insert('INTENT');
    await until({ state: 'deployed' });
    const release = bed.heroku.releases(APP).at(-1)?.id;
    expect(bed.heroku.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET /apps/${APP}/releases`,
      `GET /apps/${APP}/config-vars`,
      `PATCH /apps/${APP}/config-vars`,
      `GET /apps/${APP}/releases`,
      `GET /apps/${APP}/releases/${release}/config-vars`,
    ]);
  });

  describe('if somebody changes something right after it set the value', () => {
    /** Delays its next request, so that the change comes before the answer. */
    const insertAndChange = async (name: string, value: string): Promise<string | undefined> => {
      const path = `/apps/${APP}/releases`;
      bed.heroku.faults.add({ path, times: 1, fault: { kind: 'delay', ms: 0 } });
      bed.heroku.faults.add({ path, times: 1, fault: { kind: 'delay', ms: 1_500 } });
      await insert('INTENT');
      await eventually(async () => expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('true'));
      const ours = bed.heroku.releases(APP).at(-1)?.id;
      bed.heroku.setVar(APP, name, value);
      return ours;
    };

    test('to that very value, leaves it alone and says so', async () => {
      await insertAndChange(CONFIG_VAR, 'off');
      await until({ state: 'deploying', last_error: expect.stringContaining('no longer, what was promoted') });
      expect(patches()).toBe(1);
      expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('off');
    });

    test('to another variable, still takes its own release for what brought the value', async () => {
      const ours = await insertAndChange('OTHER', 'changed');
      await until({ state: 'deployed', checkpoint: `PENDING_COMMIT:${ours}` });
    });
  });

  test('does not set what is set already', async () => {
    bed.heroku.setVar(APP, CONFIG_VAR, 'true');
    await insert('INTENT');
    await until({ state: 'deployed' });
    expect(patches()).toBe(0);
  });

  describe('if Heroku has no status for its old releases', () => {
    test('completes what one of them brought', async () => {
      bed.heroku.setVar(APP, CONFIG_VAR, 'true');
      bed.heroku.setVar(APP, 'OTHER', 'changed');
      bed.heroku.forgetStatuses(APP);
      const [, brought] = bed.heroku.releases(APP);
      await insert('INTENT');
      await until({ state: 'deployed', checkpoint: `PENDING_COMMIT:${brought?.id}` });
      expect(patches()).toBe(0);
    });

    test('completes what an older one brought, if the newest did not change it', async () => {
      bed.heroku.setVar(APP, CONFIG_VAR, 'true');
      const brought = bed.heroku.releases(APP).at(-1);
      bed.heroku.setReleaseBehaviour(APP, 'fail');
      await changeAtHeroku('false');
      bed.heroku.forgetStatuses(APP);
      await insert('INTENT');
      await until({ state: 'deployed', checkpoint: `PENDING_COMMIT:${brought?.id}` });
    });

    test('sets the value that none of them carries', async () => {
      bed.heroku.forgetStatuses(APP);
      await insert('INTENT');
      await until({ state: 'deployed' });
      expect(patches()).toBe(1);
    });
  });

  test('takes no release for its own that carried the value before it began, however shortly', async () => {
    bed.heroku.setVar(APP, CONFIG_VAR, 'true');
    bed.heroku.setVar(APP, CONFIG_VAR, 'false');
    await insert('INTENT');
    await until({ state: 'deployed', previous_value: 'false' });
    expect(patches()).toBe(1);
  });

  test('sends a lost PATCH again if the newest release before it failed, and many others came since', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'fail');
    await changeAtHeroku('off');
    const failed = bed.heroku.releases(APP).at(-1);
    expect(failed?.status).toBe('failed');
    bed.heroku.setReleaseBehaviour(APP, 'instant');
    for (let n = 0; n < 19; n += 1) bed.heroku.setVar(APP, 'OTHER', `changed ${n}`);
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at, base_release)
       values ($1, $2, $3, 'deploying', 'INTENT', '2026-05-09T04:28:00Z', $4)`,
      [FLAG, APP, CONFIG_VAR, failed?.version],
    );
    await until({ state: 'deployed' });
    expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('true');
  });

  test('leaves alone what somebody changed after the promoter had set it, even if it was killed in between', async () => {
    await insert('INTENT');
    await bed.rows.query(
      `update console_flag_promotions set lease_owner = 'killed', lease_until = flag_promotions.clock() + interval '1 hour'`,
    );
    const base = bed.heroku.releases(APP).at(-1)?.version ?? 0;
    bed.heroku.setVar(APP, CONFIG_VAR, 'true');
    bed.heroku.setVar(APP, CONFIG_VAR, 'off');
    await bed.rows.query(
      `update console_flag_promotions set base_release = ${base}, lease_until = flag_promotions.clock()`,
    );
    await until({ state: 'deploying', last_error: expect.stringContaining('no longer, what was promoted') });
    expect(patches()).toBe(0);
    expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('off');
  });

  test('waits for the release phase, and does not set the value a second time meanwhile', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await insert('INTENT');
    await until({ state: 'deploying', checkpoint: expect.stringMatching(/^PENDING_COMMIT:/u) });
    await bed.clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await row()).toMatchObject({ state: 'deploying' });
    bed.heroku.finishRelease(APP, 'succeeded');
    await until({ state: 'deployed' });
    expect(patches()).toBe(1);
  });

  test('takes no release that ends between two questions to Heroku for one whose value somebody changed', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await insert('INTENT');
    await until({ checkpoint: expect.stringMatching(/^PENDING_COMMIT:/u) });
    bed.heroku.faults.add({ path: '/apps/*/releases/*', times: 1, fault: { kind: 'delay', ms: 1_500 } });
    await eventually(async () => {
      await bed.clock.advance(60_000);
      expect(bed.heroku.requests.at(-1)?.fault).toBe('delay');
    });
    bed.heroku.finishRelease(APP, 'succeeded');
    await until({ state: 'deployed' });
    expect(await bed.rows.query('select detail from flag_promotions.messages')).toEqual([]);
  });

  test('counts no look at a release phase as a failure: the first outage after many is soon got over', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await insert('INTENT');
    await until({ checkpoint: expect.stringMatching(/^PENDING_COMMIT:/u), lease_owner: null });
    await bed.rows.query('update console_flag_promotions set attempts = 120');
    const looked = bed.heroku.requests.length;
    await bed.clock.advance(60_000);
    await eventually(async () => {
      expect(bed.heroku.requests.length).toBeGreaterThan(looked);
      expect(await row()).toMatchObject({ lease_owner: null });
    });
    bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await bed.clock.advance(60_000);
    await eventually(async () => expect((await row())?.['last_error']).toEqual(expect.stringContaining('503')));
    const [due] = await bed.rows.query(
      `select next_attempt_at <= flag_promotions.clock() + interval '5 seconds' as soon from console_flag_promotions`,
    );
    expect(due).toEqual({ soon: true });
  });

  test('waits as long as a 429 asks for', async () => {
    bed.heroku.faults.add({
      method: 'PATCH',
      times: 1,
      fault: { kind: 'status', status: 429, retryAfterSeconds: 1_800 },
    });
    await insert('INTENT');
    await eventually(async () => expect((await row())?.['last_error']).toEqual(expect.stringContaining('1800 s')));
    await bed.clock.advance(1_799_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(patches()).toBe(1);
    await until({ state: 'deployed', last_error: null });
    expect(patches()).toBe(2);
  });

  test('commits `failed` at once if no request can name what is to be set', async () => {
    await bed.rows.insertDeploying({ configVar: 'FLAG-DASHED', checkpoint: 'INTENT' });
    await eventually(async () =>
      expect(await row()).toMatchObject({ state: 'failed', failure_reason: expect.stringContaining('not usable') }),
    );
    expect(await audited()).toEqual(['failed']);
  });

  test.each([400, 413, 422] as const)(
    'commits `failed` at once if Heroku answers the PATCH with %i',
    async (status) => {
      bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'status', status } });
      await insert('INTENT');
      await until({ state: 'failed', failure_reason: expect.stringContaining(`as invalid (status ${status})`) });
      expect(await audited()).toEqual(['heroku_patching', 'failed']);
    },
  );

  test('commits `failed`, with the release, if the release failed', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'fail');
    await insert('INTENT');
    await until({
      state: 'failed',
      failure_reason: expect.stringMatching(/^Heroku's release v\d+, which was to set .* failed\.$/u),
    });
    expect(await audited()).toEqual(['heroku_patching', 'heroku_patched', 'failed']);
  });

  test('finishes what the console had Heroku do, even if it did not note the release', async () => {
    bed.heroku.setVar(APP, CONFIG_VAR, 'true');
    await insert('PENDING_COMMIT:2026-05-09T04:28:31Z');
    await until({ state: 'deployed' });
    expect(patches()).toBe(0);
  });

  test('never touches a row without a checkpoint', async () => {
    await insert(null);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await row()).toMatchObject({ state: 'deploying', checkpoint: null, lease_owner: null });
    expect(bed.heroku.requests).toEqual([]);
  });

  test('leaves alone what somebody changed since, and says so', async () => {
    bed.heroku.setVar(APP, CONFIG_VAR, 'true');
    const released = bed.heroku.releases(APP).at(-1)?.id;
    bed.heroku.setVar(APP, CONFIG_VAR, 'false');
    await insert(`PENDING_COMMIT:${released}`);
    await until({ state: 'deploying', last_error: expect.stringContaining('no longer, what was promoted') });
    expect(patches()).toBe(0);
  });

  const AGAIN = ['heroku_patching'];
  const KNOWN_AND_AGAIN = ['heroku_unchanged', 'heroku_patching'];
  test.each([
    ['a 500', { kind: 'status', status: 500 } as const, AGAIN],
    ['a 503', { kind: 'status', status: 503 } as const, AGAIN],
    ['a 429', { kind: 'status', status: 429, retryAfterSeconds: 30 } as const, KNOWN_AND_AGAIN],
    ['a 409', { kind: 'status', status: 409 } as const, KNOWN_AND_AGAIN],
    ["a proxy's 407", { kind: 'status', status: 407 } as const, KNOWN_AND_AGAIN],
    ["a proxy's 451", { kind: 'status', status: 451 } as const, KNOWN_AND_AGAIN],
    ["a router's 408", { kind: 'status', status: 408 } as const, AGAIN],
    ["a router's 499 to a PATCH that took effect", { kind: 'status', status: 499, takesEffect: true } as const, []],
    ['a connection cut before the PATCH took effect', { kind: 'reset_before' } as const, AGAIN],
    ['a connection cut after the PATCH took effect', { kind: 'reset_after' } as const, []],
    ['an answer that is cut', { kind: 'truncated' } as const, []],
    ['no answer at all to a PATCH that took effect', { kind: 'hang', takesEffect: true } as const, []],
    ['no answer at all to a PATCH that did not', { kind: 'hang' } as const, AGAIN],
  ])('comes through %s with one change at Heroku', async (_what, fault, between) => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault });
    await insert('INTENT');
    await until({ state: 'deployed' });
    expect(bed.heroku.patches(APP, CONFIG_VAR)).toBe(1);
    expect(await audited()).toEqual(['heroku_patching', ...between, 'heroku_patched', 'deployed']);
    const [event] = await bed.rows.query<{ detail: unknown }>(
      `select detail from flag_promotions.audit_log where action like '%unchanged'`,
    );
    expect(event !== undefined).toBe(between === KNOWN_AND_AGAIN);
  });

  test.each([
    ['500', { kind: 'status', status: 500 } as const],
    ['429', { kind: 'status', status: 429, retryAfterSeconds: 30 } as const],
    ['connection that is cut', { kind: 'reset_before' } as const],
    ['answer that is cut', { kind: 'truncated' } as const],
    ['page of a proxy', { kind: 'garbage' } as const],
  ])('comes through a %s to each of its first questions', async (_what, fault) => {
    bed.heroku.faults.add({ method: 'GET', times: 3, fault });
    await insert('INTENT');
    await until({ state: 'deployed' });
    expect(bed.heroku.patches(APP, CONFIG_VAR)).toBe(1);
    expect(await audited()).toEqual(['heroku_patching', 'heroku_patched', 'deployed']);
  });

  test.each([400, 413, 422])('a proxy’s page with %i to the PATCH ends nothing: it is sent again', async (status) => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'garbage', status } });
    await insert('INTENT');
    await until({ state: 'deployed' });
    expect(bed.heroku.patches(APP, CONFIG_VAR)).toBe(1);
    expect(await audited()).toEqual(['heroku_patching', ...KNOWN_AND_AGAIN, 'heroku_patched', 'deployed']);
  });

  test.each([401, 403, 404, 407, 422] as const)(
    'tells in the row why a %i stops it, and goes on once it can',
    async (status) => {
      const clear = bed.heroku.faults.add({ fault: { kind: 'status', status } });
      await insert('INTENT');
      await eventually(async () => expect((await row())?.['last_error']).toEqual(expect.any(String)));
      expect(await row()).toMatchObject({ state: 'deploying' });
      clear();
      await until({ state: 'deployed', last_error: null });
      expect(bed.heroku.patches(APP, CONFIG_VAR)).toBe(1);
    },
  );

  test('three replicas take each promotion once', async () => {
    await bed.replica();
    await bed.replica();
    for (let index = 0; index < 12; index += 1) {
      await bed.rows.insertDeploying({
        flagKey: `${FLAG}_${index}`,
        checkpoint: 'INTENT',
        promotedAt: '2026-05-09T04:28:00Z',
      });
    }
    await eventually(async () => {
      await bed.clock.advance(10_000);
      const [left] = await bed.rows.query<{ n: number }>(
        `select count(*)::int as n from console_flag_promotions where state <> 'deployed'`,
      );
      expect(left?.n).toBe(0);
    });
    expect(patches()).toBe(12);
    expect((await audited()).filter((action) => action === 'deployed')).toHaveLength(12);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true, events: 36 });
  });

  test('a promotion that it ends shows on the alert, whose buttons go', async () => {
    bed.heroku.setReleaseBehaviour(APP, 'pending');
    await insert('INTENT');
    await until({ checkpoint: expect.stringMatching(/^PENDING_COMMIT:/u) });
    await bed.clock.set('2026-05-09T16:30:00Z');
    await bed.app.tick();
    bed.heroku.finishRelease(APP, 'succeeded');
    await until({ state: 'deployed' });
    await eventually(async () => {
      const [alert] = await bed.slack.messages(bed.slack.channels.alerts);
      expect(alert?.text).toContain('ended as *completed* without an operator');
      expect(JSON.stringify(alert)).not.toContain('mark_completed');
    });
  });
});

/** After an unknown outcome the PATCH may still take effect; a second one would then be a second release. */
describe('a PATCH with an unknown outcome', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({
      rateLimit: false,
      startAt: '2026-05-09T04:28:00Z',
      vars: {},
      environment: LONG_LEASE,
      databaseClockStands: true,
    });
  });
  afterEach(() => bed.close());

  const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH').length;
  /** Each look has ended, and the next one is due later, by a clock that stands still. */
  const looked = async () => {
    const [row] = await bed.rows.query<{ waits: boolean; last_error: string | null }>(
      `select next_attempt_at > flag_promotions.clock() and lease_owner is null as waits, last_error
         from console_flag_promotions`,
    );
    expect(row?.waits).toBe(true);
    return row;
  };

  test.each([
    ['no answer', { kind: 'reset_before' } as const],
    ['a 500', { kind: 'status', status: 500 } as const],
    ['a 503', { kind: 'status', status: 503 } as const],
    ['a 408', { kind: 'status', status: 408 } as const],
    ['a 425', { kind: 'status', status: 425 } as const],
    ['a 499', { kind: 'status', status: 499 } as const],
    ['a page of a proxy', { kind: 'garbage', takesEffect: false } as const],
  ])('(%s) is looked after at once, and sent again 30 s after it, no sooner', async (_what, fault) => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: '2026-05-09T04:28:00Z' });
    await eventually(async () => {
      expect((await looked())?.last_error).toContain('The change may or may not have taken effect.');
    });
    const methods = bed.heroku.requests.map(({ method }) => method);
    expect(methods).toEqual(['GET', 'GET', 'PATCH', 'GET', 'GET']);

    for (const step of [5_000, 10_000]) {
      const before = bed.heroku.requests.length;
      await bed.clock.advance(step);
      await eventually(async () => {
        expect(bed.heroku.requests.length).toBeGreaterThan(before);
        await looked();
      });
    }
    // The wait runs in real time from the claim on: what is left must be longer than a look takes.
    await bed.clock.advance(10_000);
    await eventually(async () => {
      const [row] = await bed.rows.query<{ next_attempt_at: Date }>(
        'select next_attempt_at from console_flag_promotions',
      );
      const afterMs = (row?.next_attempt_at.getTime() ?? 0) - bed.clock.now().getTime();
      expect(afterMs).toBeGreaterThan(0);
      expect(afterMs).toBeLessThanOrEqual(5_000);
      await looked();
    });
    expect(patches()).toBe(1);
    await eventually(async () => {
      // Again if a look was under way meanwhile: it waits from the time at which it began.
      await bed.clock.advance(5_000);
      expect(await bed.rows.query('select state, last_error from console_flag_promotions')).toEqual([
        { state: 'deployed', last_error: null },
      ]);
    });
    expect(patches()).toBe(2);
  });

  test.each([
    ['another value', () => bed.heroku.setVar(APP, CONFIG_VAR, 'off')],
    [
      'the value and then the old one',
      () => {
        bed.heroku.setVar(APP, CONFIG_VAR, 'off');
        bed.heroku.setVar(APP, CONFIG_VAR, null);
      },
    ],
    [
      'so much that it can no longer be told',
      () => {
        for (let n = 1; n <= 205; n += 1) bed.heroku.setVar(APP, 'ANOTHER', `${n}`);
      },
    ],
  ])('is never followed by one over %s that others set meanwhile', async (_what, meddle) => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'reset_before' } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: '2026-05-09T04:28:00Z' });
    await eventually(async () => void (await looked()));
    meddle();
    await bed.clock.advance(60_000);
    await eventually(async () => {
      expect(await bed.rows.query('select state, last_error from console_flag_promotions')).toEqual([
        { state: 'deploying', last_error: expect.stringContaining('is not, or no longer, what was promoted') },
      ]);
    });
    expect(patches()).toBe(1);
  });

  test('is sent again over what others set of another variable', async () => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'reset_before' } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: '2026-05-09T04:28:00Z' });
    await eventually(async () => void (await looked()));
    for (let n = 1; n <= 30; n += 1) bed.heroku.setVar(APP, 'ANOTHER', `${n}`);
    await bed.clock.advance(60_000);
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    expect(patches()).toBe(2);
  });

  test('is found as soon as it takes effect after all, and not sent again', async () => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'reset_before' } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: '2026-05-09T04:28:00Z' });
    await eventually(async () => void (await looked()));
    bed.heroku.setVar(APP, CONFIG_VAR, 'true');
    await bed.clock.advance(5_000);
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    expect(patches()).toBe(1);
  });
});
