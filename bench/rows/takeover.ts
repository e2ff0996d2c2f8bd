import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import pg from 'pg';
import PgBoss from 'pg-boss';
import { startBuiltApp } from '../harness/app.js';
import { compared, type Figure, withUnit } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { portOf } from '../harness/ports.js';
import { program, ROOT, run } from '../harness/processes.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';
import { stopBoss } from '../harness/stop-boss.js';
import { until } from '../harness/until.js';

const ROUNDS = 5;
const DEFAULT_ROUNDS = 2;
/** After which both take a worker for dead, in the tuned comparison. pg-boss counts in whole seconds. */
const TUNED_SECONDS = 3;
const QUEUE = 'promotions';

/** SIGKILL of the replica that works on something, until another has taken it up. */
export const takeover: Row = {
  name: 'takeover',
  how: `Two replicas; the one that holds the work is killed with SIGKILL right after it took it, and the time runs until the other has taken it. flag-promotions: the promotion's lease has another owner. pg-boss: another worker's handler is called. Tuned: PROMOTER_LEASE=${TUNED_SECONDS}s, which a live promoter renews; pg-boss with expireInSeconds=${TUNED_SECONDS}, maintenance every second and polling every half, the least that it takes, and with which a job that lives longer is run twice: without heartbeats, which came with versions that need a newer Node, expiry is all it has. Their defaults are read from what is installed, not waited for: pg-boss's expiry from the default of its own column, graphile-worker's from its SQL, which no setting changes; a sweep that has to come by afterwards is not counted.`,
  async measure({ server, say }: Bench): Promise<readonly Figure[]> {
    const slack = await startInstantSlack();
    // Takes every request and never answers, so that whoever holds the promotion goes on holding it.
    const heroku = createServer(() => undefined);
    await new Promise<void>((resolve) => heroku.listen(0, '127.0.0.1', resolve));
    const environment = { HEROKU_API_KEY: 'bench', HEROKU_API_URL: `http://127.0.0.1:${portOf(heroku)}` };

    const ours = async (lease: Readonly<Record<string, string>>): Promise<{ seconds: number }> => {
      const databaseUrl = await server.fresh('bench_takeover', 'migrated');
      const start = () => startBuiltApp({ databaseUrl, slack, environment: { ...environment, ...lease } });
      const replicas = [await start(), await start()];
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      await client.query(
        `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at)
          values ('taken_over', 'app', 'FLAG_TAKEN_OVER', 'deploying', 'INTENT', now())`,
      );
      const holder = async (): Promise<number> => {
        const found = await client.query<{ lease_owner: string | null }>(
          'select lease_owner from console_flag_promotions',
        );
        return Number(found.rows[0]?.lease_owner?.split('-')[0] ?? 0);
      };
      await until(async () => (await holder()) !== 0);
      const first = await holder();
      const killed = replicas.find(({ pid }) => pid === first);
      if (killed === undefined) throw new Error('Nobody of ours holds the promotion.');
      const killedAt = performance.now();
      await killed.kill();
      await until(async () => ![0, first].includes(await holder()));
      const seconds = (performance.now() - killedAt) / 1000;
      await client.end();
      await Promise.all(replicas.map((replica) => replica.kill()));
      return { seconds };
    };

    const pgBoss = async (): Promise<{ seconds: number }> => {
      const url = await server.fresh('bench_takeover_pgboss', 'empty');
      const start = () => run(program('peers/pg-boss-worker.js'), [url, QUEUE], {}, /"up"/u);
      const workers = [await start(), await start()];
      const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
      await boss.start();
      await boss.send(QUEUE, {}, { expireInSeconds: TUNED_SECONDS, retryLimit: 100, retryDelay: 0 });
      const took = () => workers.filter((worker) => worker.output().includes('"took it"'));
      await until(async () => took().length > 0);
      const [first] = took();
      const killedAt = performance.now();
      await first?.kill();
      await until(async () => took().length > 1);
      const seconds = (performance.now() - killedAt) / 1000;
      await stopBoss(boss);
      await Promise.all(workers.map((worker) => worker.kill()));
      return { seconds };
    };

    say('taking over, tuned');
    const contenders: readonly Contender<'seconds'>[] = [
      { name: 'ours', measure: () => ours({ PROMOTER_LEASE: `${TUNED_SECONDS}s` }) },
      { name: 'pg-boss', measure: pgBoss },
    ];
    const tuned = await alternate(ROUNDS, contenders);
    say('taking over, with the defaults');
    const byDefault = await alternate(DEFAULT_ROUNDS, [{ name: 'ours', measure: () => ours({}) }]);
    const pgBossSeconds = await pgBossExpiry(await server.fresh('bench_takeover_pgboss', 'empty'));
    const graphileSeconds = await graphileExpiry();
    await slack.close();
    heroku.closeAllConnections();
    await new Promise((resolve) => heroku.close(resolve));

    const seconds = (measured: ReadonlyMap<string, readonly { seconds: number }[]>, name: string) =>
      (measured.get(name) ?? []).map((one) => one.seconds);
    const own = seconds(byDefault, 'ours');
    const against = (peer: string, configured: number): Figure => ({
      ...compared({
        what: 'SIGKILL until another takes the work, defaults',
        against: `${peer}, default`,
        unit: 's',
        ours: own,
        theirs: own.map(() => configured),
        toReach: { atMost: 1 },
      }),
      theirs: `≥ ${withUnit(configured, 's')}, as configured`,
    });
    return [
      compared({
        what: 'SIGKILL until another takes the work, tuned',
        against: 'pg-boss, tuned',
        unit: 's',
        ours: seconds(tuned, 'ours'),
        theirs: seconds(tuned, 'pg-boss'),
        toReach: { atMost: 1 },
      }),
      against('pg-boss', pgBossSeconds),
      against('graphile-worker, which has no setting', graphileSeconds),
    ];
  },
};

/** After how many seconds pg-boss takes a job for dead where nothing is said: the default of its table's column. */
async function pgBossExpiry(url: string): Promise<number> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  await boss.start();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const found = await client.query<{ default: string }>(
    `select column_default as "default" from information_schema.columns
      where table_schema = 'pgboss' and table_name = 'job' and column_name = 'expire_in'`,
  );
  const seconds = await client.query<{ seconds: string }>(
    `select extract(epoch from ${found.rows[0]?.default}) as seconds`,
  );
  await client.end();
  await stopBoss(boss);
  return Number(seconds.rows[0]?.seconds);
}

/** The same of graphile-worker, whose SQL has it. */
async function graphileExpiry(): Promise<number> {
  const file = path.join(ROOT, 'bench/node_modules/graphile-worker/dist/sql/resetLockedAt.js');
  const hours = /interval '(\d+) hours'/u.exec(await readFile(file, 'utf8'))?.[1];
  if (hours === undefined) throw new Error('graphile-worker no longer says when it takes a job for dead.');
  return Number(hours) * 3_600;
}
