import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { codeOf } from '../embedded/errors.js';
import type { Ask } from './ask.js';
import { TableInUseError } from './refusal.js';

/** lock_not_available, deadlock_detected */
const IN_USE = new Set(['55P03', '40P01']);
/** query_canceled: never by a lock, which is given up after 2 s. */
export const TOO_SLOW = '57014';
const TRY_AGAIN_AFTER_MS = 2_000;
const GIVE_UP_AFTER_MS = 10 * 60_000;

/** `settings`: of this transaction, besides how long it waits for a lock. */
async function rolledBack<T>(ask: Ask, work: () => Promise<T>, settings = ''): Promise<T> {
  // In one message: a server may be far away.
  await ask(`begin; set local lock_timeout = '2s'${settings}`);
  try {
    return await work();
  } finally {
    await ask('rollback');
  }
}

/**
 * Tries what uses no table of the console's, in a transaction that is rolled back.
 * @throws TableInUseError after 2 s of waiting for a lock, which an event trigger's function may take
 */
export async function onTrialElsewhere<T>(ask: Ask, work: () => Promise<T>): Promise<T> {
  try {
    return await rolledBack(ask, work);
  } catch (error) {
    // lock_not_available: by our own limit, not the account's.
    if (codeOf(error) !== '55P03') throw error;
    throw new TableInUseError(
      'Something that the migration needs is locked. Let that transaction end, or end it with pg_terminate_backend, then try again. Nothing was changed.',
      { cause: error },
      'Something that the migration needs is locked: trying again.',
    );
  }
}

/**
 * Uses the console's table in a transaction that is rolled back, and doesn't wait long for a lock such as VACUUM
 * FULL's.
 * @throws TableInUseError after 2 s of waiting for a lock, or 5 s of a statement
 */
export async function onTrial<T>(ask: Ask, work: () => Promise<T>): Promise<T> {
  try {
    return await rolledBack(ask, work, "; set local statement_timeout = '5s'");
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code === TOO_SLOW) {
      throw new TableInUseError(
        'PostgreSQL took longer than 5 s over a statement, or somebody cancelled it. Is the server busy? Then try again later. Nothing was changed.',
        { cause: error },
        'PostgreSQL took longer than 5 s over a statement: trying again.',
      );
    }
    if (!IN_USE.has(code)) throw error;
    const name = functionsIn(whereOf(error)).at(-1);
    if (name !== undefined) {
      throw new TableInUseError(
        `The function ${name}, which the console’s table calls, waits for a lock that somebody holds. Let that transaction end, or end it with pg_terminate_backend, then try again. Nothing was changed.`,
        { cause: error },
        `The function ${name}, which the console’s table calls, waits for a lock that somebody holds: trying again.`,
      );
    }
    throw new TableInUseError(
      'Somebody has the console’s table for themselves (VACUUM FULL, ALTER TABLE, a lock). Let that transaction end, or end it with pg_terminate_backend, then try again. Nothing was changed.',
      { cause: error },
    );
  }
}

/** PostgreSQL's context of an error: the functions that it was in. */
export const whereOf = (error: unknown): string | null =>
  error instanceof pg.DatabaseError ? (error.where ?? null) : null;

/** The functions' names, the innermost first. In any language, a function is what stands before brackets. */
export const functionsIn = (where: string | null): readonly string[] =>
  [...(where ?? '').matchAll(/(?:^|[\s".])(?:"((?:[^"]|"")+)"|([\p{L}\p{N}_$]+))\([^()]*\)/gu)].map(
    ([, quoted, name = '']) => quoted?.replaceAll('""', '"') ?? name,
  );

/**
 * Retries every 2 s for ten minutes while the table is in use, and says so.
 * @throws TableInUseError after that
 */
export async function whenFree<T>(say: (line: string) => void, work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TableInUseError) || performance.now() > giveUpAt) throw error;
      say(error.waiting);
      await sleep(TRY_AGAIN_AFTER_MS);
    }
  }
}
