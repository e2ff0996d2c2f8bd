import { setTimeout as sleep } from 'node:timers/promises';
import { startBuiltApp } from '../harness/app.js';
import { BEFORE, buildBefore, migrateBefore } from '../harness/before.js';
import { counted, type Figure } from '../harness/figures.js';
import { startHeroku } from '../harness/heroku.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { PEER_NODE } from '../harness/peer-node.js';
import { startPeer } from '../harness/peers.js';
import type { Running } from '../harness/processes.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { statementCounts } from '../harness/seen.js';
import { tapStatements } from '../../test/support/statements.js';

/** The pool closes a start's connections after 30 s. */
const SETTLE_MS = 45_000;
const MINUTES = 3;
const AT_MOST = 20;
const AT_ONCE = 5;
/** pg-boss's default while NOTIFY works; graphile-worker, which has NOTIFY too, gets the same. */
const PEERS_POLL_SECONDS = 30;

/** What a replica asks of the database while there is nothing to do. */
export const idle: Row = {
  name: 'idle',
  how: `Statements heard on the wire in ${MINUTES} minutes, from ${SETTLE_MS / 1_000} s after the start, while nothing happens: no promotion, no message, no job. The app with HEROKU_API_KEY, so that its promoter runs, and with the default MAINTENANCE_CRON: a tick a minute is in it. graphile-worker and pg-boss each with LISTEN, one queue, ${AT_ONCE} jobs at once and a look every ${PEERS_POLL_SECONDS} s beside it; graphile-worker with its local queue. All at the same time, each on a database of its own. A count: the load doesn't change it.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const heroku = await startHeroku();
    const file = await buildBefore();
    const beforeUrl = await server.fresh('bench_idle_before', 'empty');
    if (file !== null) await migrateBefore(file, beforeUrl);
    const environment = { ...heroku.environment, MAINTENANCE_CRON: '* * * * *' };
    const sides: Side[] = [
      await heard('ours', await server.fresh('bench_idle', 'migrated'), (databaseUrl) =>
        startBuiltApp({ databaseUrl, slack, environment, options: { node: PEER_NODE } }),
      ),
      ...(file === null
        ? []
        : [
            await heard('before', beforeUrl, (databaseUrl) =>
              startBuiltApp({ databaseUrl, slack, environment, file, options: { node: PEER_NODE } }),
            ),
          ]),
    ];
    for (const peer of ['graphile-worker', 'pg-boss'] as const) {
      const databaseUrl = await server.fresh(`bench_idle_${peer.replace('-', '_')}`, 'empty');
      sides.push(
        await heard(peer, databaseUrl, (url) =>
          startPeer(peer, { connectionString: url, atOnce: AT_ONCE, pollSeconds: PEERS_POLL_SECONDS }),
        ),
      );
    }
    say(`settling for ${SETTLE_MS / 1_000} s, then listening for ${MINUTES} minutes`);
    await sleep(SETTLE_MS);
    const before = sides.map(({ tap }) => tap.statements.length);
    await sleep(MINUTES * 60_000);
    const own = sides.map(({ tap }, index) => tap.statements.slice(before[index]));
    for (const { running, tap } of sides) {
      await running.kill();
      await tap.close();
    }
    await heroku.stop();
    await slack.close();
    const [ours = []] = own;
    const figures = sides.slice(1).map(
      ({ name }, index): Figure =>
        counted({
          what: 'statements per minute of an idle replica',
          unit: 'statements',
          ours: ours.length / MINUTES,
          against: name === 'before' ? BEFORE : name,
          theirs: (own[index + 1]?.length ?? 0) / MINUTES,
          goal: { figure: { atMost: AT_MOST } },
        }),
    );
    return { figures, shown: statementCounts(`In ${MINUTES} minutes, of ours`, ours) };
  },
};

interface Side {
  readonly name: string;
  readonly running: Running;
  readonly tap: Awaited<ReturnType<typeof tapStatements>>;
}

async function heard(
  name: string,
  databaseUrl: string,
  start: (databaseUrl: string) => Promise<Running>,
): Promise<Side> {
  const tap = await tapStatements(databaseUrl);
  return { name, tap, running: await start(tap.url) };
}
