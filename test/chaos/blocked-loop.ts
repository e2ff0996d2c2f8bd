import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { z } from 'zod';
import { startTestBed, type TestBed } from '../support/app.js';
import type { TestClock } from '../support/clock.js';
import { eventually } from '../support/eventually.js';
import type { Report, Scenario } from './scenario.js';

/**
 * The event loop is blocked for ten seconds; then maintenance hangs on a locked table. Ticks are due every second
 * meanwhile. A separate prober asks /readyz as a platform would.
 */
export const blockedLoop: Scenario = { name: 'blocked-loop', run };

const RAN = 'completed|failed';
const BLOCKED_MS = 10_000;
const LOCKED_MS = 9_000;
/** A second and a half of ticks: more right after the block would be the missed ones in a burst. */
const TICKS_AFTER_BLOCK = 4;
/** The longest that a tick can wait for the lock, plus some for the machine. */
const RECOVERS_WITHIN_MS = 15_000;

async function run(): Promise<Report> {
  const bed = await startTestBed({ startAt: new Date().toISOString() });
  const app = await bed.replica({ clock: REAL_CLOCK, environment: { MAINTENANCE_CRON: '* * * * * *' } });
  const base = `http://127.0.0.1:${app.port}`;
  const prober = startProber(`${base}/readyz`);
  const alertOf = async (flag: string) =>
    (await bed.slack.messages(bed.slack.channels.alerts)).filter(({ text }) => text.includes(flag)).length;
  const stick = (flagKey: string) =>
    bed.rows.insertDeploying({ flagKey, promotedAt: new Date(Date.now() - 13 * 3_600_000).toISOString() });
  const recovered = (since: number) =>
    eventually(async () => {
      if (!prober.answers().some(({ at, status }) => at > since && status === 200)) throw new Error('not ready');
    }, RECOVERS_WITHIN_MS).then(
      () => true,
      () => false,
    );
  const told = (flag: string) =>
    eventually(async () => {
      if ((await alertOf(flag)) === 0) throw new Error('not told');
    }, RECOVERS_WITHIN_MS).catch(() => undefined);

  await stick('before_the_block');
  await told('before_the_block');

  await stick('while_blocked');
  const blockedAt = Date.now();
  const [ranBefore, skippedBefore] = [await ticksOf(base, RAN), await ticksOf(base, 'skipped')];
  block(BLOCKED_MS);
  const unblockedAt = Date.now();
  await sleep(1_500);
  const ran = (await ticksOf(base, RAN)) - ranBefore;
  const skipped = (await ticksOf(base, 'skipped')) - skippedBefore;
  await told('while_blocked');
  const readyAfterBlock = await recovered(unblockedAt);

  await stick('while_hanging');
  const hangsAt = Date.now();
  await locked(bed, LOCKED_MS);
  const freeAt = Date.now();
  const readyAfterHang = await recovered(freeAt);
  await told('while_hanging');
  await sleep(1_500);

  const answers = await prober.stop();
  const red = (from: number, to: number) =>
    answers.filter(({ at, status }) => at >= from && at <= to && status !== 200).length;
  const flags = ['before_the_block', 'while_blocked', 'while_hanging'];
  const counts = await Promise.all(flags.map(alertOf));
  await bed.close();
  return {
    did: `the loop blocked for ${BLOCKED_MS / 1_000} s, then maintenance for ${LOCKED_MS / 1_000} s; ${ran} ticks ran in the 1.5 s after the block, ${skipped} rings were swallowed; /readyz red ${red(blockedAt, unblockedAt)} and ${red(hangsAt, freeAt)} times of ${answers.length}`,
    wrong: {
      'ticks in a burst after the block': Math.max(0, ran - TICKS_AFTER_BLOCK),
      '/readyz green while the loop stood still': red(blockedAt, unblockedAt) > 0 ? 0 : 1,
      '/readyz green while maintenance hung': red(hangsAt, freeAt) > 0 ? 0 : 1,
      '/readyz red for good': (readyAfterBlock ? 0 : 1) + (readyAfterHang ? 0 : 1),
      'alerts lost': counts.filter((count) => count === 0).length,
      'alerts doubled': counts.filter((count) => count > 1).length,
    },
    happened: {
      'probes while the loop stood still': { times: red(blockedAt, unblockedAt), atLeast: 5 },
      'rings swallowed': { times: skipped, atLeast: 1 },
    },
  };
}

const refuse = (): never => {
  throw new Error('Time itself is not the scenario’s to move.');
};
const REAL_CLOCK: TestClock = { now: () => new Date(), set: refuse, advance: refuse };

function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Locks the alerts' table, as a careless migration would. */
async function locked(bed: TestBed, milliseconds: number): Promise<void> {
  const client = new pg.Client({ connectionString: bed.environment['DATABASE_URL'] });
  await client.connect();
  try {
    await client.query('begin; lock table flag_promotions.alerts in access exclusive mode');
    await sleep(milliseconds);
    await client.query('rollback');
  } finally {
    await client.end();
  }
}

/** How many ticks ran (or, `skipped`, were swallowed by one that ran). */
async function ticksOf(base: string, outcomes: 'completed|failed' | 'skipped'): Promise<number> {
  const metrics = await fetch(`${base}/metrics`).then((answer) => answer.text());
  const line = new RegExp(`^flag_promotions_maintenance_ticks_total\\{outcome="(?:${outcomes})"\\} (\\d+)$`, 'gmu');
  const counts = metrics.matchAll(line);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

const probe = z.object({ at: z.number(), status: z.number() });

/** Asks every half second, in its own thread, and gives up on an answer after a second (status 0). */
function startProber(url: string) {
  const answers: z.output<typeof probe>[] = [];
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     setInterval(async () => {
       const at = Date.now();
       const status = await fetch(workerData, { signal: AbortSignal.timeout(1000) }).then((answer) => answer.status, () => 0);
       parentPort.postMessage({ at, status });
     }, 500);`,
    { eval: true, workerData: url },
  );
  worker.on('message', (message: unknown) => void answers.push(probe.parse(message)));
  return {
    answers: () => answers,
    async stop() {
      await worker.terminate();
      return answers;
    },
  };
}
