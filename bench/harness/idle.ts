import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import type { InstantSlack } from './instant-slack.js';

/** After this long without a statement and a request, an app has nothing left to do. */
export const IDLE_FOR_MS = 2_000;
const GIVE_UP_MS = 120_000;

const sessions = z.object({ running: z.coerce.number(), silent_ms: z.coerce.number().nullable() });

/**
 * Resolves once an app is idle: for two seconds none of its sessions ran a statement, and Slack heard nothing from it.
 * So the next measurement doesn't share the machine with work left over. Resolves with the milliseconds it has been
 * idle.
 * @throws if that takes more than two minutes
 */
export async function untilIdle(
  databaseUrl: string,
  slack: Pick<InstantSlack, 'silentForMs'>,
  forMs = IDLE_FOR_MS,
): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const deadline = performance.now() + GIVE_UP_MS; performance.now() < deadline; await sleep(50)) {
      const asked = await client.query(
        `select count(*) filter (where state <> 'idle') as running,
                extract(epoch from clock_timestamp() - max(greatest(query_start, state_change))) * 1000 as silent_ms
           from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
      const { running, silent_ms } = sessions.parse(asked.rows[0]);
      const idleFor = Math.min(running === 0 ? (silent_ms ?? Number.POSITIVE_INFINITY) : 0, slack.silentForMs());
      if (idleFor >= forMs) return idleFor;
    }
  } finally {
    await client.end();
  }
  throw new Error('The app went on working for two minutes.');
}
