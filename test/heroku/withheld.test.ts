import http from 'node:http';
import https from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { createHeroku, type Heroku, type WriteOptions } from '../../src/heroku/heroku.js';
import { createNetwork, type Network } from '../../src/network/network.js';
import { parseProxy } from '../../src/network/proxies.js';
import { type HttpProxy, startHttpProxy } from '../stand-ins/http-proxy.js';
import { type Authority, createAuthority } from '../support/authority.js';
import { eventually } from '../support/eventually.js';
import { portOf } from '../support/sockets.js';
import { ANY_TIME, APP, errorOf, FLAG, leaksOf, SET_VALUE, TOKEN } from './harness.js';

/** Only the proxy can resolve it. */
const PROXIED = 'heroku.test';

const CASES = [
  ['http', 'directly'],
  ['https', 'directly'],
  ['http', 'through a proxy'],
  ['https', 'through a proxy'],
] as const;

/** A request decided on in time, which could be sent only too late. */
describe.each(CASES)('over %s, %s, a write that its caller no longer wants', (protocol, way) => {
  let authority: Authority;
  let identity: { readonly key: string; readonly cert: string };
  let server: http.Server;
  let front: Front;
  let proxy: HttpProxy;
  let network: Network;
  let heroku: Heroku;
  const requests: string[] = [];

  beforeAll(async () => {
    authority = await createAuthority();
    identity = await authority.issue('IP:127.0.0.1', `DNS:${PROXIED}`);
  });
  afterAll(() => authority.remove());

  beforeEach(async () => {
    requests.length = 0;
    const answer = (incoming: http.IncomingMessage, response: http.ServerResponse) => {
      requests.push(incoming.method ?? '');
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      incoming.once('end', () => response.end(body === '' ? '{}' : body));
    };
    server = protocol === 'http' ? http.createServer(answer) : https.createServer(identity, answer);
    front = await startFront(await portOf(server));
    proxy = await startHttpProxy({ hosts: () => ({ [PROXIED]: front.port }) });
    network = createNetwork(
      {
        https: parseProxy('HTTPS_PROXY', proxy.url),
        http: parseProxy('HTTP_PROXY', proxy.url),
        exemptions: [],
      },
      { ca: authority.certificate },
    );
    const address = way === 'directly' ? `127.0.0.1:${front.port}` : PROXIED;
    heroku = createHeroku({ apiKey: TOKEN, apiUrl: `${protocol}://${address}`, network });
  });
  afterEach(async () => {
    heroku.close();
    network.close();
    await proxy.close();
    await front.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('goes the way that it should', async () => {
    await heroku.readConfigVar(APP, FLAG);
    expect(proxy.asked.map(({ method }) => method)).toEqual(way === 'directly' ? [] : ['CONNECT']);
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
    // A connection that ended in the middle is not used again.
    expect(front.connections()).toBe(2);
  });

  // Without TLS a connection is there as soon as the kernel has made it, which no server can delay.
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

  test('is not sent by a proxy that makes its tunnel too late', async () => {
    if (way === 'directly') return;
    proxy.treat('hang');
    const error = await errorOf(set({ mayStillSend: () => true, deadlineMs: 300 }));
    expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false, status: null });
    expect(leaksOf(error)).toEqual([]);
    proxy.treat('through');
    await heroku.readConfigVar(APP, FLAG);
    expect(requests).toEqual(['GET']);
  });

  test.each([407, 403, 'hang_up'] as const)(
    'is not sent if the proxy says %s, which is no word of Heroku’s',
    async (manner) => {
      if (way === 'directly') return;
      proxy.treat(manner);
      const error = await errorOf(set(ANY_TIME));
      expect(error).toMatchObject({ kind: 'unreachable', outcomeUnknown: false, status: null });
      expect(error.message).toMatch(
        /^The proxy let no connection through to Heroku .*\(PROXY_\w+\)\. Nothing was changed\. Check HTTPS_PROXY/u,
      );
      expect(requests).toEqual([]);
    },
  );

  test('is sent whole if it is wanted still, on a new connection and on the same one again', async () => {
    await expect(set(ANY_TIME)).resolves.toBe(SET_VALUE);
    await expect(set(ANY_TIME)).resolves.toBe(SET_VALUE);
    expect(requests).toEqual(['PATCH', 'PATCH']);
    expect(front.connections()).toBe(1);
  });
});

/** Connections pass through it; while it holds, bytes on new ones wait. */
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
