import { setTimeout as sleep } from 'node:timers/promises';
import HerokuClient from 'heroku-client';
import type { Fault, HerokuStandIn } from '../../demo/heroku/stand-in.js';
import type { Heroku, HerokuErrorKind } from '../../src/heroku/heroku.js';
import {
  ANY_TIME,
  APP,
  errorOf,
  FLAG,
  type Harness,
  leaksOf,
  OLD_VALUE,
  SET_VALUE,
  startHarness,
  TOKEN,
} from './harness.js';

/** Longer than the shortest pause after which the unchanged heroku-client sends again. */
const RETRY_WINDOW_MS = 1_300;
/** To sit out what hangs, and enough for a request on a busy machine. */
const DEADLINE_MS = 1_000;
/** For what doesn't hang. */
const LONG_MS = 30_000;

interface Row {
  readonly name: string;
  readonly fault: Fault;
  readonly kind: HerokuErrorKind;
  readonly status: number | null;
  /** Whether a PATCH's outcome is unknown. */
  readonly open: boolean;
}

const status = (code: Extract<Fault, { kind: 'status' }>['status'], kind: HerokuErrorKind, open = false): Row => ({
  name: `status ${code}`,
  fault: { kind: 'status', status: code },
  kind,
  status: code,
  open,
});

const lost = (fault: Fault): Row => ({ name: fault.kind, fault, kind: 'unknown_outcome', status: null, open: true });

const ROWS: readonly Row[] = [
  status(304, 'unexpected', true),
  status(400, 'invalid'),
  status(401, 'unauthorized'),
  status(402, 'forbidden'),
  status(403, 'forbidden'),
  status(404, 'not_found'),
  status(407, 'unexpected'),
  status(408, 'unavailable', true),
  status(409, 'unavailable'),
  status(413, 'invalid'),
  status(414, 'unexpected'),
  status(418, 'unexpected'),
  status(422, 'invalid'),
  status(425, 'unavailable', true),
  status(429, 'rate_limited'),
  status(431, 'unexpected'),
  status(451, 'unexpected'),
  status(499, 'unavailable', true),
  status(500, 'unavailable', true),
  status(502, 'unavailable', true),
  status(503, 'unavailable', true),
  { name: 'garbage', fault: { kind: 'garbage' }, kind: 'unexpected', status: 200, open: true },
  ...[400, 401, 402, 403, 404, 410, 413, 422].map(
    (code): Row => ({
      name: `page with ${code}`,
      fault: { kind: 'garbage', status: code },
      kind: 'unexpected',
      status: code,
      open: false,
    }),
  ),
  lost({ kind: 'reset_before' }),
  lost({ kind: 'reset_after' }),
  lost({ kind: 'hang' }),
  lost({ kind: 'stall' }),
  lost({ kind: 'truncated' }),
  lost({ kind: 'reset_mid_body' }),
];

const CALLS: readonly { name: string; writes: boolean; call: (heroku: Heroku) => Promise<unknown> }[] = [
  { name: 'setConfigVar', writes: true, call: (heroku) => heroku.setConfigVar(APP, FLAG, SET_VALUE, ANY_TIME) },
  { name: 'readConfigVar', writes: false, call: (heroku) => heroku.readConfigVar(APP, FLAG) },
  { name: 'configVarAtRelease', writes: false, call: (heroku) => heroku.configVarAtRelease(APP, '1', FLAG) },
  { name: 'latestRelease', writes: false, call: (heroku) => heroku.latestRelease(APP) },
  { name: 'release', writes: false, call: (heroku) => heroku.release(APP, '1') },
  { name: 'app', writes: false, call: (heroku) => heroku.app(APP) },
];

const sent: { label: string; standIn: HerokuStandIn }[] = [];
const harnesses: Harness[] = [];

afterAll(() => Promise.all(harnesses.map((harness) => harness.close())));

describe.each(CALLS)('$name', ({ name: method, writes, call }) => {
  test.each(ROWS)('$name: $kind, sent once, no secret in it', async ({ name, fault, kind, status: code, open }) => {
    const hangs = fault.kind === 'hang' || fault.kind === 'stall';
    const harness = await startHarness({}, { deadlineMs: hangs ? DEADLINE_MS : LONG_MS });
    harnesses.push(harness);
    const { heroku, standIn } = harness;
    sent.push({ label: `${method}, ${name}`, standIn });
    standIn.faults.add({ fault });

    const began = performance.now();
    const error = await errorOf(call(heroku));
    expect(performance.now() - began).toBeLessThan(hangs ? DEADLINE_MS + 5_000 : LONG_MS);

    expect(error).toMatchObject({ name: 'HerokuError', kind, status: code, outcomeUnknown: writes && open });
    expect(error.message).toMatch(/^[A-Z].+\. .+\. .+\.$/);
    expect(error.message).toContain(APP);
    expect(error.message.includes('may or may not have taken effect')).toBe(writes && open);
    expect(error.requestId === null).toBe(code === null);
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.message.includes('no complete answer within')).toBe(hangs);
    expect(leaksOf(error)).toEqual([]);
    expect(standIn.requests).toHaveLength(1);
  });
});

test('none of them was sent a second time later', async () => {
  await sleep(RETRY_WINDOW_MS);
  expect(sent).toHaveLength(ROWS.length * CALLS.length);
  expect(sent.filter(({ standIn }) => standIn.requests.length !== 1).map(({ label }) => label)).toEqual([]);
});

