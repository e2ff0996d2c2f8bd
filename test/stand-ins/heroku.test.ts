import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';

const APP = 'raxx-console-prod';
const FLAG = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';
const VARS = `/apps/${APP}/config-vars`;
const INCIDENT = new Date('2026-05-09T04:28:31.412Z');

let standIn: HerokuStandIn;
let now: Date;

beforeEach(async () => {
  now = new Date('2026-05-11T14:18:00Z');
  standIn = await startHerokuStandIn({
    apps: {
      [APP]: { vars: { [FLAG]: 'false', OTHER: 'x' } },
      'raxx-secret-prod': { vars: {}, collaborators: ['boss@raxx.example'] },
    },
    clock: () => now,
  });
});

afterEach(() => standIn.close());

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A request as a good client makes it, unless `headers` or `body` say otherwise. */
async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Got> {
  const response = await fetch(`${standIn.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${standIn.apiKey}`,
      accept: 'application/vnd.heroku+json; version=3',
      'content-type': 'application/json',
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

const versionsOf = ({ body }: Got): unknown[] => (Array.isArray(body) ? body.map(({ version }) => version) : [body]);

describe('who asks, and how', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  test('a token passes as a bearer and as the password of any user', async () => {
    const { apiKey } = standIn;
    for (const authorization of [`Bearer ${apiKey}`, basic(`:${apiKey}`), basic(`me@raxx.example:${apiKey}`)]) {
      await expect(ask('GET', VARS, undefined, { authorization })).resolves.toMatchObject({ status: 200 });
    }
  });

  test('anything else is a 401, and changes nothing', async () => {
    for (const authorization of ['', 'Bearer nonsense', basic(`${standIn.apiKey}:`), standIn.apiKey]) {
      const got = await ask('PATCH', VARS, { [FLAG]: 'true' }, { authorization });
      expect(got).toMatchObject({ status: 401, body: { id: 'unauthorized', message: expect.any(String) } });
    }
    expect(standIn.getVar(APP, FLAG)).toBe('false');
  });

  test.each(['*/*', 'application/json', 'application/vnd.heroku+json', 'application/vnd.heroku+json; version=2'])(
    'Accept %s is a 406',
    async (accept) => {
      const got = await ask('GET', VARS, undefined, { accept });
      expect(got).toMatchObject({ status: 406, body: { id: 'not_acceptable' } });
    },
  );

  test('an app that others own is a 403, one that nobody has a 404', async () => {
    await expect(ask('GET', '/apps/raxx-secret-prod')).resolves.toMatchObject({
      status: 403,
      body: { id: 'forbidden' },
    });
    await expect(ask('GET', '/apps/nobody/config-vars')).resolves.toMatchObject({
      status: 404,
      body: { id: 'not_found', message: "Couldn't find that app.", resource: 'app' },
    });
  });

  test.each(['/', '/apps', '/nothing', `${VARS}/more`, `/apps/${APP}/releases/1/config-vars/x`, '/apps/%E0%A4%A'])(
    'GET %s is no endpoint',
    async (path) => {
      await expect(ask('GET', path)).resolves.toMatchObject({ status: 404, body: { id: 'not_found' } });
    },
  );

  test('every answer has its own Request-Id and counts the requests down, and they come back in time', async () => {
    const first = await ask('GET', VARS);
    const second = await ask('GET', VARS);
    expect(first.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(first.headers.get('request-id')).not.toBe(second.headers.get('request-id'));
    expect(first.headers.get('ratelimit-remaining')).toBe('4499');
    expect(second.headers.get('ratelimit-remaining')).toBe('4498');
    now = new Date(now.getTime() + 60_000);
    expect((await ask('GET', VARS)).headers.get('ratelimit-remaining')).toBe('4499');
  });

  test('no request left is a 429', async () => {
    const scarce = await startHerokuStandIn({
      apiKey: standIn.apiKey,
      apps: { [APP]: { vars: {} } },
      requestsPerHour: 1,
    });
    const headers = { authorization: `Bearer ${scarce.apiKey}`, accept: 'application/vnd.heroku+json; version=3' };
    const statuses = [];
    for (let i = 0; i < 2; i += 1) statuses.push((await fetch(`${scarce.apiUrl}${VARS}`, { headers })).status);
    await scarce.close();
    expect(statuses).toEqual([200, 429]);
  });

  test('an ETag answers 304 until something changes', async () => {
    const etag = (await ask('GET', VARS)).headers.get('etag') ?? '';
    await expect(ask('GET', VARS, undefined, { 'if-none-match': etag })).resolves.toMatchObject({
      status: 304,
      body: null,
    });
    standIn.setVar(APP, FLAG, 'true');
    await expect(ask('GET', VARS, undefined, { 'if-none-match': etag })).resolves.toMatchObject({ status: 200 });
  });
});

describe('setting config vars', () => {
  test('answers all of them and makes a release', async () => {
    const got = await ask('PATCH', VARS, { [FLAG]: 'true', NEW: '1' });
    expect(got).toMatchObject({ status: 200, body: { [FLAG]: 'true', NEW: '1', OTHER: 'x' } });
    expect(standIn.releases(APP).at(-1)).toMatchObject({
      version: 2,
      status: 'succeeded',
      current: true,
      user: standIn.account,
      description: `Set ${FLAG}, NEW config vars`,
    });
    expect(standIn.releases(APP)[0]).toMatchObject({ current: false });
    expect(standIn.patchesThatChanged(APP, FLAG)).toBe(1);
  });

  test('null removes', async () => {
    const got = await ask('PATCH', VARS, { OTHER: null });
    expect(got.body).toEqual({ [FLAG]: 'false' });
    expect(standIn.releases(APP).at(-1)?.description).toBe('Remove OTHER config vars');
  });

  test('an unchanged value makes no release', async () => {
    await ask('PATCH', VARS, { [FLAG]: 'false', NOBODY: null });
    expect(standIn.releases(APP)).toHaveLength(1);
    expect(standIn.patchesThatChanged(APP, FLAG)).toBe(0);
    expect(standIn.patches(APP, FLAG)).toBe(1);
  });

  test.each([
    ['a number', { [FLAG]: 1 }, 422],
    ['a truth value', { [FLAG]: true }, 422],
    ['an object', { [FLAG]: {} }, 422],
    ['a dash in the name', { 'FLAG-X': 'true' }, 422],
    ['an empty name', { '': 'true' }, 422],
    ['a good one beside a bad one', { [FLAG]: 'true', 'NOT GOOD': 'true' }, 422],
    ['a list', [FLAG], 400],
    ['no JSON', '{', 400],
    ['nothing', '', 400],
  ])('%s is refused, and changes nothing', async (_name, body, status) => {
    const got = await ask('PATCH', VARS, body);
    expect(got).toMatchObject({ status, body: { id: status === 422 ? 'invalid_params' : 'bad_request' } });
    expect(standIn.getVar(APP, FLAG)).toBe('false');
    expect(standIn.releases(APP)).toHaveLength(1);
  });

  test('names and values of an app may take 32,768 bytes together, and not one more', async () => {
    const others = Buffer.byteLength(`${FLAG}OTHERx`);
    const fitting = 'ä'.repeat(Math.floor((32_768 - others) / 2)) + 'x'.repeat((32_768 - others) % 2);
    await expect(ask('PATCH', VARS, { [FLAG]: `${fitting}x` })).resolves.toMatchObject({ status: 422 });
    await expect(ask('PATCH', VARS, { [FLAG]: fitting })).resolves.toMatchObject({ status: 200 });
  });
});

describe('a release phase', () => {
  const flagAt = async (version: number) => (await ask('GET', `/apps/${APP}/releases/${version}/config-vars`)).body;

  test('keeps the old values until it has succeeded, then restarts the dynos', async () => {
    const restarts: number[] = [];
    standIn.onRestart(APP, ({ version }) => restarts.push(version));
    standIn.setReleaseBehaviour(APP, 'pending');
    await expect(ask('PATCH', VARS, { [FLAG]: 'true' })).resolves.toMatchObject({ body: { [FLAG]: 'true' } });
    expect((await ask('GET', VARS)).body).toMatchObject({ [FLAG]: 'false' });
    expect(await flagAt(2)).toMatchObject({ [FLAG]: 'true' });
    expect((await ask('GET', `/apps/${APP}/releases/2`)).body).toMatchObject({ status: 'pending', current: false });
    expect(restarts).toEqual([]);

    standIn.finishRelease(APP, 'succeeded');
    expect((await ask('GET', VARS)).body).toMatchObject({ [FLAG]: 'true' });
    expect((await ask('GET', `/apps/${APP}/releases/2`)).body).toMatchObject({ status: 'succeeded', current: true });
    expect(restarts).toEqual([2]);
    expect(() => standIn.finishRelease(APP, 'succeeded')).toThrow('no pending release');
  });

  test('that fails leaves the current release and its values', async () => {
    standIn.setReleaseBehaviour(APP, 'pending');
    await ask('PATCH', VARS, { [FLAG]: 'true' });
    standIn.finishRelease(APP, 'failed');
    expect((await ask('GET', VARS)).body).toMatchObject({ [FLAG]: 'false' });
    expect(standIn.releases(APP)).toMatchObject([{ current: true }, { status: 'failed', current: false }]);
  });

  test.each([
    ['fail', 'failed'],
    [{ pendingMs: 10 }, 'succeeded'],
    [{ pendingMs: 10, end: 'expired' }, 'expired'],
  ] as const)('behaviour %j ends %s by itself', async (behaviour, end) => {
    standIn.setReleaseBehaviour(APP, behaviour);
    await ask('PATCH', VARS, { [FLAG]: 'true' });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(standIn.releases(APP).at(-1)?.status).toBe(end);
    expect(standIn.getVar(APP, FLAG)).toBe(end === 'succeeded' ? 'true' : 'false');
  });

  test('an older one that ends later does not undo a newer one', async () => {
    standIn.setReleaseBehaviour(APP, 'pending');
    await ask('PATCH', VARS, { [FLAG]: 'true' });
    standIn.setVar(APP, 'OTHER', 'y');
    standIn.finishRelease(APP, 'succeeded');
    expect(standIn.releases(APP).filter(({ current }) => current)).toMatchObject([{ version: 3 }]);
  });
});

describe('the list of releases', () => {
  beforeEach(() => {
    for (const value of ['a', 'b', 'c', 'd']) standIn.setVar(APP, FLAG, value);
  });

  const list = (range: string) => ask('GET', `/apps/${APP}/releases`, undefined, { range });

  test.each([
    ['version ..', 200, [1, 2, 3, 4, 5]],
    ['version ..; order=desc', 200, [5, 4, 3, 2, 1]],
    ['version ..; order=desc,max=1', 206, [5]],
    ['version ..; max=2, order=desc', 206, [5, 4]],
    ['version ..; max=2; order=asc;', 206, [1, 2]],
    ['version 2..4', 200, [2, 3, 4]],
    ['version ]2..4[', 200, [3]],
    ['version 9..', 200, []],
    ['version ..; order=desc,max=5', 200, [5, 4, 3, 2, 1]],
  ])('Range %s', async (range, status, versions) => {
    const got = await list(range);
    expect(got.status).toBe(status);
    expect(versionsOf(got)).toEqual(versions);
    expect(got.headers.has('next-range')).toBe(status === 206);
  });

  test.each(['asc', 'desc'])('Next-Range leads through all of it, order=%s', async (order) => {
    const seen: unknown[] = [];
    let range: string | null = `version ..; order=${order},max=2`;
    while (range !== null) {
      const got: Got = await list(range);
      seen.push(...versionsOf(got));
      range = got.headers.get('next-range');
    }
    expect(seen).toEqual(order === 'asc' ? [1, 2, 3, 4, 5] : [5, 4, 3, 2, 1]);
  });

  test.each([
    'version',
    'bytes=0-5',
    'colour ..',
    'constructor ..',
    'version ..; max=0',
    'version ..; max=1001',
    'version ..; order=up',
  ])('Range %s is a 416', async (range) => {
    await expect(list(range)).resolves.toMatchObject({ status: 416, body: { id: 'requested_range_not_satisfiable' } });
  });

  test('an ended release can lose its status, as some old ones have none', async () => {
    standIn.setReleaseBehaviour(APP, 'pending');
    await ask('PATCH', VARS, { [FLAG]: 'pending' });
    standIn.forgetStatuses(APP);
    const { body } = await list('version ..; order=desc,max=2');
    expect(body).toMatchObject([{ status: 'pending' }, { status: null, current: true }]);
  });

  test('an unknown release is a 404 of its own', async () => {
    await expect(ask('GET', `/apps/${APP}/releases/99`)).resolves.toMatchObject({
      status: 404,
      body: { id: 'not_found', resource: 'release' },
    });
  });
});

test('history can be seeded: the incident of 2026-05-09, in whole seconds as Heroku tells time', async () => {
  const user = 'operator@raxx.example';
  const release = standIn.seedRelease({
    app: APP,
    at: INCIDENT,
    user,
    description: `Set ${FLAG} config vars`,
    vars: { [FLAG]: 'true' },
  });
  expect((await ask('GET', `/apps/${APP}/releases/${release.id}`)).body).toMatchObject({
    version: 2,
    created_at: '2026-05-09T04:28:31Z',
    status: 'succeeded',
    current: true,
    user: { email: user },
  });
  expect((await ask('GET', VARS)).body).toEqual({ [FLAG]: 'true', OTHER: 'x' });
  expect(standIn.patchesThatChanged(APP, FLAG)).toBe(0);
  const earlier = { app: APP, at: new Date('2026-05-07T00:00:00Z'), user, description: 'too late', vars: {} };
  expect(() => standIn.seedRelease(earlier)).toThrow('seed the older ones first');
});

describe('faults', () => {
  const RESET = { cause: expect.objectContaining({ code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) }) };

  test('strike as often as they are told, where they are told', async () => {
    standIn.faults.add({
      method: 'PATCH',
      path: '/apps/*/config-vars',
      times: 2,
      fault: { kind: 'status', status: 500 },
    });
    const statuses = [];
    for (const method of ['GET', 'PATCH', 'PATCH', 'PATCH']) {
      statuses.push((await ask(method, VARS, method === 'PATCH' ? { [FLAG]: 'true' } : undefined)).status);
    }
    expect(statuses).toEqual([200, 500, 500, 200]);
    expect(standIn.faults.active).toEqual([]);
    expect(standIn.patchesThatChanged(APP, FLAG)).toBe(1);
  });

  test('last until they are cleared', async () => {
    const clear = standIn.faults.add({ path: /releases/, fault: { kind: 'status', status: 503 } });
    await expect(ask('GET', `/apps/${APP}/releases`)).resolves.toMatchObject({ status: 503 });
    await expect(ask('GET', `/apps/${APP}/releases`)).resolves.toMatchObject({ status: 503 });
    await expect(ask('GET', VARS)).resolves.toMatchObject({ status: 200 });
    clear();
    await expect(ask('GET', `/apps/${APP}/releases`)).resolves.toMatchObject({ status: 200 });
  });

  test.each([
    ['reset_before', 'false'],
    ['reset_after', 'true'],
  ] as const)('%s leaves %s behind, and no answer', async (kind, value) => {
    standIn.faults.add({ times: 1, fault: { kind } });
    await expect(ask('PATCH', VARS, { [FLAG]: 'true' })).rejects.toMatchObject(RESET);
    expect(standIn.getVar(APP, FLAG)).toBe(value);
    expect(standIn.requests).toMatchObject([{ method: 'PATCH', status: null, fault: kind }]);
  });

  test('a delay ends with the right answer', async () => {
    standIn.faults.add({ fault: { kind: 'delay', ms: 60 } });
    const began = performance.now();
    await expect(ask('GET', VARS)).resolves.toMatchObject({ status: 200 });
    expect(performance.now() - began).toBeGreaterThan(50);
  });

  test('closing ends what hangs', async () => {
    standIn.faults.add({ fault: { kind: 'hang' } });
    const hanging = ask('GET', VARS).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await standIn.close();
    await expect(hanging).resolves.toMatchObject({ name: 'TypeError' });
  });
});

test('requests are recorded with what came back, and without credentials', async () => {
  await ask('PATCH', VARS, { [FLAG]: 'true' });
  await ask('GET', '/apps/nobody');
  expect(standIn.requests).toMatchObject([
    { method: 'PATCH', path: VARS, body: { [FLAG]: 'true' }, at: now, status: 200, fault: null },
    { method: 'GET', path: '/apps/nobody', body: null, status: 404 },
  ]);
  expect(JSON.stringify(standIn.requests)).not.toContain(standIn.apiKey);
  standIn.forgetRequests();
  expect(standIn.requests).toEqual([]);
});

test('a watcher hears of each request after it was carried out and before it is answered', async () => {
  const heard: unknown[] = [];
  const stop = standIn.onRequest(({ method, status, fault }) => {
    heard.push([method, status, fault, standIn.getVar(APP, FLAG)]);
  });
  standIn.faults.add({ times: 1, method: 'PATCH', fault: { kind: 'reset_after' } });
  await expect(ask('PATCH', VARS, { [FLAG]: 'true' })).rejects.toThrow();
  await ask('GET', VARS);
  stop();
  await ask('GET', VARS);
  expect(heard).toEqual([
    ['PATCH', null, 'reset_after', 'true'],
    ['GET', null, null, 'true'],
  ]);
});

test('an app name that Heroku would refuse is refused', async () => {
  await expect(startHerokuStandIn({ apps: { 'Not An App': { vars: {} } } })).rejects.toThrow('Not An App');
});
