import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { type HttpDependencies, type HttpServer, startHttp } from '../src/http.js';
import { createLogger } from '../src/log.js';
import { createMetrics } from '../src/metrics.js';
import { eventually } from './support/eventually.js';

/* How many resources unsigned requests can use, tested over the wire. */

const MOST_BYTES = 64 * 1024;
const lines: string[] = [];
const open = new Set<Socket>();
let server: HttpServer;
/** What was read of bodies at Slack's address: bytes, or the refusal's status. */
let read: (number | string)[];
let pagesUnderWay: number;
let finishPages: (() => void)[];

async function start(limits: HttpDependencies['limits'] = {}, metricsToken: string | null = null): Promise<void> {
  server = await startHttp(0, {
    slackListener: async ({ request, response, readBody, trust }) => {
      const bytes = await readBody(MOST_BYTES);
      read.push(typeof bytes === 'number' ? `refused ${bytes}` : bytes.byteLength);
      if (request.headers['x-from'] === 'slack') trust();
      answer(response, typeof bytes === 'number' ? bytes : 200);
    },
    pages: {
      '/page/': async ({ body, path }) => {
        pagesUnderWay += 1;
        if (path === '/page/slow') await new Promise<void>((resolve) => finishPages.push(resolve));
        pagesUnderWay -= 1;
        return { status: 200, contentType: 'text/html', body: `page of ${body?.length ?? 'nothing'}` };
      },
    },
    publicUrl: null,
    metricsToken,
    readiness: async () => ({ ready: false, checks: { database: 'does not answer' } }),
    metrics: createMetrics(),
    log: createLogger('debug', { write: (line) => void lines.push(line) }),
    limits,
  });
}
function answer(response: ServerResponse, status: number): void {
  response.writeHead(status);
  response.end();
}
beforeEach(() => {
  lines.length = 0;
  read = [];
  pagesUnderWay = 0;
  finishPages = [];
});
afterEach(async () => {
  for (const finish of finishPages) finish();
  for (const socket of open) socket.destroy();
  open.clear();
  await server.stop();
});

/** A connection, and the bytes it received. */
async function dial(options: { readonly allowHalfOpen?: boolean } = {}) {
  const socket = connect({ port: server.port, host: '127.0.0.1', ...options });
  open.add(socket);
  let came = '';
  let isEnded = false;
  socket.on('data', (chunk) => {
    came += String(chunk);
  });
  // Many of these tests are about being cut off.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isEnded = true;
  });
  await once(socket, 'connect');
  return {
    socket,
    came: () => came,
    isEnded: () => isEnded,
    send: (text: string | Buffer) => void socket.write(text),
    ended: () => eventually(async () => expect(isEnded).toBe(true)),
    answered: (what: RegExp) => eventually(async () => expect(came).toMatch(what)),
  };
}
const head = (method: string, path: string, headers: readonly string[] = []) =>
  [`${method} ${path} HTTP/1.1`, 'host: app', ...headers, '', ''].join('\r\n');
