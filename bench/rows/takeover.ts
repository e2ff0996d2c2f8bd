import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import pg from 'pg';
import { startBuiltApp } from '../harness/app.js';
import { BEFORE, buildBefore, migrateBefore } from '../harness/before.js';
import { compared, type Figure } from '../harness/figures.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { PEER_NODE } from '../harness/peer-node.js';
import { startPeer } from '../harness/peers.js';
import { portOf } from '../harness/ports.js';
import { ROOT } from '../harness/processes.js';
import { alternate, type Contender } from '../harness/rounds.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const ROUNDS = 5;
/** After so long both take a worker for dead: pg-boss allows no less for its heartbeats. */
const DEAD_AFTER_SECONDS = 10;
/** At most this many times the earlier build's: when in its lease and its poll a process dies is chance. */
const AS_FAST = 1.15;

/** From SIGKILL of the replica that works on something until another has taken over. */
export const takeover: Row = {
  name: 'takeover',
  how: `Two replicas; the one that holds the work is killed with SIGKILL right after it began, and the time runs until the other's first request to Heroku, which never answers, so that whoever holds the work goes on holding it. Both take a worker for dead after ${DEAD_AFTER_SECONDS} s: PROMOTER_LEASE=${DEAD_AFTER_SECONDS}s, and pg-boss with heartbeatSeconds=${DEAD_AFTER_SECONDS}, its least, and each of its intervals at a second. Against ${BEFORE} with the same lease, too. graphile-worker waits as long as its SQL says, which no setting changes: read, not waited for.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const silent = await startSilentHeroku();
    const file = await buildBefore();
    const ours = async (name: string, databaseUrl: string, built?: string): Promise<{ seconds: number }> => {
      const start = () =>
        startBuiltApp({
          databaseUrl,
          slack,
          environment: { ...silent.environment, PROMOTER_LEASE: `${DEAD_AFTER_SECONDS}s` },
          options: { node: PEER_NODE },
          ...(built === undefined ? {} : { file: built }),
        });
      const replicas = [await start(), await start()];
      const herokuApp = `${name}-app`;
      const asked = silent.requests(herokuApp);
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      await client.query(
        `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, checkpoint, promoted_at)
          values ('taken_over', $1, 'FLAG_TAKEN_OVER', 'deploying', 'INTENT', now())`,
        [herokuApp],
      );
      // As promoting notifies: each replica then knows of the promotion and of its lease.
      await client.query('notify flag_promotions_due');
      await asked.first;
      const held = await client.query<{ lease_owner: string }>('select lease_owner from console_flag_promotions');
      const pid = Number(held.rows[0]?.lease_owner.split('-')[0]);
      await client.end();
      const killed = replicas.find((replica) => replica.pid === pid);
      if (killed === undefined) throw new Error('Nobody of ours holds the promotion.');
      const seconds = await killAndWait(() => killed.kill(), asked.second);
      await Promise.all(replicas.map((replica) => replica.kill()));
      return { seconds };
    };
    const contenders: Contender<'seconds'>[] = [
      { name: 'ours', measure: async () => ours('ours', await server.fresh('bench_takeover', 'migrated')) },
      ...(file === null
        ? []
        : [
            {
              name: 'before',
              measure: async () => {
                const databaseUrl = await server.fresh('bench_takeover_before', 'empty');
                await migrateBefore(file, databaseUrl);
                return ours('before', databaseUrl, file);
              },
            },
          ]),
      {
        name: 'pg-boss',
        measure: async () => bossTakeover(await server.fresh('bench_takeover_pgboss', 'empty'), silent),
      },
    ];
    say(`taking over, ${ROUNDS} times each`);
    const measured = await alternate(ROUNDS, contenders);
    const graphile = await graphileExpiry();
    await silent.close();
    await slack.close();
    const values = (name: string) => (measured.get(name) ?? []).map(({ seconds }) => seconds);
    const figure = (against: string, theirs: readonly number[], atMost: number): Figure =>
      compared({
        what: `SIGKILL → another works on it, dead after ${DEAD_AFTER_SECONDS} s`,
        unit: 's',
        ours: values('ours'),
        against,
        theirs,
        goal: { ratio: { atMost } },
      });
    return {
      figures: [
        ...(file === null ? [] : [figure(BEFORE, values('before'), AS_FAST)]),
        figure('pg-boss', values('pg-boss'), 1),
        figure(
          'graphile-worker (its SQL)',
          values('ours').map(() => graphile),
          1,
        ),
      ],
    };
  },
};

/** Requests about an app. A holder's first is never answered, so the second is its successor's. */
interface Requests {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
}

interface SilentHeroku {
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
  /** From now on. */
  requests(app: string): Requests;
  close(): Promise<void>;
}

async function startSilentHeroku(): Promise<SilentHeroku> {
  const waiting = new Map<string, (() => void)[]>();
  const server = createServer((request) => {
    const [, , app = ''] = (request.url ?? '').split('/');
    waiting.get(app)?.shift()?.();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server)}`;
  return {
    url,
    environment: { HEROKU_API_KEY: 'bench', HEROKU_API_URL: url },
    requests(app) {
      const awaited: (() => void)[] = [];
      waiting.set(app, awaited);
      const next = () => new Promise<void>((resolve) => void awaited.push(resolve));
      return { first: next(), second: next() };
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function killAndWait(kill: () => Promise<void>, another: Promise<void>): Promise<number> {
  const killedAt = performance.now();
  await kill();
  await another;
  return (performance.now() - killedAt) / 1000;
}

async function bossTakeover(databaseUrl: string, silent: SilentHeroku): Promise<{ readonly seconds: number }> {
  const start = () =>
    startPeer('pg-boss', { connectionString: databaseUrl, atOnce: 1, deadAfterSeconds: DEAD_AFTER_SECONDS });
  const asked = silent.requests('pg-boss-app');
  const first = await start();
  await first.ask({ url: `${silent.url}/apps/pg-boss-app`, body: 'x=1' });
  await asked.first;
  const second = await start();
  const seconds = await killAndWait(() => first.kill(), asked.second);
  await second.kill();
  return { seconds };
}

/** After how many seconds graphile-worker takes a job for dead: its SQL contains it. */
async function graphileExpiry(): Promise<number> {
  const file = path.join(ROOT, 'bench/node_modules/graphile-worker/dist/sql/resetLockedAt.js');
  const hours = /interval '(\d+) hours'/u.exec(await readFile(file, 'utf8'))?.[1];
  if (hours === undefined) throw new Error('graphile-worker no longer says when it takes a job for dead.');
  return Number(hours) * 3_600;
}
