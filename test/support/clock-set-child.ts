import { performance } from 'node:perf_hooks';
import { createWatchdog } from '../../src/jobs/watchdog.js';
import { createLogger } from '../../src/log.js';
import { wallClockAhead } from '../../src/runtime.js';
import { DIRECTLY } from './network.js';

/*
 * A watchdog on the real timer, in a process whose wall clock can be set. `argv[2]` is its cron. Reports each tick by a
 * clock that nobody sets; each message it gets moves the wall clock by that many milliseconds.
 */

const RealDate = Date;
let aheadMs = 0;
const now = (): number => RealDate.now() + aheadMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});

const send = (message: number): void => void process.send?.(message);

const watchdog = createWatchdog({
  runMaintenance: async () => ({
    at: new Date(),
    deploying: 0,
    stuck: 0,
    noticed: 0,
    actions: [],
    failures: [],
    overdue: null,
  }),
  cron: process.argv[2] ?? '',
  heartbeatUrl: null,
  fetch: DIRECTLY.fetch,
  now: () => new Date(),
  elapsed: () => performance.now(),
  wallClockAhead,
  log: createLogger('silent', process.stderr),
  onTick: () => send(performance.now()),
});
process.on('message', (byMs) => {
  aheadMs += Number(byMs);
});
watchdog.start();
// Its timer is set.
send(-1);
