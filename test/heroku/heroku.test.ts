import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { z } from 'zod';
import { createHeroku } from '../../src/heroku/heroku.js';
import { appPath, releasePath, UnusableSegment } from '../../src/heroku/paths.js';
import { ANY_TIME, APP, errorOf, FLAG, type Harness, leaksOf, OLD_VALUE, startHarness } from './harness.js';
import { DIRECTLY } from '../support/network.js';

let harness: Harness;

/** What Node publishes for each connection that is opened: diagnostics_channel, `net.client.socket`. */
const opening = z.object({ socket: z.instanceof(Socket) });

beforeEach(async () => {
  harness = await startHarness();
});

afterEach(() => harness.close());

describe('config vars', () => {
  test('reads the one that is asked for, and null for one that is unset', async () => {
    const { heroku } = harness;
    await expect(heroku.readConfigVar(APP, FLAG)).resolves.toBe(OLD_VALUE);
    await expect(heroku.readConfigVar(APP, 'FLAG_NOBODY_SET')).resolves.toBeNull();
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('%s is a name like any other', async (name) => {
    const { heroku, standIn } = harness;
    await expect(heroku.readConfigVar(APP, name)).resolves.toBeNull();
    await expect(heroku.setConfigVar(APP, name, 'true', ANY_TIME)).resolves.toBe('true');
    expect(standIn.getVar(APP, name)).toBe('true');
    await expect(heroku.readConfigVar(APP, name)).resolves.toBe('true');
    await expect(heroku.setConfigVar(APP, name, null, ANY_TIME)).resolves.toBeNull();
    expect(standIn.getVar(APP, name)).toBeNull();
  });

  test.each(['', 'true', 'späte Wörter · 旗 · 🏁', ' spaces ', '"\\\n\u0000'])(
    'carries %j there and back',
    async (value) => {
      const { heroku, standIn } = harness;
      await expect(heroku.setConfigVar(APP, FLAG, value, ANY_TIME)).resolves.toBe(value);
      expect(standIn.getVar(APP, FLAG)).toBe(value);
      await expect(heroku.readConfigVar(APP, FLAG)).resolves.toBe(value);
    },
  );

  test('setting sends one PATCH with that variable alone, and leaves the others', async () => {
    const { heroku, standIn } = harness;
    await heroku.setConfigVar(APP, FLAG, 'true', ANY_TIME);
    expect(standIn.requests).toHaveLength(1);
    expect(standIn.requests[0]).toMatchObject({
      method: 'PATCH',
      path: `/apps/${APP}/config-vars`,
      body: { [FLAG]: 'true' },
      status: 200,
    });
    expect(standIn.getVar(APP, 'DATABASE_URL')).not.toBeNull();
  });
});

describe('releases', () => {
  test('newest first, no more than asked for, in one request although Heroku has more', async () => {
    const { heroku, standIn } = harness;
    for (const value of ['a', 'b', 'c', 'd']) standIn.setVar(APP, FLAG, value, 'ops@raxx.example');
    const releases = await heroku.releases(APP, { max: 3 });
    expect(releases.map(({ version }) => version)).toEqual([5, 4, 3]);
    expect(standIn.requests).toHaveLength(1);
    expect(standIn.requests[0]).toMatchObject({ status: 206, headers: { range: 'version ..; order=desc,max=3' } });
    expect(releases[0]).toEqual({
      id: standIn.releases(APP).at(-1)?.id,
      version: 5,
      status: 'succeeded',
      current: true,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
      user: 'ops@raxx.example',
      description: `Set ${FLAG} config vars`,
    });
  });

  test('asking for as many as there are, or more, gives them all', async () => {
    const { heroku } = harness;
    await expect(heroku.releases(APP, { max: 1 })).resolves.toHaveLength(1);
    await expect(heroku.releases(APP, { max: 1000 })).resolves.toHaveLength(1);
  });

  test('the latest one, one by its id or version, and the config var that each had', async () => {
    const { heroku, standIn } = harness;
    standIn.setReleaseBehaviour(APP, 'pending');
    await heroku.setConfigVar(APP, FLAG, 'true', ANY_TIME);
    const latest = await heroku.latestRelease(APP);
    expect(latest).toMatchObject({ version: 2, status: 'pending', current: false });
    await expect(heroku.release(APP, '1')).resolves.toMatchObject({ version: 1, current: true });
    await expect(heroku.release(APP, latest?.id ?? '')).resolves.toEqual(latest);
    await expect(heroku.configVarAtRelease(APP, '1', FLAG)).resolves.toBe(OLD_VALUE);
    await expect(heroku.configVarAtRelease(APP, latest?.id ?? '', FLAG)).resolves.toBe('true');
    await expect(heroku.readConfigVar(APP, FLAG)).resolves.toBe(OLD_VALUE);
  });

  test.each([0, -1, 1.5, 1001, Number.NaN])('a page of %d is refused here', async (max) => {
    const { heroku, standIn } = harness;
    await expect(errorOf(heroku.releases(APP, { max }))).resolves.toMatchObject({ kind: 'invalid', status: null });
    expect(standIn.requests).toHaveLength(0);
  });
});

test('an app is found by its name and by its id, and known by both', async () => {
  const { heroku } = harness;
  const app = await heroku.app(APP);
  expect(app).toEqual({ name: APP, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  await expect(heroku.app(app.id)).resolves.toEqual(app);
});

test('tells how many requests the account has left', async () => {
  const { heroku } = harness;
  expect(heroku.rateLimitRemaining()).toBeNull();
  await heroku.app(APP);
  expect(heroku.rateLimitRemaining()).toBe(4_499);
});

describe('hostile names', () => {
  test.each(['..', '.', '', '\ud800', 'a'.repeat(257)])('%j is refused before anything is sent', async (app) => {
    const { heroku, standIn } = harness;
    for (const call of [heroku.app(app), heroku.setConfigVar(app, FLAG, 'true', ANY_TIME), heroku.release(APP, app)]) {
      await expect(errorOf(call)).resolves.toMatchObject({ kind: 'invalid', outcomeUnknown: false });
    }
    expect(standIn.requests).toHaveLength(0);
  });

  test.each(['../other', 'a/config-vars?', '%2e%2e', 'a b', 'x\r\nHost: evil', '#', 'ä'])(
    '%j stays inside its segment of the path',
    async (app) => {
      const { heroku, standIn } = harness;
      const error = await errorOf(heroku.readConfigVar(app, FLAG));
      expect(error).toMatchObject({ kind: 'not_found', status: 404 });
      expect(standIn.requests.map(({ path }) => path)).toEqual([`/apps/${encodeURIComponent(app)}/config-vars`]);
      expect(error.message).not.toMatch(/[\r\n<>/]/);
    },
  );

  test('any string is either refused or one segment that decodes to itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (app, release) => {
        try {
          const segments = releasePath(app, release).split('/');
          expect(segments).toHaveLength(5);
          expect(segments.some((segment) => segment === '.' || segment === '..')).toBe(false);
          expect(decodeURIComponent(segments[2] ?? '')).toBe(app);
          expect(decodeURIComponent(segments[4] ?? '')).toBe(release);
          expect(new URL(`https://heroku${appPath(app)}`).pathname).toBe(appPath(app));
        } catch (error) {
          if (!(error instanceof UnusableSegment)) throw error;
        }
      }),
    );
  });

  test.each(['FLAG-X', 'FLAG X', '', 'FLAG=1', 'ФЛАГ', '../FLAG'])(
    'the config var %j is refused here',
    async (name) => {
      const { heroku, standIn } = harness;
      for (const call of [heroku.readConfigVar(APP, name), heroku.setConfigVar(APP, name, 'true', ANY_TIME)]) {
        await expect(errorOf(call)).resolves.toMatchObject({ kind: 'invalid', outcomeUnknown: false });
      }
      expect(standIn.requests).toHaveLength(0);
    },
  );
});

