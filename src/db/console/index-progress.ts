import * as z from 'zod';
import type { PrimaryClient } from '../primary-client.js';
import { count, parseRows } from '../rows.js';
import { createDialer } from '../server/dial.js';
import { detail, type Say } from './adopt.js';

const LOOK_EVERY_MS = 2_000;

const progressRow = z.object({
  phase: z.string(),
  done: count,
  total: count,
  waits_for: z.number().nullable(),
});
const pidRow = z.object({ pid: z.number() });

/**
 * Reports the progress of `builder`'s index, as PostgreSQL shows it to another connection
 * (https://www.postgresql.org/docs/current/progress-reporting.html), until stopped. Nothing depends on it.
 */
export async function watchIndexes(
  connectionString: string,
  builder: PrimaryClient,
  say: Say,
): Promise<{ stop(): Promise<void> }> {
  const [own] = parseRows(await builder.query('select pg_backend_pid() as pid'), pidRow);
  let watcher: PrimaryClient | null = null;
  let looking: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    watcher ??= await createDialer(connectionString, { applicationName: 'flag-promotions-progress' }).open();
    const found = await watcher.query(
      `select phase, case when tuples_total > 0 then tuples_done else blocks_done end as done,
              case when tuples_total > 0 then tuples_total else blocks_total end as total,
              nullif(current_locker_pid, 0)::integer as waits_for
         from pg_stat_progress_create_index where pid = $1`,
      [own?.pid],
    );
    const [row] = parseRows(found, progressRow);
    if (row !== undefined) say(describe(row));
  }

  const timer = setInterval(() => {
    // One look at a time; failures are ignored.
    looking = looking.then(look).catch(() => undefined);
  }, LOOK_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
      await watcher?.end();
    },
  };
}

function describe({ phase, done, total, waits_for: waitsFor }: z.output<typeof progressRow>): string {
  const percent = total > 0 ? `, ${Math.floor((100 * done) / total)} %` : '';
  const waiting = waitsFor === null ? '' : `, waiting for process ${waitsFor} of PostgreSQL`;
  return detail(`${phase}${percent}${waiting}`);
}
