import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { scheduledJobs } from 'node-schedule';
import type { MaintenanceReport } from '../../src/jobs/maintenance.js';
import { createWatchdog, type Tick, type Watchdog, type WatchdogDependencies } from '../../src/jobs/watchdog.js';
import { createLogger } from '../../src/log.js';
import { createTestClock, type TestClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';
import { DIRECTLY } from '../support/network.js';

const EVERY_SECOND = '* * * * * *';
const NEVER = '0 0 1 1 *';

function report(changes: Partial<MaintenanceReport> = {}): MaintenanceReport {
  return {
    at: new Date('2026-05-09T16:28:00Z'),
    deploying: 1,
    stuck: 0,
    noticed: 0,
    actions: [],
    failures: [],
    overdue: null,
    ...changes,
  };
}
const withFailure = () => {
  const action = { kind: 'deliver', messageId: '1' } as const;
  return report({ actions: [action], failures: [{ action, error: new Error('Slack is down') }] });
};

/** Maintenance that runs until it is told to end. */
function slowMaintenance() {
  let running = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const run = jest.fn(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => waiting.push(resolve));
    running -= 1;
    return report();
  });
  return { run, most: () => most, end: () => waiting.splice(0).forEach((resolve) => void resolve()) };
}

describe('the watchdog', () => {
  let clock: TestClock;
  let ticks: Tick[];
  let logged: string[];
  let watchdogs: Watchdog[];
  const kinds = () => ticks.map(({ kind }) => kind);

  beforeEach(() => {
    // Local time, as cron means it: these tests hold in any time zone.
    clock = createTestClock(new Date(2026, 4, 8, 9, 0, 5));
    ticks = [];
    logged = [];
    watchdogs = [];
  });
  afterEach(async () => {
    await Promise.all(watchdogs.map((watchdog) => watchdog.stop()));
  });

  function create(changes: Partial<WatchdogDependencies> = {}): Watchdog {
    const watchdog = createWatchdog({
      runMaintenance: async () => report(),
      cron: NEVER,
      heartbeatUrl: null,
      fetch: DIRECTLY.fetch,
      now: clock.now,
      elapsed: () => clock.now().getTime(),
      wallClockAhead: () => 0,
      log: createLogger('debug', { write: (line) => void logged.push(line) }),
      onTick: (tick) => void ticks.push(tick),
      ...changes,
    });
    watchdogs.push(watchdog);
    return watchdog;
  }

  describe('does not overlap itself', () => {
    test('a burst of ticks is one maintenance, and the next tick after it another', async () => {
      const maintenance = slowMaintenance();
      const watchdog = create({ runMaintenance: maintenance.run });
      const burst = Array.from({ length: 5 }, () => watchdog.tick());
      maintenance.end();
      await Promise.all(burst);
      expect(maintenance.run).toHaveBeenCalledTimes(1);
      expect(kinds()).toEqual(['skipped', 'skipped', 'skipped', 'skipped', 'completed']);

      const next = watchdog.tick();
      maintenance.end();
      await next;
      expect(maintenance.run).toHaveBeenCalledTimes(2);
    });

    test('a tick that was skipped ends with the one that runs', async () => {
      const maintenance = slowMaintenance();
      const watchdog = create({ runMaintenance: maintenance.run });
      const first = watchdog.tick();
      let skippedEnded = false;
      const skipped = watchdog.tick().then(() => {
        skippedEnded = true;
      });
      await sleep(20);
      expect(skippedEnded).toBe(false);
      maintenance.end();
      await Promise.all([first, skipped]);
    });

    test('after one that failed the next one runs', async () => {
      const runMaintenance = jest.fn(async () => report()).mockRejectedValueOnce(new Error('the database is down'));
      const watchdog = create({ runMaintenance });
      await watchdog.tick();
      await watchdog.tick();
      expect(kinds()).toEqual(['failed', 'completed']);
      expect(logged.join('')).toContain('the database is down');
    });

    test('maintenance that throws rather than rejects is no different', async () => {
      const watchdog = create({
        runMaintenance: () => {
          throw new Error('at once');
        },
      });
      await expect(watchdog.tick()).resolves.toBeUndefined();
      expect(kinds()).toEqual(['failed']);
    });

    test('a listener that throws makes no tick reject', async () => {
      const watchdog = create({
        onTick: () => {
          throw new Error('the metrics are broken');
        },
      });
      await expect(watchdog.tick()).resolves.toBeUndefined();
    });
  });

  describe('on the real timer', () => {
    test('goes on after failures, and is collapsed to one if the event loop was blocked', async () => {
      let running = 0;
      let most = 0;
      const runMaintenance = jest.fn(async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(200);
        running -= 1;
        throw new Error('each one fails');
      });
      const watchdog = create({ runMaintenance, cron: EVERY_SECOND });
      watchdog.start();
      await eventually(async () => expect(runMaintenance).toHaveBeenCalled());
      const until = performance.now() + 2_200;
      while (performance.now() < until);
      const before = runMaintenance.mock.calls.length;
      await sleep(100);
      expect(runMaintenance.mock.calls.length - before).toBeLessThanOrEqual(1);
      await eventually(async () =>
        expect(kinds().filter((kind) => kind === 'failed').length).toBeGreaterThanOrEqual(2),
      );
      expect(most).toBe(1);
    });

    test('ticks no more once it was stopped, and stops only when the running tick has ended', async () => {
      const maintenance = slowMaintenance();
      const watchdog = create({ runMaintenance: maintenance.run, cron: EVERY_SECOND });
      watchdog.start();
      await eventually(async () => expect(maintenance.run).toHaveBeenCalled());
      let stopped = false;
      const stopping = watchdog.stop().then(() => {
        stopped = true;
      });
      await sleep(20);
      expect(stopped).toBe(false);
      maintenance.end();
      await stopping;
      expect(Object.keys(scheduledJobs)).toEqual([]);
      await sleep(1_200);
      expect(maintenance.run).toHaveBeenCalledTimes(1);
    });

    test('says so if the scheduler does not understand the cron', () => {
      expect(() => create({ cron: '0 0 31 2 *' }).start()).toThrow(/MAINTENANCE_CRON/u);
      expect(() => create({ cron: 'whenever' }).start()).toThrow(/MAINTENANCE_CRON/u);
    });
  });

  test('once stopped, starts no tick at all', async () => {
    const runMaintenance = jest.fn(async () => report());
    const watchdog = create({ runMaintenance });
    await watchdog.stop();
    await watchdog.tick();
    expect(runMaintenance).not.toHaveBeenCalled();
  });

  describe('is silent', () => {
    // The clock starts on Friday 2026-05-08 at 09:00:05; each is the cron's third time after that.
    test.each([
      ['* * * * *', new Date(2026, 4, 8, 9, 3, 0)],
      ['*/5 * * * *', new Date(2026, 4, 8, 9, 15, 0)],
      ['* * * * * *', new Date(2026, 4, 8, 9, 0, 8)],
      ['0 * * * *', new Date(2026, 4, 8, 12, 0, 0)],
      ['30 2 * * *', new Date(2026, 4, 11, 2, 30, 0)],
      ['0 9 * * 1-5', new Date(2026, 4, 13, 9, 0, 0)],
      ['0 9,21 * * *', new Date(2026, 4, 9, 21, 0, 0)],
      ['0 0 1 * *', new Date(2026, 7, 1)],
    ])('with %s once the third ring has passed without a completed tick', async (cron, third) => {
      const since = clock.now();
      const watchdog = create({ cron });
      expect(watchdog.silentSince()).toBeNull();
      clock.set(third);
      expect(watchdog.silentSince()).toBeNull();
      clock.advance(1);
      expect(watchdog.silentSince()).toEqual(since);

      await watchdog.tick();
      expect(watchdog.silentSince()).toBeNull();
    });

    test.each([-3, 3])('by the time that passed, although the wall clock was set by %d hours', async (hours) => {
      const since = clock.now();
      let elapsed = 0;
      const watchdog = create({ cron: '* * * * *', elapsed: () => elapsed });
      clock.advance(hours * 3_600_000);
      expect(watchdog.silentSince()).toBeNull();
      elapsed += 4 * 60_000;
      expect(watchdog.silentSince()).toEqual(since);
    });

    test('even if ticks run but fail', async () => {
      const since = clock.now();
      const watchdog = create({ cron: '* * * * *', runMaintenance: () => Promise.reject(new Error('down')) });
      for (let minute = 0; minute < 4; minute += 1) {
        await watchdog.tick();
        clock.advance(60_000);
      }
      expect(watchdog.silentSince()).toEqual(since);
    });

    test('even if one tick hangs and swallows all others', async () => {
      const maintenance = slowMaintenance();
      const watchdog = create({ cron: '* * * * *', runMaintenance: maintenance.run });
      const since = clock.now();
      void watchdog.tick();
      clock.advance(5 * 60_000);
      void watchdog.tick();
      expect(watchdog.silentSince()).toEqual(since);
      maintenance.end();
    });

    test('but not if single deliveries failed: that tick has done its work', async () => {
      const watchdog = create({ cron: '* * * * *', runMaintenance: async () => withFailure() });
      clock.advance(10 * 60_000);
      await watchdog.tick();
      expect(watchdog.silentSince()).toBeNull();
      expect(kinds()).toEqual(['completed']);
    });
  });

  describe('beats', () => {
    let server: Server;
    let url: string;
    let beats: string[];
    let answerWith: number;

    beforeEach(async () => {
      beats = [];
      answerWith = 200;
      server = createServer((request, response) => {
        beats.push(`${request.method} ${request.url}`);
        response.writeHead(answerWith).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address: AddressInfo | string | null = server.address();
      if (address === null || typeof address === 'string') throw new Error('The server has no port.');
      url = `http://127.0.0.1:${address.port}/ping/1`;
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    /** A sent request has arrived, or the stop has cut it off and says so. */
    async function expectNoBeat(watchdog: Watchdog, before: number): Promise<void> {
      await watchdog.stop();
      expect(beats).toHaveLength(before);
      expect(logged.join('')).not.toContain('heartbeat');
    }

    test('after a tick in which everything passed, once', async () => {
      await create({ heartbeatUrl: url }).tick();
      await eventually(async () => expect(beats).toEqual(['GET /ping/1']));
    });

    const OVERDUE = { messages: 1, promotions: 0, since: new Date('2026-05-08T08:00:00Z') };
    test.each([
      ['nothing failed, because nothing was due, but something is overdue', async () => report({ overdue: OVERDUE })],
      ['maintenance failed', () => Promise.reject(new Error('down'))],
    ])('not after a tick in which %s', async (_, runMaintenance) => {
      const watchdog = create({ heartbeatUrl: url, runMaintenance });
      await watchdog.tick();
      await expectNoBeat(watchdog, 0);
    });

    test('after one delivery failed: how long it is owed is what counts', async () => {
      await create({ heartbeatUrl: url, runMaintenance: async () => withFailure() }).tick();
      await eventually(async () => expect(beats).toHaveLength(1));
    });

    test.each([
      ['* * * * *', 119_999, 180_000],
      ['* * * * * *', 119_999, 120_000],
      ['0 * * * *', 7_199_000, 10_800_000],
    ])('as long as nothing else failed in every tick of %s: for %d ms, and not for %d', async (cron, notYet, late) => {
      const action = { kind: 'close_alerts', promotionIds: ['1'] } as const;
      const failed = report({ actions: [action], failures: [{ action, error: new Error('no') }] });
      let done = failed;
      const failing = create({ heartbeatUrl: url, cron, runMaintenance: async () => done });
      const failingAfter = async (ms: number) => {
        clock.advance(ms);
        await failing.tick();
        return failing.failing();
      };
      clock.set(new Date(2026, 4, 8, 9, 0, 0));
      expect(await failingAfter(0)).toEqual([]);
      await eventually(async () => expect(beats).toHaveLength(1));
      expect(await failingAfter(notYet)).toEqual([]);
      // Once without it, and the time restarts.
      done = report();
      expect(await failingAfter(late)).toEqual([]);
      done = failed;
      expect(await failingAfter(0)).toEqual([]);
      expect(await failingAfter(notYet)).toEqual([]);
      expect(await failingAfter(late - notYet)).toEqual(['close_alerts']);
    });

    test('not if no address is set', async () => {
      await create().tick();
      expect(beats).toEqual([]);
    });

    test('not before the tick has ended', async () => {
      const maintenance = slowMaintenance();
      const ticking = create({ heartbeatUrl: url, runMaintenance: maintenance.run }).tick();
      await sleep(50);
      expect(beats).toEqual([]);
      maintenance.end();
      await ticking;
      await eventually(async () => expect(beats).toHaveLength(1));
    });

    test.each([500, 404])('and a monitor that answers %d is logged, and fails no tick', async (status) => {
      answerWith = status;
      const watchdog = create({ heartbeatUrl: url });
      await watchdog.tick();
      expect(kinds()).toEqual(['completed']);
      expect(watchdog.silentSince()).toBeNull();
      await eventually(async () => expect(logged.join('')).toContain(`"status":${status}`));
    });

    test('and a monitor that never answers is hung up on', async () => {
      server.removeAllListeners('request');
      const hungUp = new Promise<void>((resolve) => {
        server.on('request', (_, response) => void response.once('close', resolve));
      });
      const ticking = create({ heartbeatUrl: url }).tick();
      await hungUp;
      await ticking;
      expect(kinds()).toEqual(['completed']);
      expect(logged.join('')).toContain('the heartbeat could not be sent');
    });

    test('and a monitor that cannot be reached fails no tick either', async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await create({ heartbeatUrl: url }).tick();
      expect(kinds()).toEqual(['completed']);
      await eventually(async () => expect(logged.join('')).toContain('the heartbeat could not be sent'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
  });
});
