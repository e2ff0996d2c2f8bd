import pg from 'pg';
import { z } from 'zod';
import { startBuiltApp } from '../harness/app.js';
import { compared } from '../harness/figures.js';
import { type BenchHeroku, clockNow, startHeroku } from '../harness/heroku.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { PEER_NODE } from '../harness/peer-node.js';
import { startPeer } from '../harness/peers.js';
import { quantile } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { until } from '../harness/until.js';

const SAMPLES = 1_000;
const WARM_UP = 50;
const AT_ONCE = 5;

/** How soon a worker begins with what was just committed. */
export const pickUp: Row = {
  name: 'pick-up',
  how: `From right before the one statement that makes work due, commits and notifies, until the worker's first request to Heroku about it: a promotion with a checkpoint; a job by \`graphile_worker.add_job\`, which notifies by itself; a job by pg-boss's \`send\` to a queue with \`notify\`. A job sends that one request and ends; the promoter is let finish before the next. One after the other, ${SAMPLES.toLocaleString('en')} times, after ${WARM_UP} that aren't counted. Workers with ${AT_ONCE} at once, LISTEN, and their polling beside it as documented. Heroku's stand-in answers at once and tells when it was asked.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const heroku = await startHeroku();
    say(`${SAMPLES} promotions`);
    const ours = await promotions(await server.fresh('bench_pick_up', 'migrated'), slack, heroku);
    say(`${SAMPLES} jobs of graphile-worker`);
    const graphile = await graphileJobs(await server.fresh('bench_pick_up_graphile', 'empty'), heroku);
    say(`${SAMPLES} jobs of pg-boss`);
    const boss = await bossJobs(await server.fresh('bench_pick_up_pgboss', 'empty'), heroku);
    await heroku.stop();
    await slack.close();
    const sides = [
      ['graphile-worker, LISTEN', graphile],
      ['pg-boss, useListenNotify', boss],
    ] as const;
    return {
      figures: [0.5, 0.99].flatMap((share) =>
        sides.map(([against, theirs]) =>
          compared({
            what: `committed → worked on, p${share * 100} of ${SAMPLES}`,
            unit: 'ms',
            ours: [quantile(ours, share)],
            against,
            theirs: [quantile(theirs, share)],
          }),
        ),
      ),
    };
  },
};

/** One after the other: makes one due, waits for its first request, and lets it end. */
async function sampled(
  name: string,
  heroku: BenchHeroku,
  makeDue: (app: string, index: number) => Promise<number>,
  end: (index: number) => Promise<void>,
): Promise<readonly number[]> {
  const took: number[] = [];
  for (let index = 0; index < WARM_UP + SAMPLES; index += 1) {
    const app = `${name}-${index}`;
    const asked = heroku.firstRequest(app);
    const startedAt = await makeDue(app, index);
    const askedAt = await asked;
    if (index >= WARM_UP) took.push(askedAt - startedAt);
    await end(index);
  }
  return took;
}

async function promotions(databaseUrl: string, slack: InstantSlack, heroku: BenchHeroku): Promise<readonly number[]> {
  const app = await startBuiltApp({
    databaseUrl,
    slack,
    environment: heroku.environment,
    options: { node: PEER_NODE },
  });
  const client = await connected(databaseUrl);
  const took = await sampled(
    'promotion',
    heroku,
    async (herokuApp, index) => {
      const startedAt = clockNow();
      await client.query(
        `with due as (
           insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at)
             values ('flag_' || $1::text, $2, 'FLAG_' || $1::text, 'deploying', 'INTENT', now()) returning 1)
         select pg_notify('flag_promotions_due', '') from due`,
        [index, herokuApp],
      );
      return startedAt;
    },
    () =>
      until(async () => {
        const left = await client.query(`select from console_flag_promotions where state = 'deploying' limit 1`);
        return left.rowCount === 0;
      }),
  );
  await client.end();
  await app.stop();
  return took;
}

async function graphileJobs(databaseUrl: string, heroku: BenchHeroku): Promise<readonly number[]> {
  const worker = await startPeer('graphile-worker', { connectionString: databaseUrl, atOnce: AT_ONCE });
  const client = await connected(databaseUrl);
  const took = await sampled(
    'graphile',
    heroku,
    async (app) => {
      const startedAt = clockNow();
      await client.query(`select graphile_worker.add_job('promotions', $1::json)`, [
        JSON.stringify(jobOf(app, heroku)),
      ]);
      return startedAt;
    },
    async () => undefined,
  );
  await client.end();
  await worker.kill();
  return took;
}

async function bossJobs(databaseUrl: string, heroku: BenchHeroku): Promise<readonly number[]> {
  const worker = await startPeer('pg-boss', { connectionString: databaseUrl, atOnce: AT_ONCE });
  const sender = await startPeer('pg-boss', { connectionString: databaseUrl, atOnce: 0 });
  const took = await sampled(
    'pg-boss',
    heroku,
    async (app) => sent.parse(await sender.ask(jobOf(app, heroku))).sentAt,
    async () => undefined,
  );
  await sender.kill();
  await worker.kill();
  return took;
}

const sent = z.object({ sentAt: z.number() });

const jobOf = (app: string, { url }: BenchHeroku) => ({ url: `${url}/apps/${app}`, body: 'x=1' });

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}
