import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type HttpServer, startHttp } from '../src/http.js';
import { createLogger } from '../src/log.js';
import { createMetrics } from '../src/metrics.js';

/** Heroku's router keeps idle connections for 90 s. */
const PROXY_IDLE_S = 95;

const open = new Set<Socket>();

/** A connection as a proxy keeps it, with what came on it. */
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
      isHttps: false,
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
