import pg from 'pg';
import PgBoss from 'pg-boss';
import { z } from 'zod';
import { openDatabase } from '../../src/db/database.js';
import { startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { program, run } from '../harness/processes.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';
import { stopBoss } from '../harness/stop-boss.js';
import { until } from '../harness/until.js';

const ROUNDS = 7;
const PROMOTIONS = Number(process.env['BENCH_PROMOTIONS'] ?? 1_000);
const APPS = Array.from({ length: 100 }, (_, index) => `bench-app-${index}`);
/** Before the clock starts: both are measured as they run, not as they start. */
const WARM_UP = 200;
/** Clicks that arrive at once; and pg-boss's jobs in work at once, as many as the promoter's. */
const AT_ONCE = 10;
const IN_WORK = 5;
/** Enough to see its rate, which its polling sets: ten a second with batches of five. */
const POLLED_JOBS = 60;
const QUEUE = 'promotions';

export const promoting: Row = {
  name: 'promoting',
  how: `${AT_ONCE} at a time are marked and promoted by the app's own transactions, by ${AT_ONCE} operators, and then brought to \`deployed\` by the built app through a Heroku that answers at once, in a process of its own, ${APPS.length} apps in all; until every row says so. Each is read at Heroku, set, read again, and leaves four audit events and a progress message. pg-boss is measured in two ways. By \`work\`, its documented one, with batches of ${IN_WORK}, as many as a promoter has in work, and the shortest interval that it takes (half a second, which also sets its rate; ${POLLED_JOBS} jobs show it). And without any pause: ${AT_ONCE} at a time are sent, and ${IN_WORK} at a time fetched and completed in a process of its own, as fast as its queries are answered: three statements a job, where a promotion has ten statements and five requests to Heroku. ${WARM_UP} of each go before, so that neither is measured cold.`,
  async measure({ server, say }: Bench): Promise<readonly Figure[]> {
    const slack = await startInstantSlack();
    const ours: Contender<'perSecond'> = {
      name: 'ours',
      measure: async () => ({ perSecond: await promoteAll(await server.fresh('bench_promoting', 'migrated'), slack) }),
    };
    const pgBoss: Contender<'perSecond'> = {
      name: 'pg-boss',
      measure: async () => ({ perSecond: await moveAll(await server.fresh('bench_pgboss', 'empty')) }),
    };
    say(`${PROMOTIONS} promotions, and as many empty jobs, ${ROUNDS} times`);
    const measured = await alternate(ROUNDS, [ours, pgBoss]);
    const values = (name: string) => (measured.get(name) ?? []).map((one) => one.perSecond);
    say(`${POLLED_JOBS} jobs by polling, ${ROUNDS} times`);
    const polled = await alternate(ROUNDS, [
      {
        name: 'polled',
        measure: async () => ({ perSecond: await pollAll(await server.fresh('bench_pgboss', 'empty')) }),
      },
    ]);
    await slack.close();
    return [
      compared({
        what: `marking ${PROMOTIONS} promotions and promoting them`,
        against: 'pg-boss by `work`, as documented',
        unit: '/s',
        ours: values('ours'),
        theirs: (polled.get('polled') ?? []).map((one) => one.perSecond),
        toReach: { atLeast: 0.3 },
      }),
      compared({
        what: `marking ${PROMOTIONS} promotions and promoting them`,
        against: `pg-boss moving ${PROMOTIONS} empty jobs, fetched without a pause`,
        unit: '/s',
        ours: values('ours'),
        theirs: values('pg-boss'),
        toReach: { atLeast: 0.3 },
      }),
    ];
  },
};

const standIn = z.object({ port: z.number() });

async function promoteAll(databaseUrl: string, slack: InstantSlack): Promise<number> {
  const heroku = await run(program('standins/heroku.js'), [], {}, /^\{.*\}$/mu);
  const { port } = standIn.parse(JSON.parse(heroku.said[0]));
  const app = await startBuiltApp({
    databaseUrl,
    slack,
    environment: { HEROKU_API_URL: `http://127.0.0.1:${port}`, HEROKU_API_KEY: 'bench' },
  });
  const db = openDatabase(databaseUrl);
  const operators = Array.from({ length: AT_ONCE }, (_, index) => `U0KRIS${index}`);
  for (const slackUserId of operators) {
    await db.operators.enrol({ slackUserId, role: 'superadmin', sealedSecret: 'unused' });
  }
  const watching = new pg.Client({ connectionString: databaseUrl });
  await watching.connect();
  let step = 0;
  const promote = async (index: number): Promise<void> => {
    const operatorId = operators[index % AT_ONCE] ?? '';
    const flagKey = `flag_${index}`;
    const herokuApp = APPS[index % APPS.length] ?? '';
    const asked = { flagKey, herokuApp, configVar: `FLAG_${index}`, targetValue: 'true' };
    const marked = await db.transitions.mark(asked, operatorId, new Date());
    if (marked.kind !== 'marked') throw new Error(`Not marked: ${marked.kind}.`);
    const request = {
      promotionId: marked.promotion.id,
      transition: 'promote',
      operatorId,
      shown: null,
      reread: null,
    } as const;
    const done = await db.transitions.carryOut(request, new Date(), {
      isRecoveryCode: false,
      check() {
        step += 1;
        return { kind: 'accepted', step };
      },
    });
    if (done.kind !== 'done') throw new Error(`Not promoted: ${done.kind}.`);
  };
  const allAreLive = () =>
    until(async () => {
      const left = await watching.query(`select from console_flag_promotions where state = 'deploying' limit 1`);
      return left.rowCount === 0;
    });
  await inParallel(WARM_UP, AT_ONCE, promote);
  await allAreLive();
  const startedAt = performance.now();
  await inParallel(PROMOTIONS, AT_ONCE, (index) => promote(WARM_UP + index));
  await allAreLive();
  const seconds = (performance.now() - startedAt) / 1000;
  const ended = await watching.query<{ n: string }>(
    `select count(*) as n from console_flag_promotions where state = 'deployed'`,
  );
  if (Number(ended.rows[0]?.n) !== WARM_UP + PROMOTIONS) throw new Error('Not all were deployed.');
  await watching.end();
  await db.close();
  await app.stop();
  await heroku.stop();
  return PROMOTIONS / seconds;
}

async function moveAll(databaseUrl: string): Promise<number> {
  const all = WARM_UP + PROMOTIONS;
  const args = [databaseUrl, QUEUE, String(IN_WORK), String(WARM_UP), String(all)];
  const mover = await run(program('peers/pg-boss-mover.js'), args, {}, /"up"/u);
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  await boss.start();
  const hasMoved = (count: number) => until(async () => mover.output().includes(`"moved ${count}"`));
  await inParallel(WARM_UP, AT_ONCE, (index) => boss.send(QUEUE, { index }));
  await hasMoved(WARM_UP);
  const startedAt = performance.now();
  await inParallel(PROMOTIONS, AT_ONCE, (index) => boss.send(QUEUE, { index }));
  await hasMoved(all);
  const seconds = (performance.now() - startedAt) / 1000;
  await stopBoss(boss);
  await mover.stop();
  return PROMOTIONS / seconds;
}

/** The same by pg-boss's own `work`, in its shortest interval. */
async function pollAll(databaseUrl: string): Promise<number> {
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue(QUEUE);
  let moved = 0;
  const startedAt = performance.now();
  await boss.work(QUEUE, { batchSize: IN_WORK, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    moved += jobs.length;
  });
  await inParallel(POLLED_JOBS, AT_ONCE, (index) => boss.send(QUEUE, { index }));
  await until(async () => moved === POLLED_JOBS);
  const seconds = (performance.now() - startedAt) / 1000;
  await stopBoss(boss);
  return POLLED_JOBS / seconds;
}

async function inParallel(times: number, atOnce: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < times; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
