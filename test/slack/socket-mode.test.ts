import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SocketModeReceiver } from '@slack/bolt';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { createLogger } from '../../src/log.js';
import { boltLogger } from '../../src/slack/bolt-logger.js';
import {
  ATTEMPT_MS,
  CLOSE_MS,
  keepConnected,
  type Sleep,
  type SocketModeConnection,
} from '../../src/slack/socket-mode.js';
import { eventually } from '../support/eventually.js';
import { DIRECTLY } from '../support/network.js';

/** The real client and a real WebSocket; only the waits are the test's. */
describe('a Socket Mode connection', () => {
  let slack: SlackStandIn;
  let connection: SocketModeConnection;
  let sleeping: { readonly ms: number; readonly wake: () => void }[];
  const lines: string[] = [];
  const sleep: Sleep = (ms, over) =>
    new Promise((resolve) => {
      const sleeper = { ms, wake: () => wake() };
      const wake = (): void => {
        sleeping = sleeping.filter((one) => one !== sleeper);
        resolve();
      };
      sleeping.push(sleeper);
      over.addEventListener('abort', wake);
      if (over.aborted) wake();
    });
  /** Resolves once somebody waits this long, or nobody at all. Waits for Slack's part in closing end at once. */
  const waited = (ms: number | null) =>
    eventually(async () => {
      sleeping.find((one) => one.ms === CLOSE_MS)?.wake();
      if (ms === null) expect(sleeping).toEqual([]);
      else expect(sleeping.map((one) => one.ms)).toContain(ms);
    });
  /** Ends somebody's wait, once they wait. */
  async function pass(ms: number): Promise<void> {
    await waited(ms);
    sleeping.find((one) => one.ms === ms)?.wake();
  }
  const isConnected = () =>
    connection.check().then(
      () => true,
      () => false,
    );

  /** One that Slack's client forgets ends a later attempt after 30 s. */
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  let timersBefore: number;

  beforeEach(async () => {
    timersBefore = timers();
    sleeping = [];
    lines.length = 0;
    slack = await startSlackStandIn();
  });
  afterEach(async () => {
    await connection.stop();
    await slack.close();
    await eventually(async () => expect(timers()).toBeLessThanOrEqual(timersBefore), 10_000);
  });

  function connect(): void {
    const log = createLogger('debug', { write: (line) => void lines.push(line) });
    const line = DIRECTLY.createLine();
    const receiver = new SocketModeReceiver({
      appToken: slack.appToken,
      logger: boltLogger(log),
      autoReconnectEnabled: false,
      dispatcher: line.dispatcher,
      installerOptions: { clientOptions: { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 }, timeout: 10_000 } },
    });
    connection = keepConnected(receiver.client, line, log, sleep);
  }

  test.each(['no_hello', 'no_upgrade'] as const)(
    'that gets %s is given up at its deadline, and made anew',
    async (how) => {
      slack.socketMode.greet(how);
      connect();
      await eventually(async () => expect(slack.socketMode.attempts).toBe(1));
      expect(await isConnected()).toBe(false);
      await pass(ATTEMPT_MS);
      await waited(2_000);
      expect(lines.join()).toContain('Slack said no hello in time');
      slack.socketMode.greet('hello');
      await pass(2_000);
      await eventually(async () => expect(await isConnected()).toBe(true));
      expect(slack.socketMode.attempts).toBe(2);
      expect(slack.socketMode.connections).toBe(1);
      // The deadline was the attempt's: an open connection stays open.
      expect(sleeping).toEqual([]);
    },
  );

  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
  test.each([
    ['401', 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'],
    ['429', 'HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n'],
    ['500, and a body that never comes', 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 100\r\n\r\n'],
    ['a page', 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n'],
    ['101 without a key', `${SWITCH}\r\n`],
    ['101 with another key', `${SWITCH}Sec-WebSocket-Accept: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n`],
    ['half of an answer', 'HTTP/1.1 101 Switching Proto'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ])('whose upgrade is answered by %s is given up, at its deadline at the latest, and made anew', async (_, answer) => {
    slack.socketMode.greet({ answer });
    connect();
    await eventually(async () => expect(slack.socketMode.attempts).toBe(1));
    await eventually(async () => {
      for (const { ms, wake } of sleeping) if (ms === ATTEMPT_MS || ms === CLOSE_MS) wake();
      expect(sleeping.map(({ ms }) => ms)).toContain(2_000);
    });
    expect(await isConnected()).toBe(false);
    slack.socketMode.greet('hello');
    await pass(2_000);
    await eventually(async () => expect(await isConnected()).toBe(true));
    expect(slack.socketMode.attempts).toBe(2);
    expect(sleeping).toEqual([]);
  });

  test.each(['refresh_requested', 'warning', 'link_disabled', 'too_many_websockets', 'of_next_year', null, 7])(
    'that Slack ends with the reason %s is made anew after a second',
    async (reason) => {
      connect();
      await eventually(async () => expect(await isConnected()).toBe(true));
      slack.socketMode.sendFrame(JSON.stringify({ type: 'disconnect', reason }));
      await pass(1_000);
      await eventually(async () => expect(slack.socketMode.attempts).toBe(2));
      await eventually(async () => expect(await isConnected()).toBe(true));
    },
  );

  test('whose hello comes twice, and late again, is one connection', async () => {
    connect();
    await eventually(async () => expect(await isConnected()).toBe(true));
    for (const hello of ['{"type":"hello"}', '{"type":"hello","num_connections":"many"}'])
      slack.socketMode.sendFrame(hello);
    slack.socketMode.drop();
    await pass(1_000);
    await eventually(async () => expect(await isConnected()).toBe(true));
    expect(slack.socketMode.attempts).toBe(2);
    expect(slack.socketMode.connections).toBe(1);
    expect(sleeping).toEqual([]);
  });

  test('waits longer after each attempt that failed, half a minute at most, and a second after one that held', async () => {
    slack.socketMode.greet('no_upgrade');
    connect();
    for (const ms of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await pass(ATTEMPT_MS);
      await pass(ms);
    }
    slack.socketMode.greet('hello');
    await pass(ATTEMPT_MS);
    await pass(30_000);
    await eventually(async () => expect(await isConnected()).toBe(true));
    slack.socketMode.drop();
    await pass(1_000);
    await eventually(async () => expect(await isConnected()).toBe(true));
  });

  test('is no longer waited for once it is to stop, and nothing of it is left', async () => {
    slack.socketMode.greet('no_upgrade');
    connect();
    await eventually(async () => expect(slack.socketMode.attempts).toBe(1));
    await connection.stop();
    await waited(null);
    expect(slack.socketMode.attempts).toBe(1);
    expect(slack.socketMode.connections).toBe(0);
  });
});

test('an attempt has as long as the operating guide says', () => {
  const guide = readFileSync(path.resolve(__dirname, '../../docs/operating.md'), 'utf8');
  expect(guide).toContain(`an attempt has ${ATTEMPT_MS / 1_000} seconds`);
});
