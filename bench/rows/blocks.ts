import pg from 'pg';
import { z } from 'zod';
import { createAuditKeys } from '../../src/audit/keys.js';
import { openDatabase } from '../../src/db/database.js';
import { sealOnce } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import { type RunningServer, startBareApp, startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { untilIdle } from '../harness/idle.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { program, type Running, run } from '../harness/processes.js';
import { command, post } from '../harness/requests.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { ticksOf } from '../harness/ticks.js';
import { until } from '../harness/until.js';

const AT_MOST_MS = 50;
const ROUNDS = 3;
const STUCK = 20_000;
const PROMOTIONS = 10_000;
const EVENTS = 100_000;
const PORTION = 500;
const TICK = '*/5 * * * * *';
/** Ticks with everything stuck and alerted, after those that alert. */
const TICKS = 3;
const WITHIN_MS = 10 * 60_000;

const PROBE = { nodeOptions: ['--import', program('harness/loop-probe.js')] };

/** The longest time without answers while something large is done. */
export const blocks: Row = {
  name: 'blocks',
  how: `How long the event loop stood still at the longest: the largest gap between two looks at the clock by a timer of 1 ms that is loaded into the process before the app, from right before until the app is idle again; the median of ${ROUNDS} processes, each of which does it for the first time. Chart: \`/flag-promotions stats\` over ${PROMOTIONS.toLocaleString('en')} promotions of 30 days. Tick: ${STUCK.toLocaleString('en')} promotions get stuck at once, until all are alerted and ${TICKS} further ticks are over. Verify: \`db.audit.verify\` over ${EVENTS.toLocaleString('en')} events, in a process of its own. "Computing" is how much of such a gap the process itself used of the CPU, which other work on the machine doesn't lengthen. Against it, over the same time: a bare Bolt app that does nothing, which is what the machine adds.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const bareUrl = await server.fresh('bench_blocks_bare', 'empty');
    const bare = await startBareApp({ databaseUrl: bareUrl, slack, options: PROBE });
    const beside = async (round: () => Promise<Block>): Promise<Blocked> => {
      const blocked: Blocked = { ours: [], idle: [] };
      for (let count = 0; count < ROUNDS; count += 1) {
        await bare.ask('reset');
        blocked.ours.push(await round());
        blocked.idle.push(await longest(bare));
      }
      return blocked;
    };
    say('drawing a chart');
    const chart = await beside(async () => drawing(await server.fresh('bench_blocks_chart', 'migrated'), slack));
    say(`a tick with ${STUCK} stuck`);
    const tick = await beside(async () => ticking(await server.fresh('bench_blocks_tick', 'migrated'), slack));
    say(`verifying ${EVENTS} events`);
    const verifyUrl = await server.fresh('bench_blocks_verify', 'migrated');
    await fillAuditLog(verifyUrl);
    const verify = await beside(() => verifying(verifyUrl));
    await bare.stop();
    await slack.close();
    return {
      figures: [
        ...figures('chart', chart),
        ...figures(`tick with ${STUCK.toLocaleString('en')} stuck`, tick),
        ...figures(`verify, ${EVENTS.toLocaleString('en')} events`, verify),
      ],
    };
  },
};

/** One value a round. */
interface Blocked {
  readonly ours: Block[];
  readonly idle: Block[];
}

function figures(of: string, { ours, idle }: Blocked): readonly Figure[] {
  const common = { unit: 'ms', against: 'idle bare Bolt meanwhile' } as const;
  return [
    compared({
      ...common,
      what: `longest event-loop block: ${of}`,
      ours: ours.map(({ wallMs }) => wallMs),
      theirs: idle.map(({ wallMs }) => wallMs),
      goal: { figure: { atMost: AT_MOST_MS } },
    }),
    compared({
      ...common,
      what: `the same, computing: ${of}`,
      ours: ours.map(({ cpuMs }) => cpuMs),
      theirs: idle.map(({ cpuMs }) => cpuMs),
    }),
  ];
}

const block = z.object({ wallMs: z.number(), cpuMs: z.number() });
type Block = z.output<typeof block>;

async function longest(running: Running): Promise<Block> {
  return block.parse(await running.ask('longest'));
}

async function drawing(databaseUrl: string, slack: InstantSlack): Promise<Block> {
  await query(
    databaseUrl,
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at, deployed_at)
      select 'flag_' || n, 'app-' || n % 50, 'FLAG_' || n, 'deployed', at, at + interval '1 minute'
        from generate_series(1, ${PROMOTIONS}) n, lateral (select now() - n * interval '4 minutes' as at) t`,
  );
  const app = await startBuiltApp({ databaseUrl, slack, options: PROBE });
  return during(app, databaseUrl, slack, async () => {
    const body = command('stats', { userId: 'U0KRIS', responseUrl: slack.responseUrl });
    const stored = slack.nextCall('files.completeUploadExternal', '');
    await post(`${app.url}/slack/events`, body);
    await stored;
  });
}

