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
      clock.set(at);
      await follow();
    },
    async advance(milliseconds) {
      clock.advance(milliseconds);
      // The database's clock ran on, on a busy machine perhaps further than this: it must not go back.
      const isFurther = databaseStands || clock.now().getTime() - Date.now() >= aheadMs;
      await (isFurther ? follow() : tellPromoters(query));
    },
  };
}

/** Until it is moved, no lease expires, and nothing becomes due. */
async function stopDatabaseClock(query: (sql: string) => Promise<unknown>, at: Date): Promise<void> {
  await query(
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile
       as 'select timestamptz ''${at.toISOString()}'''`,
  );
  await tellPromoters(query);
}
