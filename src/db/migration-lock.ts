import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { PrimaryClient } from './primary-client.js';
import { parseRows } from './rows.js';
import { createDialer } from './server/dial.js';

/** An arbitrary number that names this project's migration lock among a database's advisory locks. */
const LOCK = 2026_05_07;
const LOOK_EVERY_MS = 250;

const gotRow = z.object({ got: z.boolean() });

/**
 * Waits until nobody else migrates, and works alone. Earlier versions wait for the same lock.
 *
 * knex's own lock is a flag in a table: it refuses a second replica instead of letting it wait, and stays set when its holder is
 * killed. An advisory lock does neither. It is asked for again and again rather than waited for: a statement that waits has a
 * snapshot, and building an index waits for all snapshots. A transaction holds it, so it is ours behind a pooler too.
 */
export async function withMigrationLock<T>(
  connectionString: string,
  say: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const options = { applicationName: 'flag-promotions-migrating', silentAfterMs: null };
  const client = await createDialer(connectionString, options).open();
  try {
    while (!(await tryLock(client))) {
      say('Waiting for another process that migrates.');
      await sleep(LOOK_EVERY_MS);
    }
    return await work();
  } finally {
    await client.end();
  }
}

async function tryLock(client: PrimaryClient): Promise<boolean> {
  // By any other, which a role may have by default, the transaction keeps its first snapshot to its end.
  await client.query('begin isolation level read committed');
  // It is idle while the indexes are built, however long that takes.
  await client.query('set local idle_in_transaction_session_timeout = 0');
  // Without parameters: with them, PostgreSQL would keep the statement's snapshot, too.
  const found = await client.query(`select pg_try_advisory_xact_lock(${LOCK}) as got`);
  if (parseRows(found, gotRow)[0]?.got === true) return true;
  await client.query('rollback');
  return false;
}
