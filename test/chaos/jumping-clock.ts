import { createWatchdog } from '../../src/jobs/watchdog.js';
import { createLogger } from '../../src/log.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { createTestClock } from '../support/clock.js';
import { countOwed } from './owed.js';
import type { Report, Scenario } from './scenario.js';
import { DIRECTLY } from '../support/network.js';

/**
 * Clocks jump an hour forth and back at random, through both daylight-saving nights and over 29 February; in the end
 * Slack shows what a steady clock would have led to. Then a replica six hours ahead gets errors from Slack: none of its
 * failed messages waits six hours for another replica.
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
  let ahead: Ahead = { failures: 0, heldBack: 0, doubled: 0 };
  try {
    // In UTC nothing happens in those nights, which is why the app counts in it; its process may run elsewhere.
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
    ahead = await aheadOfTime();
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
  return {
    did: `${BEGINNINGS.length} promotions stuck for ${LASTS / HOUR} h each, ${jumps} jumps of an hour forth and back, in New York; ${ahead.failures} errors from Slack to a replica six hours ahead`,
    wrong: {
      ...wrong,
      'ticks after which the watchdog was called silent': silent,
      'messages held back by a clock six hours ahead': ahead.heldBack,
      'messages doubled beside a clock six hours ahead': ahead.doubled,
    },
    happened: {
      jumps: { times: jumps, atLeast: 50 },
      'errors from Slack to a replica six hours ahead': { times: ahead.failures, atLeast: AHEAD_KINDS },
    },
  };
}

interface Ahead {
  readonly failures: number;
  readonly heldBack: number;
  readonly doubled: number;
}

const AHEAD = 6 * HOUR;
/** An alert, a critical one, the reply when a warning turns critical, a progress message, a snooze that ends. */
const AHEAD_KINDS = 5;
/** The longest wait between two attempts after so many failures, and an expired lease. */
const SOON = 20 * 60_000;

/**
 * The replica that is ahead tries everything first, and again, and Slack answers each time with HTTP 500. Then the
 * other one, whose clock is right, ticks for as long as an honest backoff lasts.
 */
async function aheadOfTime(): Promise<Ahead> {
  const start = Date.parse('2026-05-10T05:00:00Z');
  const bed = await startTestBed({ startAt: new Date(start).toISOString(), withoutHeroku: true, rateLimit: false });
  const clock = createTestClock(new Date(start + AHEAD));
  const ahead = await bed.replica({ clock });
  const stuckFor = (hours: number, flagKey: string) =>
    bed.rows.insertDeploying({ flagKey, promotedAt: new Date(start - hours * HOUR).toISOString() });
  const escalated = await stuckFor(13, 'turns_critical');
  const snoozed = await stuckFor(14, 'snoozed');
  await bed.app.tick();
  const request = { promotionId: snoozed, operatorId: bed.slack.people.superadmin.id, at: await bed.db.now() };
  await bed.db.attention.snooze({ ...request, until: new Date(request.at.getTime() + HOUR) });
  await bed.app.tick();
  const before = await countPosted(bed);
  await bed.rows.query(
    `update console_flag_promotions set promoted_at = promoted_at - interval '12 hours' where id = $1`,
    [escalated],
  );
  await bed.rows.query('update flag_promotions.attention set snoozed_until = flag_promotions.clock()');
  await stuckFor(13, 'warned');
  await stuckFor(25, 'critical');
  const running = await stuckFor(0, 'running');
  await bed.rows.query(
    `insert into flag_promotions.messages (kind, subject, promotion_id) values ('progress', $1::bigint::text, $1::bigint)`,
    [running],
  );
  bed.slack.faults.add({ method: 'chat.postMessage', kind: 'status', status: 500 });
  for (let tick = 0; tick < 2; tick += 1) {
    await ahead.tick();
    clock.advance(60_000);
    await bed.clock.advance(60_000);
  }
  bed.slack.faults.clear();
  const failures = bed.slack.calls.filter(({ status }) => status === 500).length;
  for (let waited = 0; waited < SOON; waited += 60_000) {
    await bed.clock.advance(60_000);
    await bed.app.tick();
  }
  const said = (await countPosted(bed)) - before;
  const owed = await countOwed(bed.rows);
  await bed.close();
  return {
    failures,
    heldBack: Math.max(owed, AHEAD_KINDS - said),
    doubled: Math.max(0, said - AHEAD_KINDS),
  };
}

const countPosted = async (bed: TestBed): Promise<number> =>
  (await bed.slack.everything(bed.slack.channels.alerts)).length;

/** How often a watchdog that ticks on time counts as silent, in the nights when the clocks change. */
async function silentInDaylightSaving(): Promise<number> {
  let silent = 0;
  for (const night of ['2026-03-08T05:00:00Z', '2026-11-01T04:00:00Z']) {
    const clock = createTestClock(night);
    const watchdog = createWatchdog({
      runMaintenance: async () => ({
        at: clock.now(),
        deploying: 0,
        stuck: 0,
        noticed: 0,
        actions: [],
        failures: [],
        overdue: null,
      }),
      cron: '* * * * *',
      heartbeatUrl: null,
      fetch: DIRECTLY.fetch,
      now: clock.now,
      elapsed: () => clock.now().getTime(),
      wallClockAhead: () => 0,
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

/** Ticks through the life of a stuck promotion; about one tick in three is an hour off the real time. */
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
  const repeats = replies.filter(({ text }) => text.includes('still stuck')).length;
  const events = await bed.rows.query<{ action: string }>(
    `select action from flag_promotions.audit_log where promotion_id = $1 and action like '%stuck%'`,
    [promotionId],
  );
  return {
    // The root was the warning's; the critical is a reply beneath it. Each is posted as often as it was recorded, too.
    warnings: Math.max(roots.length, events.filter(({ action }) => action.endsWith('warning')).length),
    criticals: Math.max(replies.length - repeats, events.filter(({ action }) => action.endsWith('critical')).length),
    repeats,
  };
}
