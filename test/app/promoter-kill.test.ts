import { type ChildProcess, spawn } from 'node:child_process';
import { APP, CONFIG_VAR, startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { eventually } from '../support/eventually.js';

/** A promotion sends Heroku this many requests until it is deployed; each is a point to kill at, and so is its end. */
const REQUESTS = 5;

describe('a promoter that is killed', () => {
  let bed: TestBed;
  const children: ChildProcess[] = [];
  let cli: string;

  beforeAll(async () => {
    cli = await builtApp();
  });
  beforeEach(async () => {
    // The app of the test's own process has no Heroku and so no promoter: it doesn't claim what the child left.
    const environment = { VERIFY_WITHIN: 'off' };
    bed = await startTestBed({ startAt: new Date().toISOString(), vars: {}, withoutHeroku: true, environment });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await bed.close();
  });

  const heroku = () => ({ HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl });

  function startChild(environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(process.execPath, [cli, 'start'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        ...bed.environment,
        ...heroku(),
        ...environment,
      },
    });
    // A child's log is searched for secrets like everything else that the app tells.
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', bed.hear);
    children.push(child);
    return child;
  }
  async function kill(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
  const expireLeases = () =>
    bed.rows.query(
      `update console_flag_promotions set lease_until = flag_promotions.clock() where lease_owner is not null`,
    );
  async function endsRight(): Promise<void> {
    await eventually(async () => {
      await bed.clock.advance(30_000);
      expect(await bed.rows.query('select state, previous_value from console_flag_promotions')).toEqual([
        { state: 'deployed', previous_value: null },
      ]);
    });
    expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('true');
    expect(bed.heroku.patches(APP, CONFIG_VAR)).toBe(1);
    const events = await bed.rows.query<{ action: string }>('select action from flag_promotions.audit_log order by id');
    const actions = events.map(({ action }) => action.replace('console.flag.promotion.', ''));
    const announced = actions.filter((action) => action === 'heroku_patching').length;
    expect(actions.slice(announced)).toEqual(['heroku_patched', 'deployed']);
    expect(announced).toBeGreaterThanOrEqual(bed.heroku.requests.filter(({ method }) => method === 'PATCH').length);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  }

  test.each(
    Array.from({ length: REQUESTS + 1 }, (_, index) => index + 1).flatMap((nth) => [
      [nth, 'before it took effect', false] as const,
      [nth, 'after it took effect, before the next write', true] as const,
    ]),
  )(
    'while request %i to Heroku was under way, %s, is succeeded with one change and no doubled event',
    async (nth, _when, takesEffect) => {
      if (nth > 1) bed.heroku.faults.add({ times: nth - 1, fault: { kind: 'delay', ms: 0 } });
      bed.heroku.faults.add({ times: 1, fault: { kind: 'hang', takesEffect } });
      await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
      const child = startChild();
      await eventually(async () => {
        const [row] = await bed.rows.query<{ state: string }>('select state from console_flag_promotions');
        expect(bed.heroku.requests.length >= nth || row?.state === 'deployed').toBe(true);
      });
      expect(bed.heroku.requests).toHaveLength(Math.min(nth, REQUESTS));
      await kill(child);
      bed.heroku.faults.clear();
      await expireLeases();
      await bed.replica({ environment: heroku() });
      await endsRight();
    },
  );

  test('and started again at once takes its promotion up when its lease has run out, and waits for nothing else', async () => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'hang', takesEffect: true } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    const first = startChild({ PROMOTER_LEASE: '5s' });
    await eventually(async () => expect(bed.heroku.requests.some(({ method }) => method === 'PATCH')).toBe(true));
    await kill(first);
    const [left] = await bed.rows.query(
      `select lease_until <= flag_promotions.clock() + interval '5 seconds' as soon, next_attempt_at from console_flag_promotions`,
    );
    expect(left).toEqual({ soon: true, next_attempt_at: null });
    startChild({ PROMOTER_LEASE: '5s' });
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });
    await endsRight();
  });

  test('or told to stop, as by its own release, exits in order and leaves the rest to its successor at once', async () => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'delay', ms: 2_000 } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    const restarted = startChild({ PROMOTER_LEASE: '60s' });
    await eventually(async () => expect(bed.heroku.requests.some(({ method }) => method === 'PATCH')).toBe(true));
    const exited = new Promise((resolve) => restarted.once('exit', (code) => resolve(code)));
    restarted.kill('SIGTERM');
    expect(await exited).toBe(0);
    const [left] = await bed.rows.query(
      `select state, lease_owner, last_error, next_attempt_at <= flag_promotions.clock() as due from console_flag_promotions`,
    );
    expect(left).toEqual({ state: 'deploying', lease_owner: null, last_error: null, due: true });
    await bed.replica({ environment: heroku() });
    await endsRight();
  });

  test('by the release that it made itself, its successor up before it ends, is followed by one that commits', async () => {
    // The dynos restart before the answer to the PATCH arrives.
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'hang', takesEffect: true } });
    const dyno = startChild({ PROMOTER_LEASE: '300s' });
    const exited = new Promise((resolve) => dyno.once('exit', (code) => resolve(code)));
    let restarts = 0;
    bed.heroku.onRestart(APP, () => {
      restarts += 1;
      startChild({ PROMOTER_LEASE: '300s' });
      dyno.kill('SIGTERM');
    });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    expect(await exited).toBe(0);
    await endsRight();
    expect(restarts).toBe(1);
  });

  test('keeps its lease for as long as Heroku keeps it waiting, and no replica takes its work', async () => {
    const lease = async () => {
      const [row] = await bed.rows.query<{ lease_owner: string | null; lease_until: Date }>(
        'select lease_owner, lease_until from console_flag_promotions',
      );
      return { owner: row?.lease_owner, until: row?.lease_until.getTime() ?? 0 };
    };
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'delay', ms: 8_000 } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    startChild({ PROMOTER_LEASE: '2s' });
    const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH');
    await eventually(async () => expect(patches()).toHaveLength(1));
    const first = await lease();
    let last = first;
    const replica = bed.replica({ environment: { ...heroku(), PROMOTER_LEASE: '2s' } });
    while (patches()[0]?.status === null) {
      const seen = await lease();
      if (patches()[0]?.status === null) last = seen;
      expect(last.owner).toBe(first.owner);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await replica;
    expect(last.until - first.until).toBeGreaterThan(4_000);
    expect(patches()).toHaveLength(1);
    await endsRight();
  });

  test('or paused for longer than its lease writes nothing when it wakes', async () => {
    const heldBy = async () => {
      const [row] = await bed.rows.query<{ lease_owner: string | null; checkpoint: string }>(
        'select lease_owner, checkpoint from console_flag_promotions',
      );
      return row;
    };
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'delay', ms: 4_000 } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    const paused = startChild({ PROMOTER_LEASE: '3s' });
    await eventually(async () => expect(bed.heroku.requests.some(({ method }) => method === 'PATCH')).toBe(true));
    paused.kill('SIGSTOP');
    const first = await heldBy();

    // Heroku keeps the successor waiting, which renews its lease meanwhile.
    bed.heroku.faults.add({ times: 1, fault: { kind: 'hang' } });
    await bed.replica({ environment: { ...heroku(), PROMOTER_LEASE: '3s' } });
    await eventually(async () => expect((await heldBy())?.lease_owner).not.toBe(first?.lease_owner));
    const second = await heldBy();
    expect(second?.lease_owner).toEqual(expect.any(String));

    const requestsBefore = bed.heroku.requests.length;
    paused.kill('SIGCONT');
    // It continues where it was, asks Heroku about its PATCH, and would write the checkpoint now.
    await eventually(async () => expect(bed.heroku.requests.length).toBeGreaterThanOrEqual(requestsBefore + 2));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await heldBy()).toEqual(second);
    await endsRight();
  });
});