const post = (length: number, headers: readonly string[] = []) =>
  head('POST', '/slack/events', [`content-length: ${length}`, ...headers]);
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe('bodies', () => {
  test('that say they are larger are refused before a byte of them is read', async () => {
    await start();
    const one = await dial();
    one.send(post(MOST_BYTES + 1));
    await one.answered(/^HTTP\/1\.1 413 /u);
    expect(read).toEqual(['refused 413']);
  });

  test('in chunks that turn out larger are cut off', async () => {
    await start();
    const one = await dial();
    one.send(head('POST', '/slack/events', ['transfer-encoding: chunked']));
    one.send(chunk('x'.repeat(MOST_BYTES)));
    one.send(chunk('x'));
    await one.ended();
    expect(one.came()).toBe('');
    expect(read).toEqual(['refused 413']);
  });

  test('in chunks of a byte each are cut off; a few of them are no matter', async () => {
    await start();
    const one = await dial();
    one.send(head('POST', '/slack/events', ['transfer-encoding: chunked']));
    one.send(chunk('x').repeat(1_000));
    await one.ended();
    const other = await dial();
    other.send(head('POST', '/slack/events', ['transfer-encoding: chunked']));
    other.send(`${chunk('x').repeat(20)}0\r\n\r\n`);
    await other.answered(/^HTTP\/1\.1 200 /u);
    expect(read).toEqual(['refused 413', 20]);
  });

  test('of the largest size come whole, in however many pieces', async () => {
    await start();
    const one = await dial();
    one.send(head('POST', '/slack/events', ['transfer-encoding: chunked']));
    for (let index = 0; index < 64; index += 1) one.send(chunk('x'.repeat(1_024)));
    one.send('0\r\n\r\n');
    await one.answered(/^HTTP\/1\.1 200 /u);
    expect(read).toEqual([MOST_BYTES]);
  });

  test('that are sent slowly go first if all hold too much, and what comes at once is read', async () => {
    await start({ heldBytes: 2 * MOST_BYTES });
    const slow = [];
    for (let index = 0; index < 4; index += 1) {
      const one = await dial();
      one.send(post(MOST_BYTES));
      one.send('x'.repeat(MOST_BYTES - 1));
      slow.push(one);
      await eventually(async () => expect(read.length).toBe(Math.max(0, index - 1)));
    }
    const honest = await dial();
    honest.send(post(MOST_BYTES / 2));
    honest.send('x'.repeat(MOST_BYTES / 2));
    await honest.answered(/^HTTP\/1\.1 200 /u);
    await slow[0]?.answered(/^HTTP\/1\.1 503 /u);
    await slow[0]?.ended();
    // A connection that isn't in the way is left alone.
    expect(slow.at(-1)?.came()).toBe('');
    slow.at(-1)?.send('x');
    await slow.at(-1)?.answered(/^HTTP\/1\.1 200 /u);
    expect(read).toEqual(['refused 503', 'refused 503', 'refused 503', MOST_BYTES / 2, MOST_BYTES]);
  });

  test('are given up after their time', async () => {
    await start({ withinMs: 50, lingerMs: 50 });
    const one = await dial();
    one.send(post(100));
    one.send('x');
    await one.answered(/^HTTP\/1\.1 408 /u);
    await one.ended();
  });

  test('that are refused while they are sent leave the answer time to arrive, and say that nothing more is taken', async () => {
    await start({ lingerMs: 600_000 });
    const one = await dial({ allowHalfOpen: true });
    const ended = once(one.socket, 'end');
    one.send(post(5_000_000));
    one.send(Buffer.alloc(2_000_000));
    await one.answered(/^HTTP\/1\.1 413 [\s\S]*connection: close\r\n[\s\S]*\r\n\r\n/iu);
    await ended;
    // If it had been cut, the first of these would be answered with a reset, and the next one would fail.
    for (let times = 0; times < 10; times += 1) {
      one.send('x');
      await sleep(10);
    }
    expect(one.isEnded()).toBe(false);
  });

  test('of who leaves are let go', async () => {
    await start();
    const one = await dial();
    one.send(post(100));
    one.send('x');
    one.socket.destroy();
    await eventually(async () => expect(read).toEqual(['refused 400']));
  });

  test('that nobody reads end their connection after the answer', async () => {
    await start({ lingerMs: 50 });
    for (const request of [
      head('GET', '/healthz', ['content-length: 5000000']),
      head('PUT', '/elsewhere', ['content-length: 5000000']),
    ]) {
      const one = await dial();
      one.send(request);
      await one.answered(/^HTTP\/1\.1 (?:200|404) /u);
      await one.ended();
    }
  });

  test('of a form are read before its turn, so that who sends slowly holds none', async () => {
    await start();
    for (let index = 0; index < 10; index += 1) (await dial()).send(head('POST', '/page/a', ['content-length: 10']));
    const honest = await dial();
    honest.send(`${head('POST', '/page/a', ['content-length: 3'])}abc`);
    await honest.answered(/page of 3/u);
    expect(pagesUnderWay).toBe(0);
    const large = await dial();
    large.send(head('POST', '/page/a', ['content-length: 2000']));
    await large.answered(/page of nothing/u);
  });
});

