import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { APP, CONFIG_VAR, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** A promotion asks Heroku this many things at most before it is deployed; each is a boundary to be killed at. */
const BOUNDARIES = 10;

describe('a promoter that is killed', () => {
  let bed: TestBed;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    // The app of the test's own process has no Heroku and so no promoter: it does not take up what the child left.
    bed = await startTestBed({ startAt: new Date().toISOString(), vars: {}, withoutHeroku: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await bed.close();
  });

  const heroku = () => ({ HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl });

  function startChild(environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'start'], {
      cwd: path.resolve(__dirname, '../..'),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        ...bed.environment,
        ...heroku(),
        ...environment,
      },
    });
    // What a child logs is searched for secrets like everything else that the app tells.
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
    bed.rows.query(`update console_flag_promotions set lease_until = now() where lease_owner is not null`);
  async function endsRight(): Promise<void> {
    await eventually(async () => {
      bed.clock.advance(30_000);
      expect(await bed.rows.query('select state, previous_value from console_flag_promotions')).toEqual([
        { state: 'deployed', previous_value: null },
      ]);
    }, 20_000);
    expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('true');
    expect(bed.heroku.patchesThatChanged(APP, CONFIG_VAR)).toBe(1);
    const events = await bed.rows.query<{ action: string }>('select action from console_audit_log order by id');
    expect(events.map(({ action }) => action)).toEqual([
      'console.flag.promotion.heroku_patched',
      'console.flag.promotion.deployed',
    ]);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  }

  test.each(
    Array.from({ length: BOUNDARIES }, (_, index) => index + 1).flatMap((nth) => [
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
      }, 20_000);
      await kill(child);
      bed.heroku.faults.clear();
      await expireLeases();
      await bed.replica({ environment: heroku() });
      await endsRight();
    },
  );

  test('and started again at once has its promotion deployed within the lease and five seconds', async () => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'hang', takesEffect: true } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    const first = startChild({ PROMOTER_LEASE: '5s' });
    await eventually(
      async () => expect(bed.heroku.requests.some(({ method }) => method === 'PATCH')).toBe(true),
      20_000,
    );
    await kill(first);
    const killedAt = performance.now();
    startChild({ PROMOTER_LEASE: '5s' });
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    }, 20_000);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    await endsRight();
  });

  test('or told to stop, as by its own release, exits in order and leaves the rest to its successor at once', async () => {
    bed.heroku.faults.add({ method: 'PATCH', times: 1, fault: { kind: 'delay', ms: 2_000 } });
    await bed.rows.insertDeploying({ checkpoint: 'INTENT', promotedAt: new Date().toISOString() });
    const restarted = startChild({ PROMOTER_LEASE: '60s' });
    await eventually(
      async () => expect(bed.heroku.requests.some(({ method }) => method === 'PATCH')).toBe(true),
      20_000,
    );
    const exited = new Promise((resolve) => restarted.once('exit', (code) => resolve(code)));
    restarted.kill('SIGTERM');
    expect(await exited).toBe(0);
    const [left] = await bed.rows.query(
      `select state, lease_owner, last_error, next_attempt_at <= now() as due from console_flag_promotions`,
    );
    expect(left).toEqual({ state: 'deploying', lease_owner: null, last_error: null, due: true });
    await bed.replica({ environment: heroku() });
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
    await eventually(
      async () => expect(bed.heroku.requests.some(({ method }) => method === 'PATCH')).toBe(true),
      20_000,
    );
    paused.kill('SIGSTOP');
    const first = await heldBy();

    // The successor is kept waiting by Heroku, and holds the row meanwhile by renewing its lease.
    bed.heroku.faults.add({ times: 1, fault: { kind: 'hang' } });
    await bed.replica({ environment: { ...heroku(), PROMOTER_LEASE: '3s' } });
    await eventually(async () => expect((await heldBy())?.lease_owner).not.toBe(first?.lease_owner), 10_000);
    const second = await heldBy();
    expect(second?.lease_owner).toEqual(expect.any(String));

    const requestsBefore = bed.heroku.requests.length;
    paused.kill('SIGCONT');
    // It goes on where it was, asks Heroku what became of its PATCH, and would write the checkpoint now.
    await eventually(async () => expect(bed.heroku.requests.length).toBeGreaterThanOrEqual(requestsBefore + 3));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await heldBy()).toEqual(second);
    await endsRight();
  });
});
