import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { codeOf } from '../embedded/errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { ConsoleTableError, TableInUseError } from './refusal.js';
import { onTrial, TOO_SLOW } from './trial.js';

/** Nobody waits for our lock longer. */
const LOCK_TIMEOUT = '2s';
const LOOK_EVERY_MS = 1_000;
const AFTER_A_FAILURE_MS = 10_000;
const GIVE_UP_AFTER_MS = 10 * 60_000;

const holderRow = z.object({ holder: z.string(), pid: z.number().nullable() });

/**
 * Runs statements under one short exclusive lock. A waiting lock blocks everybody behind it, so it isn't requested
 * until nobody has held the table for over a second.
 * @throws ConsoleTableError if the table is never free for long enough
 */
export async function alterBriefly(
  ask: Ask,
  oid: string,
  statements: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
  let before = await holders(ask, oid);
  for (;;) {
    if (before.size > 0) await sleep(LOOK_EVERY_MS);
    const now = before.size > 0 ? await holders(ask, oid) : before;
    const lasting = [...now.keys()].filter((holder) => before.has(holder));
    before = now;
    if (lasting.length === 0) {
      if (await attempt(ask, statements)) return;
      say('The table is in use: trying again.');
      await sleep(AFTER_A_FAILURE_MS);
      before = await holders(ask, oid);
    } else {
      say(`Waiting for whoever uses the table (${sessions(now, lasting)}).`);
    }
    if (performance.now() > giveUpAt) {
      throw new ConsoleTableError(
        `The table has been in use for ${GIVE_UP_AFTER_MS / 60_000} minutes (${sessions(now, lasting)}). Let that transaction end, or end it with pg_terminate_backend, then migrate again.`,
      );
    }
  }
}

/**
 * Uses the table under an exclusive lock, in a transaction that is rolled back, only if nobody has held the table for
 * over a second.
 * @throws TableInUseError if somebody has
 */
export async function whileFree<T>(ask: Ask, oid: string, work: () => Promise<T>): Promise<T> {
  const before = await holders(ask, oid);
  if (before.size > 0) await sleep(LOOK_EVERY_MS);
  const now = before.size > 0 ? await holders(ask, oid) : before;
  const lasting = [...now.keys()].filter((holder) => before.has(holder));
  if (lasting.length > 0) {
    throw new TableInUseError(
      `The table is in use (${sessions(now, lasting)}). Let that transaction end, or end it with pg_terminate_backend, then try again. Nothing was changed.`,
      {},
      `Waiting for whoever uses the table (${sessions(now, lasting)}).`,
    );
  }
  return onTrial(ask, work);
}

/** Work under an exclusive lock was given up, because others had waited for it for long enough. */
export class HeldTooLongError extends Error {}

/** Under an exclusive lock: a statement ends within a second, and none begins after a second and a half. */
export async function holdingBriefly<T>(ask: Ask, work: (ask: Ask) => Promise<T>): Promise<T> {
  await ask(`set local statement_timeout = '1s'`);
  const until = performance.now() + 1_500;
  return work(async (sql, values) => {
    if (performance.now() > until) throw new HeldTooLongError(`It was not tried: ${sql}`);
    try {
      return await ask(sql, values);
    } catch (error) {
      throw codeOf(error) === TOO_SLOW ? new HeldTooLongError(`It took too long: ${sql}`, { cause: error }) : error;
    }
  });
}

/** The transactions that lock the table, by virtual id, with their processes. */
async function holders(ask: Ask, oid: string): Promise<ReadonlyMap<string, number | null>> {
  // A vacuum yields to a waiting lock, so don't wait for one; whoever builds an index holds the same lock and doesn't.
  const found = await ask(
    `select distinct virtualtransaction as holder, pid from pg_locks
      where locktype = 'relation' and relation = $1::oid and database = (select oid from pg_database where datname = current_database())
        and granted and (mode <> 'ShareUpdateExclusiveLock' or pid in (select b.pid from pg_stat_progress_create_index b))
        and pid is distinct from pg_backend_pid()`,
    [oid],
  );
  return new Map(parseRows(found, holderRow).map(({ holder, pid }) => [holder, pid]));
}

function sessions(all: ReadonlyMap<string, number | null>, holding: readonly string[]): string {
  const pids = holding.flatMap((holder) => all.get(holder) ?? []);
  return pids.length === 0 ? 'many short transactions' : `process ${pids.slice(0, 5).join(', ')} of PostgreSQL`;
}

/** False if somebody held the table too long. */
async function attempt(ask: Ask, statements: readonly string[]): Promise<boolean> {
  await ask('begin');
  try {
    await ask(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    for (const statement of statements) await ask(statement);
    await ask('commit');
    return true;
  } catch (error) {
    await ask('rollback');
    if (!['55P03', '40P01'].includes(codeOf(error) ?? '')) throw error;
    return false;
  }
}