describe('connections', () => {
  test('beyond the limit end the oldest ones, not the newest, and none on which Slack came', async () => {
    await start({ most: 10 });
    const slack = await dial();
    slack.send(`${post(1, ['x-from: slack'])}x`);
    await slack.answered(/^HTTP\/1\.1 200 /u);
    const strangers = [];
    for (let index = 0; index < 30; index += 1) strangers.push(await dial());
    await strangers[20]?.ended();
    expect(strangers.filter(({ isEnded }) => isEnded())).toEqual(strangers.slice(0, 21));
    const newest = await dial();
    newest.send(`${post(2)}xx`);
    await newest.answered(/^HTTP\/1\.1 200 /u);
    slack.send(`${post(3)}xxx`);
    await eventually(async () => expect(read).toEqual([1, 2, 3]));
    expect(slack.isEnded()).toBe(false);
  });

  test('that all are Slack’s end the longest unused', async () => {
    await start({ most: 3 });
    const all: Awaited<ReturnType<typeof dial>>[] = [];
    for (let index = 0; index < 5; index += 1) {
      const one = await dial();
      one.send(`${post(1, ['x-from: slack'])}x`);
      await one.answered(/^HTTP\/1\.1 200 /u);
      all.push(one);
      // The first stays in use.
      all[0]?.send(`${post(1, ['x-from: slack'])}x`);
      await eventually(async () => expect(read).toHaveLength(2 * (index + 1)));
    }
    await all[2]?.ended();
    expect(all.map(({ isEnded }) => isEnded())).toEqual([false, true, true, false, false]);
  });

  test('whose request doesn’t get to the end of its headers are ended; unused ones are not', async () => {
    await start({ headersWithinMs: 50 });
    const unused = await dial();
    const used = await dial();
    used.send(head('GET', '/healthz'));
    await used.answered(/ok/u);
    const slow = await dial();
    slow.send('GET /healthz HTTP/1.1\r\nhost: app\r\nx-a: ');
    const slowAgain = await dial();
    slowAgain.send(head('GET', '/healthz'));
    await slowAgain.answered(/ok/u);
    slowAgain.send('GET /healthz HTTP/1.1\r\n');
    await Promise.all([slow.ended(), slowAgain.ended()]);
    expect([unused.isEnded(), used.isEnded()]).toEqual([false, false]);
    unused.send(head('GET', '/healthz'));
    await unused.answered(/ok/u);
  });

  test('whose request gets no answer in time are ended', async () => {
    await start({ answeredWithinMs: 50 });
    const one = await dial();
    one.send(head('GET', '/page/slow'));
    await one.ended();
  });

  test('on which many requests are sent ahead are ended', async () => {
    await start();
    const one = await dial();
    for (let index = 0; index < 20; index += 1) one.send(head('GET', '/page/slow'));
    await one.ended();
    expect(pagesUnderWay).toBeLessThanOrEqual(2);
    const polite = await dial();
    for (let index = 0; index < 8; index += 1) polite.send(head('GET', '/healthz'));
    await eventually(async () => expect(polite.came().match(/200 OK/gu)).toHaveLength(8));
  });
});

test('two pages at a time ask the database, some wait, and the rest are told to come again', async () => {
  await start();
  const all: Awaited<ReturnType<typeof dial>>[] = [];
  for (let index = 0; index < 60; index += 1) {
    const one = await dial();
    one.send(head('GET', '/page/slow'));
    all.push(one);
  }
  await eventually(async () => expect(all.filter(({ came }) => came().includes(' 503 '))).toHaveLength(8));
  expect(pagesUnderWay).toBe(2);
  const finishing = setInterval(() => finishPages.shift()?.(), 1);
  await eventually(async () => expect(all.filter(({ came }) => came().includes(' 200 '))).toHaveLength(52));
  clearInterval(finishing);
});

