import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { createHeroku, type Heroku, type WriteOptions } from '../../src/heroku/heroku.js';
import { eventually } from '../support/eventually.js';
import { ANY_TIME, APP, errorOf, FLAG, leaksOf, SET_VALUE, TOKEN } from './harness.js';
import { join, portOf } from '../support/sockets.js';

const CERTIFICATE = path.resolve(__dirname, '../support/tls/cert.pem');
const PEM = { key: readFileSync(path.resolve(CERTIFICATE, '../key.pem')), cert: readFileSync(CERTIFICATE) };

/** A request that is decided on in time, and could be sent only when it is too late. */
describe.each(['http', 'https'] as const)('over %s, a write that its caller no longer wants', (protocol) => {
  let server: http.Server;
  let front: Front;
  let heroku: Heroku;
  const requests: string[] = [];

  beforeEach(async () => {
    process.env['SSL_CERT_FILE'] = CERTIFICATE;
    requests.length = 0;
    const answer = (incoming: http.IncomingMessage, response: http.ServerResponse) => {
      requests.push(incoming.method ?? '');
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      incoming.once('end', () => response.end(body === '' ? '{}' : body));
    };
    server = protocol === 'http' ? http.createServer(answer) : https.createServer(PEM, answer);
    front = await startFront(await portOf(server));
    heroku = createHeroku({ apiKey: TOKEN, apiUrl: `${protocol}://127.0.0.1:${front.port}` });
  });
  afterEach(async () => {
    delete process.env['SSL_CERT_FILE'];
    delete process.env['HEROKU_HTTP_PROXY_HOST'];
    delete process.env['HEROKU_HTTP_PROXY_PORT'];
    heroku.close();
    await front.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const set = (options: WriteOptions) => heroku.setConfigVar(APP, FLAG, SET_VALUE, options);

  async function isWithheld(options: WriteOptions): Promise<void> {
    const error = await errorOf(set(options));
    expect(error).toMatchObject({ kind: 'withheld', outcomeUnknown: false, status: null });
    expect(error.message).toContain('Nothing was changed.');
    expect(leaksOf(error)).toEqual([]);
    // Whatever was sent before this arrives before it.
    await heroku.readConfigVar(APP, FLAG);
    expect(requests).not.toContain('PATCH');
  }

  test('is not sent on a new connection', async () => {
    await isWithheld({ mayStillSend: () => false });
  });

  test('is not sent on a connection that is there already', async () => {
    await heroku.readConfigVar(APP, FLAG);
    await isWithheld({ mayStillSend: () => false });
    // A connection that ends in the middle of nothing is not used again.
    expect(front.connections()).toBe(2);
  });

  // Without TLS a connection is there as soon as the kernel has made it, which no server can put off.
  (protocol === 'https' ? test : test.skip)(
    'is asked about once, when the connection is there, and not before',
    async () => {
      front.hold();
      const asked: boolean[] = [];
      let isWanted = true;
      const withheld = isWithheld({
        mayStillSend: () => {
          asked.push(isWanted);
          return isWanted;
        },
      });
      await eventually(async () => expect(front.connections()).toBe(1));
      expect(asked).toEqual([]);
      isWanted = false;
      front.release();
      await withheld;
      expect(asked).toEqual([false]);
    },
  );

  test('is not sent through a proxy either', async () => {
    const proxy = await startTunnel();
    process.env['HEROKU_HTTP_PROXY_HOST'] = '127.0.0.1';
    process.env['HEROKU_HTTP_PROXY_PORT'] = String(proxy.port);
    await isWithheld({ mayStillSend: () => false });
    await expect(set(ANY_TIME)).resolves.toBe(SET_VALUE);
    await proxy.close();
  });

  test('is sent whole if it is wanted still, on a new connection and on the same one again', async () => {
    await expect(set(ANY_TIME)).resolves.toBe(SET_VALUE);
    await expect(set(ANY_TIME)).resolves.toBe(SET_VALUE);
    expect(requests).toEqual(['PATCH', 'PATCH']);
    expect(front.connections()).toBe(1);
  });
});

/** What connections go through; while it holds, what a client says on a new one goes no further. */
interface Front {
  readonly port: number;
  hold(): void;
  release(): void;
  connections(): number;
  close(): Promise<void>;
}

async function startFront(target: number): Promise<Front> {
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let isHolding = false;
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    upstream.pipe(client);
    if (isHolding) held.push(() => client.pipe(upstream));
    else client.pipe(upstream);
  });
  return {
    port: await portOf(server),
    hold: () => {
      isHolding = true;
    },
    release: () => {
      isHolding = false;
      for (const go of held.splice(0)) go();
    },
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A proxy that makes tunnels, as heroku-client knows it. */
async function startTunnel(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = http.createServer();
  server.on('connect', (incoming: http.IncomingMessage, client: Socket) => {
    const { hostname, port } = new URL(`http://${incoming.url ?? ''}`);
    const upstream = connect(Number(port), hostname, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    join(client, upstream, sockets);
  });
  return {
    port: await portOf(server),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