describe('the tests above can fail', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await startHarness();
  });

  afterEach(() => harness.close());

  test('the unchanged heroku-client sends a PATCH again, and the stand-in counts it', async () => {
    const { standIn } = harness;
    standIn.faults.add({ times: 1, fault: { kind: 'reset_after' } });
    const client = new HerokuClient({ token: TOKEN, host: standIn.apiUrl });
    await client.patch(`/apps/${APP}/config-vars`, { body: { [FLAG]: SET_VALUE } });
    expect(standIn.requests.map(({ method }) => method)).toEqual(['PATCH', 'PATCH']);
  });

  test("the unchanged heroku-client's error carries a body, and the search finds it", async () => {
    const { standIn } = harness;
    standIn.faults.add({ fault: { kind: 'status', status: 422 } });
    const client = new HerokuClient({ token: TOKEN, host: standIn.apiUrl });
    const error: unknown = await client.get(`/apps/${APP}/config-vars`).catch((reason: unknown) => reason);
    expect(error).toHaveProperty('body.id', 'invalid_params');
    expect(leaksOf({ deep: { error: Object.assign(new Error('x'), { body: { FLAG: OLD_VALUE } }) } })).toContain(
      OLD_VALUE,
    );
    expect(leaksOf(new Error('x', { cause: new Error(`Basic ${TOKEN}`) }))).toContain(TOKEN);
  });
});

describe('the outcome of a PATCH, and the words of its error', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await startHarness({}, { deadlineMs: DEADLINE_MS });
  });

  afterEach(() => harness.close());

  const effects: readonly [Fault, boolean][] = [
    [{ kind: 'reset_before' }, false],
    [{ kind: 'reset_after' }, true],
    [{ kind: 'hang', takesEffect: true }, true],
    [{ kind: 'hang' }, false],
    [{ kind: 'truncated' }, true],
    [{ kind: 'garbage', takesEffect: true }, true],
    [{ kind: 'status', status: 503, takesEffect: true }, true],
  ];

  test.each(effects)(
    '%j: took effect: %s; the outcome is unknown either way, and reading settles it',
    async (fault, did) => {
      const { heroku, standIn } = harness;
      standIn.faults.add({ method: 'PATCH', fault });
      const error = await errorOf(heroku.setConfigVar(APP, FLAG, SET_VALUE, ANY_TIME));
      expect(error.outcomeUnknown).toBe(true);
      await expect(heroku.readConfigVar(APP, FLAG)).resolves.toBe(did ? SET_VALUE : OLD_VALUE);
      expect(standIn.patchesThatChanged(APP, FLAG)).toBe(did ? 1 : 0);
    },
  );
});

describe('Heroku’s own reason', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await startHarness();
  });

  afterEach(() => harness.close());

  test.each([
    [402, 'delinquent', 'forbidden', 'Settle the bill'],
    [403, 'two_factor', 'forbidden', 'heroku authorizations:create'],
    [403, 'suspended', 'forbidden', 'support'],
    [409, 'conflict', 'unavailable', 'Try again in a minute'],
  ] as const)('%i %s is kept, and named with the next step', async (code, id, kind, step) => {
    harness.standIn.faults.add({ fault: { kind: 'status', status: code, id } });
    const error = await errorOf(harness.heroku.setConfigVar(APP, FLAG, SET_VALUE, ANY_TIME));
    expect(error).toMatchObject({ kind, status: code, reason: id, outcomeUnknown: false });
    expect(error.message).toContain(id);
    expect(error.message).toContain(step);
    expect(error.message).toContain('Nothing was changed.');
    expect(error.message).not.toContain('own words');
  });

  test('a proxy’s page is not told as Heroku’s refusal', async () => {
    harness.standIn.faults.add({ fault: { kind: 'garbage', status: 403 } });
    const error = await errorOf(harness.heroku.setConfigVar(APP, FLAG, SET_VALUE, ANY_TIME));
    expect(error.message).not.toContain('Heroku does not let');
    expect(error.message).toContain('(status 403)');
    expect(error.message).toContain('Nothing was changed. Check that HEROKU_API_URL');
    expect(error.message).toContain('no proxy answers in its place');
  });

  test.each([
    [403, 'forbidden'],
    [403, OLD_VALUE],
    [422, 'suspended'],
    [503, 'delinquent'],
  ] as const)('%i %s is none that we know', async (code, id) => {
    harness.standIn.faults.add({ fault: { kind: 'status', status: code, id } });
    const error = await errorOf(harness.heroku.readConfigVar(APP, FLAG));
    expect(error.reason).toBeNull();
    expect(leaksOf(error)).toEqual([]);
  });
});

describe('a rate limit', () => {
  let harness: Harness;

  afterEach(() => harness.close());

  test('with Retry-After says when, in the field and in the sentence', async () => {
    harness = await startHarness();
    harness.standIn.faults.add({ fault: { kind: 'status', status: 429, retryAfterSeconds: 30 } });
    const error = await errorOf(harness.heroku.app(APP));
    expect(error).toMatchObject({ kind: 'rate_limited', retryAfterMs: 30_000, rateLimitRemaining: 4_500 });
    expect(error.message).toContain('30 s');
  });

  test('without it leaves the time open', async () => {
    harness = await startHarness({ requestsPerHour: 1 });
    await harness.heroku.app(APP);
    const error = await errorOf(harness.heroku.app(APP));
    expect(error).toMatchObject({ kind: 'rate_limited', retryAfterMs: null, rateLimitRemaining: 0 });
  });

  test('a 503 with Retry-After says when, too', async () => {
    harness = await startHarness();
    harness.standIn.faults.add({ fault: { kind: 'status', status: 503, retryAfterSeconds: 5 } });
    await expect(errorOf(harness.heroku.app(APP))).resolves.toMatchObject({ kind: 'unavailable', retryAfterMs: 5_000 });
  });
});
