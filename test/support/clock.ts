import { moveDatabaseClock, tellPromoters } from '../../demo/world/database-clock.js';

/** A clock that stands still until it is moved; what the app takes for the present. */
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

/** A test bed's clock, which moves the database's with it: each move is over once that has moved, too. */
export interface BedClock {
  now(): Date;
  set(at: string | Date): Promise<void>;
  advance(milliseconds: number): Promise<void>;
}

/** `databaseStands`: the database's clock stands still between two moves, rather than going on from each. */
export async function createBedClock(
  start: string | Date,
  query: (sql: string) => Promise<unknown>,
  databaseStands = false,
): Promise<BedClock> {
  const clock = createTestClock(start);
  const follow = () =>
    databaseStands
      ? stopDatabaseClock(query, clock.now())
      : moveDatabaseClock(query, clock.now().getTime() - Date.now());
  await follow();
  return {
    now: clock.now,
    async set(at) {
      clock.set(at);
      await follow();
    },
    async advance(milliseconds) {
      clock.advance(milliseconds);
      await follow();
    },
  };
}

/** Until it is moved no lease ends, and what has to wait waits. */
async function stopDatabaseClock(query: (sql: string) => Promise<unknown>, at: Date): Promise<void> {
  await query(
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile
       as 'select timestamptz ''${at.toISOString()}'''`,
  );
  await tellPromoters(query);
}
