import { createServer, type Server } from 'node:http';
import { SocketModeReceiver } from '@slack/bolt';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { createLogger } from '../../src/log.js';
import { boltLogger } from '../../src/slack/bolt-logger.js';
import { networkCode } from '../../src/network/failures.js';
import { createNetwork, type Network } from '../../src/network/network.js';
import { parseExemptions, parseProxy } from '../../src/network/proxies.js';
import { keepConnected, type SocketModeConnection } from '../../src/slack/socket-mode.js';
import { type HttpProxy, type HttpProxyOptions, startHttpProxy } from '../stand-ins/http-proxy.js';
import { startTlsFront, type TlsFront } from '../stand-ins/tls-front.js';
import { type Authority, createAuthority } from '../support/authority.js';
import { eventually } from '../support/eventually.js';
import { portOf } from '../support/sockets.js';

/** Only the proxy can resolve these hosts: what reaches them went through it. */
const HOST = 'service.test';
const CREDENTIALS = { name: 'flags', password: 'p@ss:w/rd' };

describe('through a proxy', () => {
  let authority: Authority;
  let server: Server;
  let front: TlsFront;
  let proxy: HttpProxy;
  let network: Network;
  let received: { readonly url: string; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }[];
  const ports: Record<string, number> = {};

  beforeAll(async () => {
    authority = await createAuthority();
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.once('end', () => {
        received.push({ url: request.url ?? '', headers: request.headers, body });
        response.end('here');
      });
    });
    ports['plain'] = await portOf(server);
    front = await startTlsFront(await authority.issue(`DNS:${HOST}`), ports['plain']);
  });
  afterAll(async () => {
    await front.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await authority.remove();
  });

  async function start(options: Partial<HttpProxyOptions> = {}, noProxy = ''): Promise<void> {
    proxy = await startHttpProxy({
      hosts: () => ({ [HOST]: front.port, 'plain.test': ports['plain'] ?? 0, ...ports }),
      credentials: CREDENTIALS,
      ...options,
    });
    network = createNetwork(
      {
        https: parseProxy('HTTPS_PROXY', proxy.url),
        http: parseProxy('HTTP_PROXY', proxy.url),
        exemptions: parseExemptions(noProxy),
      },
      { ca: authority.certificate },
    );
  }
  beforeEach(() => {
    received = [];
  });
  afterEach(async () => {
    network.close();
    await proxy.close();
  });

  const get = (url: string) => network.fetch(url, { signal: AbortSignal.timeout(10_000) });
  const codeOf = async (url: string) => {
    try {
      return `answered ${(await get(url)).status}`;
    } catch (error) {
      return networkCode(error);
    }
  };

  test('an https address is reached by a tunnel, in which TLS is with the address itself', async () => {
    await start();
    const answer = await network.fetch(`https://${HOST}/a?b`, { method: 'POST', body: 'said', headers: { x: 'y' } });
    expect(await answer.text()).toBe('here');
    expect(received).toMatchObject([{ url: '/a?b', headers: { host: HOST, x: 'y' }, body: 'said' }]);
    expect(received[0]?.headers).not.toHaveProperty('proxy-authorization');
    const authorization = `Basic ${Buffer.from('flags:p@ss:w/rd').toString('base64')}`;
    expect(proxy.asked).toEqual([{ method: 'CONNECT', target: `${HOST}:443`, authorization }]);
  });

  test('an http address is asked for by its whole name, as proxies make no tunnels to port 80', async () => {
    await start();
    const answer = await network.fetch('http://plain.test/a?b', { method: 'POST', body: 'said' });
    expect(await answer.text()).toBe('here');
    expect(received).toMatchObject([{ url: '/a?b', headers: { host: 'plain.test' }, body: 'said' }]);
    expect(proxy.asked).toMatchObject([{ method: 'POST', target: 'http://plain.test/a?b' }]);
  });

  test('a tunnel is used again, and a proxy may be spoken to by TLS itself', async () => {
    await start({ tls: await authority.issue('IP:127.0.0.1') });
    await (await get(`https://${HOST}/1`)).text();
    expect(proxy.asked).toHaveLength(1);
    await eventually(async () => {
      const before = proxy.asked.length;
      await (await get(`https://${HOST}/2`)).text();
      expect(proxy.asked).toHaveLength(before);
    });
  });

  test('hosts in NO_PROXY are reached directly, and this machine always', async () => {
    // Another spelling of this machine's address, which isn't recognised as such.
    const exempt = '[::ffff:7f00:1]';
    await start({}, exempt);
    for (const host of [exempt, '127.0.0.1']) {
      await expect(codeOf(`http://${host}:${ports['plain']}/`)).resolves.toBe('answered 200');
    }
    expect(proxy.asked).toEqual([]);
  });

  test.each([
    [407, 'PROXY_407'],
    [403, 'PROXY_403'],
    [503, 'PROXY_503'],
    ['hang_up', 'PROXY_ECONNRESET'],
    ['nonsense', 'PROXY_HPE_INVALID_CONSTANT'],
  ] as const)('a proxy that says %s lets nothing through, and a later request through again', async (manner, code) => {
    await start();
    proxy.treat(manner);
    expect(await codeOf(`https://${HOST}/`)).toBe(code);
    expect(await network.reach(`https://${HOST}/`, 10_000)).toBe(code);
    expect(received).toEqual([]);
    proxy.treat('through');
    expect(await codeOf(`https://${HOST}/`)).toBe('answered 200');
    expect(await network.reach(`https://${HOST}/`, 10_000)).toBeNull();
  });

  test('a proxy that is not there, and one that does not know the host', async () => {
    await start();
    expect(await codeOf('https://unknown.test/')).toBe('PROXY_502');
    await proxy.close();
    expect(await codeOf(`https://${HOST}/`)).toBe('PROXY_ECONNREFUSED');
    proxy = await startHttpProxy({ hosts: () => ({}) });
  });

  test('a proxy that hangs keeps nobody beyond their own deadline, nor the next one who asks', async () => {
    await start();
    proxy.treat('hang');
    const began = performance.now();
    await expect(network.fetch(`https://${HOST}/`, { signal: AbortSignal.timeout(200) })).rejects.toThrow();
    expect(await network.reach(`https://${HOST}/`, 200)).toBe('TIMEOUT');
    expect(performance.now() - began).toBeLessThan(5_000);
    proxy.treat('through');
    expect(await codeOf(`https://${HOST}/`)).toBe('answered 200');
  });

  test('a certificate of an authority that nobody told of is refused', async () => {
    await start();
    network.close();
    network = createNetwork({ https: parseProxy('HTTPS_PROXY', proxy.url), http: null, exemptions: [] });
    expect(await codeOf(`https://${HOST}/`)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(await network.reach(`https://${HOST}/`, 10_000)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(received).toEqual([]);
  });

  test('to reach an address is to say nothing to it', async () => {
    await start();
    expect(await network.reach(`wss://${HOST}/link`, 10_000)).toBeNull();
    expect(received).toEqual([]);
    expect(proxy.asked.map(({ target }) => target)).toEqual([`${HOST}:443`]);
  });

  test('to reach an http address is to ask for its root, as its own path could count as a heartbeat', async () => {
    await start();
    expect(await network.reach('http://plain.test/ping?token=1', 10_000)).toBeNull();
    expect(received).toMatchObject([{ url: '/', body: '' }]);
    expect(proxy.asked).toMatchObject([{ method: 'HEAD', target: 'http://plain.test/' }]);
  });

  test.each([
    [407, 'PROXY_407', 'PROXY_407'],
    [403, 'ANSWERED_403', 'answered 403'],
    [502, 'ANSWERED_502', 'answered 502'],
    ['hang_up', 'UND_ERR_SOCKET', 'UND_ERR_SOCKET'],
  ] as const)('a proxy that says %s to an http address: not reached', async (manner, reached, fetched) => {
    await start();
    proxy.treat(manner);
    expect(await network.reach('http://plain.test/', 10_000)).toBe(reached);
    expect(await codeOf('http://plain.test/')).toBe(fetched);
    proxy.treat('through');
    expect(await network.reach('http://plain.test/', 10_000)).toBeNull();
    expect(await codeOf('http://plain.test/')).toBe('answered 200');
  });

  test('a proxy that is not there gets the blame for an http address, too, and one that hangs', async () => {
    await start();
    proxy.treat('hang');
    expect(await network.reach('http://plain.test/', 200)).toBe('TIMEOUT');
    await proxy.close();
    expect(await codeOf('http://plain.test/')).toBe('PROXY_ECONNREFUSED');
    expect(await network.reach('http://plain.test/', 10_000)).toBe('PROXY_ECONNREFUSED');
    proxy = await startHttpProxy({ hosts: () => ({}) });
  });

  describe('Socket Mode', () => {
    let slack: SlackStandIn;
    let slackFront: TlsFront;
    let connection: SocketModeConnection;
    const lines: string[] = [];

    beforeEach(async () => {
      lines.length = 0;
      slack = await startSlackStandIn({ publicUrl: 'https://slack.test' });
      slackFront = await startTlsFront(await authority.issue('DNS:slack.test'), slack.port);
      ports['slack.test'] = slackFront.port;
      await start();
    });
    afterEach(async () => {
      await connection.stop();
      await slackFront.close();
      await slack.close();
    });

    function connect(): void {
      const log = createLogger('debug', { write: (line) => void lines.push(line) });
      const line = network.createLine();
      const receiver = new SocketModeReceiver({
        appToken: slack.appToken,
        logger: boltLogger(log),
        autoReconnectEnabled: false,
        dispatcher: line.dispatcher,
        installerOptions: { clientOptions: { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } } },
      });
      connection = keepConnected(receiver.client, line, log);
    }
    const isConnected = () => eventually(() => connection.check());

    test('connects by a tunnel, and again if the proxy cut it', async () => {
      connect();
      await isConnected();
      expect(new Set(proxy.asked.map(({ target }) => target))).toEqual(new Set(['slack.test:443']));
      proxy.treat(403);
      slack.socketMode.drop();
      await eventually(async () => expect(lines.join()).toContain('PROXY_403'));
      proxy.treat('through');
      await isConnected();
    });

    test('a connection that Slack takes no part in ending is ended all the same', async () => {
      connect();
      await isConnected();
      slackFront.freeze();
      await connection.stop();
      // fetch closes its own connections by itself.
      await eventually(async () => expect(proxy.tunnels()).toBe(0));
    });
  });
});
