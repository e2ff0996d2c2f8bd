import pg from 'pg';
import { eventually } from './eventually.js';
import type { Stored } from './rows.js';

/** Holds another client's transaction open while `work` runs. */
export async function whileHolding(
  stored: Pick<Stored, 'url'>,
  sql: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString: stored.url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(sql);
    await work();
    await client.query('commit');
  } finally {
    await client.end();
  }
}

/** Waits until this many sessions wait for another's lock. */
export async function waiting(stored: Pick<Stored, 'rows'>, sessions: number): Promise<void> {
  await eventually(async () => {
    const found = await stored.rows.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(found).toHaveLength(sessions);
  });
}
