import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';
import { createDialer } from './server/dial.js';
import { liftLimits } from './server/limits.js';
import { ServerError } from './server/trouble.js';

/** An arbitrary number among the database's advisory locks. */
const LOCK = 2026_05_07;
const LOOK_EVERY_MS = 250;

const gotRow = z.object({ got: z.boolean() });

/** @throws ServerError if the migration lock was lost: another process may migrate now */
export type RequireLock = () => void;

const LOST = {
  kind: 'lock_lost',
  mayPass: true,
  says: 'The connection that keeps other processes from migrating broke, so the rest was not done. Try again: it goes on from there.',
} as const;

/**
 * Waits until nobody else migrates. Not knex's lock: a killed holder leaves that set. Polled, because a waiting
 * statement's snapshot would block index builds; held by a transaction, which works behind a pooler. Earlier versions
 * use the same lock. `work` has to call `requireLock` before each step.
 */
export async function withMigrationLock<T>(
  connectionString: string,
  say: (line: string) => void,
  work: (requireLock: RequireLock) => Promise<T>,
): Promise<T> {
  const options = { applicationName: 'flag-promotions-migrating', isUnbounded: true } as const;
  const client = await createDialer(connectionString, options).open();
  try {
    while (!(await tryLock(client))) {
      say('Waiting for another process that migrates.');
      await sleep(LOOK_EVERY_MS);
    }
    const requireLock = (): void => {
      if (!client.isUsable) throw new ServerError('DATABASE_URL', LOST);
    };
    const done = await work(requireLock);
    requireLock();
    return done;
  } finally {
    await client.end();
  }
}

async function tryLock(client: PrimaryClient): Promise<boolean> {
  // At another level, perhaps a role's default, the transaction would keep its first snapshot. It is idle while indexes
  // are built; behind a pooler nothing else lifts the limits. In one message: it must not rest before they are lifted.
  await client.query(`begin isolation level read committed; ${liftLimits('transaction')}`);
  // No parameters: with them PostgreSQL would keep the statement's snapshot.
  const found = await client.query(`select pg_try_advisory_xact_lock(${LOCK}) as got`);
  if (parseRows(found, gotRow)[0]?.got === true) return true;
  await client.query('rollback');
  return false;
}
