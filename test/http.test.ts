import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type HttpServer, startHttp } from '../src/http.js';
import { createLogger } from '../src/log.js';
import { createMetrics } from '../src/metrics.js';

/** Heroku's router keeps idle connections for 90 s. */
const PROXY_IDLE_S = 95;

const open = new Set<Socket>();

/** A connection as a proxy keeps it, and the bytes it received. */
async function proxyTo(port: number) {
  const socket = connect(port, '127.0.0.1');
  open.add(socket);
  await once(socket, 'connect');
  let came = '';
  socket.on('data', (chunk) => {
    came += String(chunk);
  });
  return {
    ended: once(socket, 'close'),
    came: () => came,
    ask: (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nhost: app\r\n\r\n`),
    async answer(): Promise<string> {
      while (!/\r\n\r\n.+/su.test(came)) await once(socket, 'data');
      return came;
    },
  };
}

describe('connections that a proxy keeps', () => {
  let server: HttpServer;
  let asked: Promise<void>;
  let answerSlowOne: () => void;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= server.stop();
    return stopped;
  };

  beforeEach(async () => {
    stopped = undefined;
    let wasAsked = (): void => undefined;
    asked = new Promise((resolve) => {
      wasAsked = resolve;
    });
    const released = new Promise<void>((resolve) => {
      answerSlowOne = resolve;
    });
    server = await startHttp(0, {
      slackListener: null,
      pages: {
        '/slow': async () => {
          wasAsked();
          await released;
          return { status: 200, contentType: 'text/html', body: 'slow' };
        },
      },
      publicUrl: null,
      metricsToken: null,
      readiness: async () => ({ ready: true, checks: {} }),
      metrics: createMetrics(),
      log: createLogger('silent', process.stderr),
    });
  });

  afterEach(async () => {
    for (const socket of open) socket.destroy();
    await stop();
  });

  test('are promised to stay open for longer than a proxy keeps them', async () => {
    const proxy = await proxyTo(server.port);
    proxy.ask('/healthz');
    const [, timeout] = /keep-alive: timeout=(\d+)/iu.exec(await proxy.answer()) ?? [];
    expect(Number(timeout)).toBeGreaterThanOrEqual(PROXY_IDLE_S);
  });

  test('don’t hold up a stop, whether they are unused, idle, or get their answer during it', async () => {
    const unused = await proxyTo(server.port);
    const idle = await proxyTo(server.port);
    idle.ask('/healthz');
    await idle.answer();
    const busy = await proxyTo(server.port);
    busy.ask('/slow');
    await asked;
    const stopping = stop();
    await Promise.all([unused.ended, idle.ended]);
    answerSlowOne();
    await Promise.all([stopping, busy.ended]);
    expect(busy.came()).toMatch(/^HTTP\/1\.1 200 .*connection: close\r\n.*slow$/isu);
  });
});

describe('below a path of PUBLIC_URL', () => {
  const pages = {
    '/enrol/': async ({ path }: { readonly path: string }) =>
      ({ status: 200, contentType: 'text/html', body: `enrol ${path}` }) as const,
    '/promotions/': async ({ path }: { readonly path: string }) =>
      ({ status: 200, contentType: 'text/html', body: `promotion ${path}` }) as const,
  };
  const posted: string[] = [];
  let server: HttpServer | null = null;

  async function serve(publicUrl: string | null): Promise<void> {
    server = await startHttp(0, {
      slackListener: async ({ request, response }) => {
        posted.push(request.url ?? '');
        response.end('slack');
      },
      pages,
      publicUrl,
      metricsToken: null,
      readiness: async () => ({ ready: true, checks: {} }),
      metrics: createMetrics(),
      log: createLogger('silent', process.stderr),
    });
  }
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server?.port}${path}`, { method });
    return { status: answer.status, text: (await answer.text()).trim(), headers: answer.headers };
  };
  afterEach(async () => {
    await server?.stop();
    server = null;
  });

  // A base path may be named like one of ours: it is taken off only once.
  test.each(['/flag-promotions', '/a/b', '/promotions', '/enrol'])(
    '%s, everything is there, whether the proxy takes the path off or passes it on',
    async (base) => {
      await serve(`https://tools.example.com${base}`);
      for (const front of ['', base]) {
        expect(await get(`${front}/healthz`)).toMatchObject({ status: 200, text: 'ok' });
        expect(await get(`${front}/promotions/7`)).toMatchObject({ text: 'promotion /promotions/7' });
        expect(await get(`${front}/enrol/abc`)).toMatchObject({ text: 'enrol /enrol/abc' });
        expect(await get(`${front}/slack/events`, 'POST')).toMatchObject({ text: 'slack' });
        const sheet = await get(`${front}/enrol/style.css`);
        expect(sheet.headers.get('content-type')).toContain('text/css');
        // Others share that host: the header must not cover all of it.
        expect(sheet.headers.get('strict-transport-security')).toBeNull();
      }
      expect(await get(`${base}x/healthz`)).toMatchObject({ status: 404 });
    },
  );

  test('a host of our own is kept to https, and without an address nothing is said of it', async () => {
    await serve('https://flags.example.com');
    expect((await get('/promotions/7')).headers.get('strict-transport-security')).toContain('max-age=');
    expect(await get('/flag-promotions/healthz')).toMatchObject({ status: 404 });
    await server?.stop();
    await serve(null);
    expect((await get('/promotions/7')).headers.get('strict-transport-security')).toBeNull();
  });
});