describe('closing', () => {
  test('stops what runs, at once, and refuses what comes later', async () => {
    const { heroku, standIn } = harness;
    standIn.faults.add({ fault: { kind: 'hang' } });
    const running = errorOf(heroku.setConfigVar(APP, FLAG, 'true', ANY_TIME));
    await until(() => standIn.requests.length === 1);
    heroku.close();
    await expect(running).resolves.toMatchObject({
      kind: 'unknown_outcome',
      outcomeUnknown: true,
      message: expect.stringContaining('was stopped'),
    });
    await expect(errorOf(heroku.app(APP))).resolves.toMatchObject({ kind: 'unreachable', outcomeUnknown: false });
    expect(standIn.requests).toHaveLength(1);
  });

  test('no socket and no timer is left by answers, refusals, deadlines or resets', async () => {
    const { heroku, standIn } = harness;
    // Other sockets of this process, a pool's for example, are none of this adapter's.
    const opened: Socket[] = [];
    const note = (message: unknown) => opened.push(opening.parse(message).socket);
    subscribe('net.client.socket', note);
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const timersBefore = timers();
    standIn.faults.add({ path: '/apps/refused', fault: { kind: 'status', status: 403 } });
    standIn.faults.add({ path: '/apps/hanging', fault: { kind: 'hang' } });
    standIn.faults.add({ path: '/apps/stalled', fault: { kind: 'stall' } });
    standIn.faults.add({ path: '/apps/reset', fault: { kind: 'reset_before' } });
    const names = [APP, 'refused', 'hanging', 'stalled', 'reset', 'unknown'];
    await Promise.allSettled(names.flatMap((name) => [1, 2, 3].map(() => heroku.app(name, { deadlineMs: 3_000 }))));
    expect(standIn.requests).toHaveLength(18);
    unsubscribe('net.client.socket', note);
    expect(opened).not.toHaveLength(0);
    await until(() => opened.every(({ destroyed }) => destroyed));

    standIn.faults.clear();
    await Promise.all([1, 2, 3, 4, 5].map(() => heroku.app(APP)));
    expect(timers() - timersBefore).toBeLessThan(5);
  });
});

describe('a signal', () => {
  test('that is aborted already sends nothing', async () => {
    const { heroku, standIn } = harness;
    const error = await errorOf(heroku.setConfigVar(APP, FLAG, 'true', { ...ANY_TIME, signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false });
    expect(standIn.requests).toHaveLength(0);
  });

  test('stops a call that waits, and nothing else', async () => {
    const { heroku, standIn } = harness;
    standIn.faults.add({ method: 'PATCH', fault: { kind: 'hang' } });
    const controller = new AbortController();
    const stopped = errorOf(heroku.setConfigVar(APP, FLAG, 'true', { ...ANY_TIME, signal: controller.signal }));
    await until(() => standIn.requests.length === 1);
    controller.abort();
    await expect(stopped).resolves.toMatchObject({
      kind: 'unknown_outcome',
      outcomeUnknown: true,
      message: expect.stringContaining('was stopped'),
    });
    await expect(heroku.readConfigVar(APP, FLAG)).resolves.toBe(OLD_VALUE);
  });
});

test('nothing of the adapter leads to the API key', () => {
  expect(leaksOf(harness.heroku)).toEqual([]);
  expect(
    leaksOf(createHeroku({ apiKey: 'HRKU-canary-token-5f1d', apiUrl: 'https://api.heroku.com', network: DIRECTLY })),
  ).toEqual([]);
});

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('It did not come about within a minute.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
