import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { moveDatabaseClock, tellPromoters } from '../../demo/world/database-clock.js';

/** A clock that stands still until it is moved; the app's time. */
export interface TestClock {
  now(): Date;
  set(at: string | Date): void;
  advance(milliseconds: number): void;
}

export function createTestClock(start: string | Date): TestClock {
  let at = new Date(start).getTime();
  return {
    now: () => new Date(at),
    set: (to) => {
      at = new Date(to).getTime();
    },
    advance: (milliseconds) => {
      at += milliseconds;
    },
  };
}

/** A test bed's clock. Moves the database's too, and each move resolves only after that. */
export interface BedClock {
  now(): Date;
  set(at: string | Date): Promise<void>;
  advance(milliseconds: number): Promise<void>;
}

/** `databaseStands`: the database's clock stands still between moves instead of running on. */
export async function createBedClock(
  start: string | Date,
  query: (sql: string) => Promise<unknown>,
  databaseStands = false,
): Promise<BedClock> {
  const clock = createTestClock(start);
  let aheadMs = Number.NEGATIVE_INFINITY;
  const follow = async () => {
    aheadMs = clock.now().getTime() - Date.now();
    await (databaseStands ? stopDatabaseClock(query, clock.now()) : moveDatabaseClock(query, aheadMs));
  };
  await follow();
  return {
    now: clock.now,
    async set(at) {
      await settle(query);
      clock.set(at);
      await follow();
    },
    async advance(milliseconds) {
      await settle(query);
      clock.advance(milliseconds);
      // The database's clock ran on, on a busy machine perhaps further than this: it must not go back.
      const isFurther = databaseStands || clock.now().getTime() - Date.now() >= aheadMs;
      await (isFurther ? follow() : tellPromoters(query));
    },
  };
}

/** Long for a record of what Slack shows already, and short for what a test holds up on purpose. */
const SETTLES_WITHIN_MS = 1_000;

/**
 * What Slack shows is recorded before the clock moves: otherwise its rest would count from the new time, and the next
 * tick would leave it out.
 */
async function settle(query: (sql: string) => Promise<unknown>): Promise<void> {
  const until = performance.now() + SETTLES_WITHIN_MS;
  const underWay = () =>
    query('select 1 from flag_promotions.messages where lease_until > flag_promotions.clock() limit 1');
  for (let found = await underWay(); Array.isArray(found) && found.length > 0; found = await underWay()) {
    if (performance.now() > until) return;
    await sleep(20);
  }
}

/** Until it is moved, no lease expires, and nothing becomes due. */
async function stopDatabaseClock(query: (sql: string) => Promise<unknown>, at: Date): Promise<void> {
  await query(
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile
       as 'select timestamptz ''${at.toISOString()}'''`,
  );
  await tellPromoters(query);
}
