import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createHeartbeat, type Heartbeat } from '../../src/jobs/heartbeat.js';
import { createWatchdog, type Watchdog } from '../../src/jobs/watchdog.js';
import { createLogger } from '../../src/log.js';
import { eventually } from '../support/eventually.js';
import { DIRECTLY } from '../support/network.js';

describe('a monitor that takes the heartbeat and never answers', () => {
  let server: Server;
  let url: string;
  let requests: number;
  /** How many of them the app has given up. */
  let givenUp: number;
  let logged: string[];
  let log: ReturnType<typeof createLogger>;
  let close: () => Promise<void>;

  beforeEach(async () => {
    requests = 0;
    givenUp = 0;
    logged = [];
    log = createLogger('debug', { write: (line) => void logged.push(line) });
    close = async () => undefined;
    server = createServer((_, response) => {
      requests += 1;
      response.once('close', () => {
        givenUp += 1;
        server.emit('given up');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    url = `http://127.0.0.1:${address.port}/`;
  });
  afterEach(async () => {
    jest.useRealTimers();
    await close();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  function heartbeat(): Heartbeat {
    const created = createHeartbeat(url, DIRECTLY.fetch, log);
    close = () => created.stop();
    return created;
  }
  function watchdog(): Watchdog {
    const created = createWatchdog({
      runMaintenance: async () => ({
        at: new Date(),
        deploying: 0,
        stuck: 0,
        noticed: 0,
        actions: [],
        failures: [],
        overdue: null,
      }),
      cron: '0 0 1 1 *',
      heartbeatUrl: url,
      fetch: DIRECTLY.fetch,
      now: () => new Date(),
      elapsed: () => performance.now(),
      wallClockAhead: () => 0,
      log,
      onTick: () => undefined,
    });
    close = () => created.stop();
    return created;
  }

  test('delays neither its tick nor the next, and gets no second request meanwhile', async () => {
    const ticking = watchdog();
    const requested = once(server, 'request');
    await ticking.tick();
    await requested;
    await ticking.tick();
    expect({ requests, givenUp }).toEqual({ requests: 1, givenUp: 0 });
  });

  test('is given up after five seconds', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    const requested = once(server, 'request');
    const beating = heartbeat();
    beating.send();
    await requested;
    jest.advanceTimersByTime(4_999);
    expect(logged).toEqual([]);
    const ended = once(server, 'given up');
    jest.advanceTimersByTime(1);
    await ended;
    expect(logged.join('')).toContain('no answer within 5 s');
    const again = once(server, 'request');
    beating.send();
    await again;
    expect(requests).toBe(2);
  });

  test('does not delay a stop', async () => {
    const ticking = watchdog();
    const requested = once(server, 'request');
    await ticking.tick();
    await requested;
    const ended = once(server, 'given up');
    await ticking.stop();
    await ended;
    expect(logged.join('')).toContain('the app stops');
  });
});

test('a heartbeat that fails is logged with its reason, without the address: it may hold a token', async () => {
  const logged: string[] = [];
  const log = createLogger('debug', { write: (line) => void logged.push(line) });
  // fetch quotes such an address in full.
  const beating = createHeartbeat('http://canary:canary@127.0.0.1/canary', DIRECTLY.fetch, log);
  beating.send();
  await eventually(async () => expect(logged).toHaveLength(1));
  await beating.stop();
  expect(logged.join('')).toMatch(/"reason":"no answer".*the heartbeat could not be sent/u);
  expect(logged.join('')).not.toContain('canary');
});

describe('a monitor that redirects', () => {
  let server: Server;
  let url: string;
  let asked: string[];
  let logged: string[];
  let heartbeat: Heartbeat;
  /** What each path is answered. Others get no answer. */
  const ANSWERS: Readonly<Record<string, readonly [status: number, location?: string]>> = {
    '/301': [301, '/well'],
    '/302': [302, '/well'],
    '/307': [307, '/well'],
    '/elsewhere': [302, '/missing'],
    '/circle': [302, '/circle'],
    '/mail': [302, 'mailto:ops@raxx.example'],
    '/no-address': [302, 'http://['],
    '/with-password': [302, 'http://canary:canary@127.0.0.1/'],
    '/to-nobody': [302, '/hangs'],
    '/well': [200],
    '/missing': [404],
  };

  beforeEach(async () => {
    asked = [];
    logged = [];
    server = createServer(({ url: path = '' }, response) => {
      asked.push(path);
      const answer = ANSWERS[path];
      if (answer === undefined) return;
      const [status, location] = answer;
      response.writeHead(status, location === undefined ? {} : { location }).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    url = `http://127.0.0.1:${address.port}`;
  });
  afterEach(async () => {
    await heartbeat.stop();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  function beat(path: string): void {
    const log = createLogger('debug', { write: (line) => void logged.push(line) });
    heartbeat = createHeartbeat(`${url}${path}`, DIRECTLY.fetch, log);
    heartbeat.send();
  }

  test.each(['/301', '/302', '/307'])(
    'by %s gets the heartbeat, but it is said once that another may have',
    async (path) => {
      beat(path);
      await eventually(async () => expect(logged.join('')).toContain('set HEARTBEAT_URL to where it redirects'));
      expect(asked).toEqual([path, '/well']);
      // Only a request that has ended is followed by another.
      await eventually(async () => {
        heartbeat.send();
        expect(asked.length).toBeGreaterThan(4);
      });
      await heartbeat.stop();
      expect(logged.filter((line) => line.includes('HEARTBEAT_URL'))).toHaveLength(1);
    },
  );

  test('to where it is refused did not accept it', async () => {
    beat('/elsewhere');
    await eventually(async () => expect(logged.join('')).toMatch(/"status":404.*not accepted/u));
    expect(logged.join('')).not.toContain('HEARTBEAT_URL');
  });

  test.each(['/circle', '/mail', '/no-address', '/with-password'])(
    'to %s is said to lead nowhere, since it did answer',
    async (path) => {
      beat(path);
      await eventually(async () => expect(logged).toHaveLength(1));
      expect(logged[0]).toMatch(/"reason":"it redirects, and that leads nowhere".*could not be sent/u);
      expect(logged[0]).not.toContain('canary');
    },
  );

  test('to a host that hangs is given up with the rest, by a stop at the latest', async () => {
    beat('/to-nobody');
    await eventually(async () => expect(asked).toEqual(['/to-nobody', '/hangs']));
    heartbeat.send();
    await heartbeat.stop();
    expect(asked).toHaveLength(2);
    expect(logged.join('')).toContain('the app stops');
  });
});