async function ticking(databaseUrl: string, slack: InstantSlack): Promise<Block> {
  const app = await startBuiltApp({ databaseUrl, slack, options: PROBE, environment: { MAINTENANCE_CRON: TICK } });
  await app.ask('reset');
  await query(
    databaseUrl,
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at)
      select 'flag_' || n, 'app-' || n % 50, 'FLAG_' || n, 'deploying', now() - interval '13 hours'
        from generate_series(1, ${STUCK}) n`,
  );
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await until(async () => {
    const alerted = await client.query('select count(*)::int as n from flag_promotions.alerts');
    return counted.parse(alerted.rows[0]).n === STUCK;
  }, WITHIN_MS);
  const ticksBefore = await ticksOf(app.url);
  await until(async () => (await ticksOf(app.url)) >= ticksBefore + TICKS, WITHIN_MS);
  await client.end();
  const blocked = await longest(app);
  await app.stop();
  return blocked;
}

const counted = z.object({ n: z.number() });

async function verifying(databaseUrl: string): Promise<Block> {
  const verifier = await run(program('harness/verifier.js'), [databaseUrl], {}, /"up"/u, PROBE);
  await verifier.ask('reset');
  verifier.tell('verify');
  await until(async () => verifier.output().includes('"verified'));
  const blocked = await longest(verifier);
  await verifier.kill();
  if (!verifier.output().includes(`"verified ${EVENTS} true"`)) throw new Error('The audit log was not verified.');
  return blocked;
}

/** In portions, as the app would: each with its MAC, and sealed. */
async function fillAuditLog(databaseUrl: string): Promise<void> {
  const db = openDatabase(databaseUrl, { maxConnections: WRITERS, auditKeys: createAuditKeys([new Uint8Array(32)]) });
  const timers = realTimers(() => performance.now());
  const seal = () => sealOnce({ seals: db.seals, timers, log: createLogger('silent'), takesAnyKey: false });
  for (let done = 0; done < EVENTS; done += PORTION) {
    await Promise.all(Array.from({ length: PORTION }, (_, n) => db.audit.append(eventAbout(`${n + 1}`))));
    await seal();
  }
  await db.close();
}

const WRITERS = 4;
const eventAbout = (promotionId: string) => ({
  at: new Date(),
  action: 'console.flag.promotion.deployed' as const,
  actor: 'promoter',
  promotionId,
  detail: { release: 'v3' },
});

/** The longest block of an idle app's event loop while it does something, and afterwards. */
async function during(
  app: RunningServer,
  databaseUrl: string,
  slack: InstantSlack,
  work: () => Promise<void>,
): Promise<Block> {
  await untilIdle(databaseUrl, slack);
  await app.ask('reset');
  await work();
  await untilIdle(databaseUrl, slack);
  const blocked = await longest(app);
  await app.stop();
  return blocked;
}

async function query(databaseUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(sql);
  await client.end();
}
