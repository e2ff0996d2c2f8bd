import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { startBuiltApp } from '../harness/app.js';
import { BEFORE, buildBefore, migrateBefore } from '../harness/before.js';
import { counted } from '../harness/figures.js';
import { type BenchHeroku, startHeroku } from '../harness/heroku.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { command, post } from '../harness/requests.js';
import type { Bench, Measured, Row } from '../harness/row.js';
import { ticksOf } from '../harness/ticks.js';
import { until } from '../harness/until.js';

const AT_ONCE = 40;
/** Counts sessions until there were no more for this long. */
const COUNTED_MS = 3_000;
const LOOK_EVERY_MS = 20;
const AT_MOST = 6;
const POOL_MAX = 3;

/** How many of a server's connections a replica takes; a small plan has twenty. */
export const connections: Row = {
  name: 'connections',
  how: `The most sessions that PostgreSQL counts for one replica (\`pg_stat_activity\`) while ${AT_ONCE} people at once ask for \`/flag-promotions stuck\` and nobody gets an answer, because the promotions' table is locked: so it takes all that it may. LISTEN's is among them. A count. Against ${BEFORE}. And with DATABASE_POOL_MAX=${POOL_MAX}: those and the one of LISTEN.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const heroku = await startHeroku();
    const around = { slack, heroku };
    say('counting sessions');
    const databaseUrl = await server.fresh('bench_connections', 'migrated');
    const ours = await peakConnections(databaseUrl, around);
    const bounded = await peakConnections(databaseUrl, around, { settings: { DATABASE_POOL_MAX: String(POOL_MAX) } });
    const file = await buildBefore();
    let before: number | null = null;
    if (file !== null) {
      const beforeUrl = await server.fresh('bench_connections_before', 'empty');
      await migrateBefore(file, beforeUrl);
      before = await peakConnections(beforeUrl, around, { file });
    }
    await heroku.stop();
    await slack.close();
    return {
      figures: [
        counted({
          what: 'connections per replica, at the most, with LISTEN',
          unit: 'connections',
          ours,
          ...(before === null ? {} : { against: BEFORE, theirs: before }),
          goal: { figure: { atMost: AT_MOST } },
        }),
        counted({
          what: `the same with DATABASE_POOL_MAX=${POOL_MAX}`,
          unit: 'connections',
          ours: bounded,
          goal: { figure: { atMost: POOL_MAX + 1 } },
        }),
      ],
    };
  },
};

/** The most sessions of one replica whose statements all wait. */
export async function peakConnections(
  databaseUrl: string,
  { slack, heroku }: { readonly slack: InstantSlack; readonly heroku: BenchHeroku },
  { file, settings }: { readonly file?: string; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<number> {
  const environment = { ...heroku.environment, ...settings };
  const app = await startBuiltApp({ databaseUrl, slack, environment, ...(file === undefined ? {} : { file }) });
  await until(async () => (await ticksOf(app.url)) > 0);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('lock table console_flag_promotions in access exclusive mode');
  const body = command('stuck', { userId: 'U0KRIS', responseUrl: slack.responseUrl });
  await Promise.all(Array.from({ length: AT_ONCE }, () => post(`${app.url}/slack/events`, body)));
  let peak = 0;
  for (let grownAt = performance.now(); performance.now() < grownAt + COUNTED_MS; await sleep(LOOK_EVERY_MS)) {
    const asked = await client.query(
      `select count(*) as sessions from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    const { sessions } = counts.parse(asked.rows[0]);
    if (sessions > peak) [peak, grownAt] = [sessions, performance.now()];
    // Without this, a transaction keeps the list that it read first.
    await client.query('select pg_stat_clear_snapshot()');
  }
  await client.query('rollback');
  await client.end();
  await app.kill();
  return peak;
}

const counts = z.object({ sessions: z.coerce.number() });
