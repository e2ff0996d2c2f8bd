import pg from 'pg';
import { BOT_TOKEN } from '../harness/requests.js';
import { withTimeout } from '../../src/with-timeout.js';
import { startBuiltApp } from '../harness/app.js';
import { compared } from '../harness/figures.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { PEER_NODE } from '../harness/peer-node.js';
import { startPeer } from '../harness/peers.js';
import { quantile } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const TICK_MS = 1_000;
const BESIDE_THE_TICK_MS = 2_000;
/** Each channel takes a message a second, and fifty individual alerts an hour. */
const CHANNELS = 25;
const ALERTS_PER_HOUR = 50;
const SAMPLES = 1_000;
const EVERY_MS = 120;
/** After the start, so that everything is queued before anything is due. */
const FIRST_AFTER_MS = 60_000;
const GIVE_UP_MS = 5 * 60_000;
const STUCK_AFTER_MS = 12 * 3_600_000;

/** From the moment something is due until people see it. */
export const visible: Row = {
  name: 'visible',
  how: `${SAMPLES.toLocaleString('en')} promotions that get stuck one after the other, one every ${EVERY_MS} ms, over ${CHANNELS} channels, because a channel takes a message a second; from that moment (its \`promoted_at\` and 12 h) until its \`chat.postMessage\` is with Slack, which answers at once. A tick every second (MAINTENANCE_CRON), which takes the place of the minute: what is measured is what comes on top of it. Against it, graphile-worker and pg-boss with a job each at the same moments (\`run_at\`, \`startAfter\`), that only sends the same request; they look for due jobs every second too. One after the other, each idle while another is measured.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    say(`${SAMPLES} that get stuck, in ${(SAMPLES * EVERY_MS) / 1_000} s`);
    const ours = await stuckOnes(await server.fresh('bench_visible', 'migrated'), slack);
    say('as many jobs of graphile-worker');
    const graphile = await jobsOf('graphile-worker', await server.fresh('bench_visible_graphile', 'empty'), slack);
    say('as many jobs of pg-boss');
    const boss = await jobsOf('pg-boss', await server.fresh('bench_visible_pgboss', 'empty'), slack);
    await slack.close();
    const p50 = {
      what: `due → visible, p50, a tick every ${TICK_MS / 1_000} s`,
      unit: 'ms',
      ours: [quantile(ours, 0.5)],
    } as const;
    const p99 = {
      what: `due → visible, p99 of ${ours.length}, a tick every ${TICK_MS / 1_000} s`,
      unit: 'ms',
      ours: [quantile(ours, 0.99)],
      goal: { figure: { atMost: TICK_MS + BESIDE_THE_TICK_MS } },
    } as const;
    const [asGraphile, asBoss] = [
      `graphile-worker, polling every ${TICK_MS / 1_000} s`,
      `pg-boss, polling every ${TICK_MS / 1_000} s`,
    ];
    return {
      figures: [
        compared({ ...p99, against: asGraphile, theirs: [quantile(graphile, 0.99)] }),
        compared({ ...p99, against: asBoss, theirs: [quantile(boss, 0.99)] }),
        compared({ ...p50, against: asGraphile, theirs: [quantile(graphile, 0.5)] }),
        compared({ ...p50, against: asBoss, theirs: [quantile(boss, 0.5)] }),
      ],
    };
  },
};

/** No key is another's prefix. */
const keyOf = (index: number): string => `due_${String(index).padStart(5, '0')}_flag`;
const channelOf = (index: number): string => `C0DUE${index % CHANNELS}`;

/** For each, milliseconds from due until Slack had it. @throws if one isn't there long after the last was due */
async function seen(slack: InstantSlack, firstAt: number): Promise<readonly number[]> {
  const took: number[] = [];
  const all = Promise.all(
    Array.from({ length: SAMPLES }, async (_, index) => {
      await slack.nextCall('chat.postMessage', keyOf(index));
      took.push(Date.now() - (firstAt + index * EVERY_MS));
    }),
  );
  const giveUpMs = firstAt - Date.now() + SAMPLES * EVERY_MS + GIVE_UP_MS;
  if ((await withTimeout(giveUpMs, all)) === null) throw new Error(`Slack saw ${took.length} of ${SAMPLES}.`);
  return took;
}

async function stuckOnes(databaseUrl: string, slack: InstantSlack): Promise<readonly number[]> {
  const app = await startBuiltApp({
    databaseUrl,
    slack,
    options: { node: PEER_NODE },
    environment: {
      MAINTENANCE_CRON: '* * * * * *',
      ALERT_MESSAGES_PER_HOUR: String(ALERTS_PER_HOUR),
      ALERT_ROUTES: Array.from({ length: CHANNELS }, (_, index) => `app-${index}=${channelOf(index)}`).join(';'),
    },
  });
  const firstAt = Date.now() + FIRST_AFTER_MS;
  const measuring = seen(slack, firstAt);
  await query(
    databaseUrl,
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at)
      select 'due_' || lpad(n::text, 5, '0') || '_flag', 'app-' || n % ${CHANNELS}, 'FLAG_' || n, 'deploying',
             to_timestamp($1::double precision / 1000 - ${STUCK_AFTER_MS / 1000} + n * ${EVERY_MS / 1000})
        from generate_series(0, ${SAMPLES - 1}) n`,
    [firstAt],
  );
  const took = await measuring;
  await app.stop();
  return took;
}

async function jobsOf(
  peer: 'graphile-worker' | 'pg-boss',
  databaseUrl: string,
  slack: InstantSlack,
): Promise<readonly number[]> {
  const worker = await startPeer(peer, {
    connectionString: databaseUrl,
    pollSeconds: TICK_MS / 1_000,
    atOnce: CHANNELS,
  });
  const firstAt = Date.now() + FIRST_AFTER_MS;
  const jobs = Array.from({ length: SAMPLES }, (_, index) => ({
    url: `${slack.apiUrl}chat.postMessage`,
    body: new URLSearchParams({ token: BOT_TOKEN, channel: channelOf(index), text: keyOf(index) }).toString(),
    dueAt: firstAt + index * EVERY_MS,
  }));
  const measuring = seen(slack, firstAt);
  if (peer === 'pg-boss') {
    for (const job of jobs) await worker.ask(job);
  } else {
    await query(
      databaseUrl,
      `select graphile_worker.add_job('promotions', json_build_object('url', job->>'url', 'body', job->>'body'),
                run_at := to_timestamp((job->>'dueAt')::double precision / 1000))
         from json_array_elements($1::json) as job`,
      [JSON.stringify(jobs)],
    );
  }
  if (Date.now() > firstAt) throw new Error('The jobs were not queued before the first was due.');
  const took = await measuring;
  await worker.kill();
  return took;
}

async function query(databaseUrl: string, sql: string, values: readonly unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(sql, [...values]);
  await client.end();
}
