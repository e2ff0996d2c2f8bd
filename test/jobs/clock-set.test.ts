import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/* The process's wall clock is set while the watchdog's real timer runs. */

const HOUR = 3_600_000;
const CHILD = path.join(__dirname, '../support/clock-set-child.ts');

let child: ChildProcess;
/** When each tick was, in milliseconds on the child's monotonic clock. */
let ticks: number[];

async function start(cron: string): Promise<void> {
  child = fork(CHILD, [cron], { execArgv: ['--import', 'tsx'] });
  ticks = [];
  await once(child, 'message');
  child.on('message', (at) => ticks.push(Number(at)));
}
afterEach(async () => {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
});

async function untilTicks(count: number): Promise<void> {
  while (ticks.length < count) await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
}

test.each([
  ['an hour', -HOUR],
  // Longer than a tick is waited for here.
  ['half a minute', -30_000],
])('set back by %s, ticks go on', async (_, by) => {
  await start('* * * * * *');
  await untilTicks(2);
  child.send(by);
  await untilTicks(6);
});

test('set back by a second again and again, no tick is long in coming', async () => {
  await start('* * * * * *');
  for (let times = 1; times <= 8; times += 1) {
    await untilTicks(2 * times);
    child.send(-1_000);
  }
  const gaps = ticks.slice(1).map((at, nth) => at - (ticks[nth] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(10_000);
});

test('set forward by three hours, what lies between is not ticked for', async () => {
  await start('* * * * * *');
  await untilTicks(2);
  child.send(3 * HOUR);
  await untilTicks(8);
  const tookMs = (ticks.at(-1) ?? 0) - (ticks[1] ?? 0);
  // One a second, and one because it was set.
  expect(tookMs).toBeGreaterThan(4_000);
});

test('set to shortly before a rare tick, there is one at once and one when the cron says so', async () => {
  await start('0 0 1 1 *');
  const nextYear = new Date(new Date().getFullYear() + 1, 0, 1).getTime();
  child.send(nextYear - 5_000 - Date.now());
  await untilTicks(2);
  const [set = 0, rung = 0] = ticks;
  expect(rung - set).toBeGreaterThan(1_000);
});