describe('every answer forbids to guess what it is:', () => {
  test.each([
    [200, head('GET', '/healthz')],
    [503, head('GET', '/readyz')],
    [200, head('GET', '/metrics')],
    [200, head('GET', '/page/a')],
    [404, head('GET', '/elsewhere')],
    [404, head('DELETE', '/healthz')],
    [200, `${post(1)}x`],
    [413, post(MOST_BYTES + 1)],
    [404, head('GET', '/x', ['expect: something'])],
    [400, 'GET /healthz HTTP/1.1\r\n\r\n'],
    [400, 'nonsense\r\n\r\n'],
    [400, head('POST', '/slack/events', ['content-length: x'])],
    [400, head('POST', '/slack/events', ['content-length: 3', 'content-length: 4'])],
    [400, head('POST', '/slack/events', ['content-length: 3', 'transfer-encoding: chunked'])],
    [431, head('GET', '/healthz', [`x-long: ${'x'.repeat(20_000)}`])],
  ])('%i to %j', async (status, request) => {
    await start();
    const one = await dial();
    one.send(request);
    await one.answered(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\\r\\n\\r\\n`, 'u'));
    expect(one.came()).toMatch(/^x-content-type-options: nosniff\r$/imu);
    expect(one.came().match(/nosniff/gu)).toHaveLength(1);
  });
});

describe('with METRICS_TOKEN', () => {
  const TOKEN = 'metrics-canary-0123456789';
  const asked = async (path: string, ...headers: readonly string[]) => {
    const one = await dial();
    one.send(head('GET', path, ['connection: close', ...headers]));
    await one.ended();
    return one.came();
  };

  test.each([
    [],
    ['authorization: Bearer'],
    ['authorization: Bearer '],
    ['authorization: Bearer wrong-canary-0123456789'],
    [`authorization: Bearer ${TOKEN}x`],
    [`authorization: Bearer ${TOKEN.slice(1)}`],
    [`authorization: Basic ${TOKEN}`],
    [`authorization: ${TOKEN}`],
    [`authorization: Bearer ${TOKEN} ${TOKEN}`],
    [`x-token: ${TOKEN}`],
  ])('%j reads no metrics, and of readiness only whether it is', async (...headers) => {
    await start({}, TOKEN);
    const metrics = await asked('/metrics', ...headers);
    expect(metrics).toMatch(/^HTTP\/1\.1 401 /u);
    expect(metrics).toMatch(/^www-authenticate: Bearer\r$/imu);
    expect(metrics).not.toContain('flag_promotions');
    const readyz = await asked('/readyz', ...headers);
    expect(readyz).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\n\r\nnot ready\n$/u);
    expect(await asked('/healthz')).toMatch(/ok\n$/u);
    expect(await asked(`/metrics?token=${TOKEN}`, ...headers)).toMatch(/^HTTP\/1\.1 401 /u);
  });

  test.each([`authorization: Bearer ${TOKEN}`, `authorization: bearer  ${TOKEN}`])('%j reads both', async (header) => {
    await start({}, TOKEN);
    expect(await asked('/metrics', header)).toContain('flag_promotions_');
    expect(await asked('/readyz', header)).toContain('"database":"does not answer"');
  });

  test('without it, everybody does', async () => {
    await start();
    expect(await asked('/metrics')).toContain('flag_promotions_');
    expect(await asked('/readyz')).toContain('"database":"does not answer"');
  });
});

test.each([
  '/page/../metrics',
  '/page/../../metrics',
  '/page/%2e%2e/metrics',
  '/page/..%2fmetrics',
  '/./metrics',
  '/%6detrics',
  '//metrics',
  '///metrics',
  '/metrics/',
  '/metrics/.',
  '/metrics;x',
  '/metrics#x',
  '/METRICS',
  '\\metrics',
  '/\\metrics',
  'metrics',
  'http://app/metrics',
  'http://app//metrics',
  'https://elsewhere.example/metrics',
  '*',
])('%s is no other name of /metrics', async (path) => {
  await start();
  const one = await dial();
  one.send(head('GET', path));
  await one.answered(/^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/u);
  expect(one.came()).toMatch(/^HTTP\/1\.1 (?:400|404) |page of /u);
  expect(one.came()).not.toContain('flag_promotions');
});
