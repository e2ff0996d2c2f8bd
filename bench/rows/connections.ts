import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { startBuiltApp } from '../harness/app.js';
import { BEFORE, buildBefore, migrateBefore } from '../harness/before.js';
import { atDistance } from '../harness/distance.js';
import { counted } from '../harness/figures.js';
import { startHeroku } from '../harness/heroku.js';
import { startInstantSlack } from '../harness/instant-slack.js';
import { drive } from '../harness/load.js';
import { command } from '../harness/requests.js';
import type { Bench, Measured, Row } from '../harness/row.js';

const AT_ONCE = 40;
const DURATION_MS = 8_000;
const LOOK_EVERY_MS = 20;
/** Each statement holds its connection for so long, at the least. */
const ROUND_TRIP_MS = 50;
const AT_MOST = 6;
const POOL_MAX = 3;

/** How many of a server's connections a replica takes, of which a small plan has twenty. */
export const connections: Row = {
  name: 'connections',
  how: `The most sessions that PostgreSQL counted for one replica (\`pg_stat_activity\`, every ${LOOK_EVERY_MS} ms) while ${AT_ONCE} people at once send \`/flag-promotions stuck\` for ${DURATION_MS / 1_000} s and the database is ${ROUND_TRIP_MS} ms away, so that it takes all that it may; LISTEN's is among them. Against ${BEFORE}. And with DATABASE_POOL_MAX=${POOL_MAX}: those and the one of LISTEN.`,
  async measure({ server, say }: Bench): Promise<Measured> {
    const slack = await startInstantSlack();
    const heroku = await startHeroku();
    const peakOf = async (databaseUrl: string, file?: string, settings: Readonly<Record<string, string>> = {}) => {
      const environment = { ...heroku.environment, ...settings };
      const wire = await atDistance(databaseUrl, ROUND_TRIP_MS);
      const app = await startBuiltApp({
        databaseUrl: wire.url,
        slack,
        environment,
        ...(file === undefined ? {} : { file }),
      });
      const body = command('stuck', { userId: 'U0KRIS', responseUrl: slack.responseUrl });
      const load = drive({
        url: `${app.url}/slack/events`,
        bodies: [body],
        pace: { connections: AT_ONCE },
        warmUpMs: 0,
        durationMs: DURATION_MS,
      });
      const peak = await peakUntil(databaseUrl, load);
      await app.stop();
      await wire.close();
      return peak;
    };
    say('counting sessions');
    const databaseUrl = await server.fresh('bench_connections', 'migrated');
    const ours = await peakOf(databaseUrl);
    const bounded = await peakOf(databaseUrl, undefined, { DATABASE_POOL_MAX: String(POOL_MAX) });
    const file = await buildBefore();
    let before: number | null = null;
    if (file !== null) {
      const beforeUrl = await server.fresh('bench_connections_before', 'empty');
      await migrateBefore(file, beforeUrl);
      before = await peakOf(beforeUrl, file);
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

const counts = z.object({ sessions: z.coerce.number() });

async function peakUntil(databaseUrl: string, load: Promise<unknown>): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  let isOver = false;
  const ending = load.finally(() => {
    isOver = true;
  });
  let peak = 0;
  while (!isOver) {
    const asked = await client.query(
      `select count(*) as sessions from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    peak = Math.max(peak, counts.parse(asked.rows[0]).sessions);
    await sleep(LOOK_EVERY_MS);
  }
  await ending;
  await client.end();
  return peak;
}
