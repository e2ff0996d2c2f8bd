import { createWatchdog } from '../../src/jobs/watchdog.js';
import { createLogger } from '../../src/log.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { createTestClock } from '../support/clock.js';
import type { Report, Scenario } from './scenario.js';

/**
 * Clocks that jump: an hour forth and back at moments that chance picks, through the nights in which daylight saving
 * begins and ends, and over 29 February. What is said in the end is what a clock that never jumps would have said.
 */
export const jumpingClock: Scenario = { name: 'jumping-clock', run };

const HOUR = 3_600_000;
const JUMP = HOUR;
const STEP = 20 * 60_000;
/** When something began to deploy: warned after 12 h, critical after 24, repeated after 48, ended after 55. */
const BEGINNINGS: readonly (readonly [name: string, at: string])[] = [
  ['an ordinary day', '2026-05-09T04:28:00Z'],
  ['29 February', '2028-02-28T13:10:00Z'],
  ['the night in which daylight saving begins (America/New_York)', '2026-03-07T18:45:00Z'],
  ['the night in which it ends', '2026-10-31T17:30:00Z'],
];
const LASTS = 55 * HOUR;

async function run(random: () => number): Promise<Report> {
  const zone = process.env['TZ'];
  const wrong = { 'alerts missed': 0, 'alerts repeated': 0, 'repeats of criticals missed': 0, 'repeats too many': 0 };
  let jumps = 0;
  let silent = 0;
  try {
    // In UTC nothing happens at those nights, which is why the app counts in it; its process may be elsewhere.
    process.env['TZ'] = 'America/New_York';
    for (const [, began] of BEGINNINGS) {
      const bed = await startTestBed({ startAt: began });
      const id = await bed.rows.insertDeploying({ promotedAt: began });
      jumps += await live(bed, new Date(began).getTime(), random);
      const said = await whatWasSaid(bed, id);
      const difference = (of: number, expected: number) => ({
        missing: Math.max(0, expected - of),
        tooMany: Math.max(0, of - expected),
      });
      for (const severity of [said.warnings, said.criticals]) {
        const { missing, tooMany } = difference(severity, 1);
        wrong['alerts missed'] += missing;
        wrong['alerts repeated'] += tooMany;
      }
      const repeats = difference(said.repeats, 1);
      wrong['repeats of criticals missed'] += repeats.missing;
      wrong['repeats too many'] += repeats.tooMany;
      await bed.close();
    }
    silent = await silentInDaylightSaving();
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
  return {
    did: `${BEGINNINGS.length} promotions stuck for ${LASTS / HOUR} h each, ${jumps} jumps of an hour forth and back, in New York`,
    wrong: { ...wrong, 'ticks after which the watchdog was called silent': silent },
  };
}

/** How often a watchdog that ticks whenever it is due counts as silent, in the nights in which the clocks are changed. */
async function silentInDaylightSaving(): Promise<number> {
  let silent = 0;
  for (const night of ['2026-03-08T05:00:00Z', '2026-11-01T04:00:00Z']) {
    const clock = createTestClock(night);
    const watchdog = createWatchdog({
      runMaintenance: async () => ({ at: clock.now(), deploying: 0, stuck: 0, actions: [], failures: [] }),
      cron: '* * * * *',
      heartbeatUrl: null,
      now: clock.now,
      elapsed: () => 0,
      log: createLogger('silent', process.stderr),
      onTick: () => undefined,
    });
    for (let minute = 0; minute < 4 * 60; minute += 1) {
      await watchdog.tick();
      clock.advance(60_000);
      if (watchdog.silentSince() !== null) silent += 1;
    }
    await watchdog.stop();
  }
  return silent;
}

/** Ticks through the life of what is stuck; about one tick in three is made an hour from where time really is. */
async function live(bed: TestBed, began: number, random: () => number): Promise<number> {
  let jumps = 0;
  for (let time = 0; time <= LASTS; time += STEP) {
    const jump = random() < 1 / 3 ? (random() < 0.5 ? -JUMP : JUMP) : 0;
    if (jump !== 0) jumps += 1;
    await bed.clock.set(new Date(began + time + jump));
    await bed.app.tick();
  }
  await bed.clock.set(new Date(began + LASTS));
  await bed.app.tick();
  return jumps;
}

async function whatWasSaid(bed: TestBed, promotionId: string) {
  const { alerts } = bed.slack.channels;
  const roots = (await bed.slack.messages(alerts)).filter(({ threadTs }) => threadTs === null);
  const replies = (await Promise.all(roots.map(({ ts }) => bed.slack.thread(alerts, ts)))).flat();
  const repeats = replies.filter(({ text }) => text.includes('still open')).length;
  const events = await bed.rows.query<{ action: string }>(
    `select action from flag_promotions.audit_log where promotion_id = $1 and action like '%stuck%'`,
    [promotionId],
  );
  return {
    // The root was the warning's; the critical is a reply beneath it. Each is told as often as it was recorded, too.
    warnings: Math.max(roots.length, events.filter(({ action }) => action.endsWith('warning')).length),
    criticals: Math.max(replies.length - repeats, events.filter(({ action }) => action.endsWith('critical')).length),
    repeats,
  };
}
