/**
 * Moves the clock by which the database holds things back, `offsetMs` ahead of the server's own (negative: behind). By
 * replacing the function, as the schema's own comment says: nothing in the app knows of it.
 */
export async function moveDatabaseClock(query: (sql: string) => Promise<unknown>, offsetMs: number): Promise<void> {
  await query(
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile
       as 'select clock_timestamp() + ${Math.round(offsetMs)} * interval ''1 millisecond'''`,
  );
  await tellPromoters(query);
}

/** A promoter that rests until something is due knows nothing of a clock that is moved. */
export async function tellPromoters(query: (sql: string) => Promise<unknown>): Promise<void> {
  await query(`select pg_notify('flag_promotions_due', '')`);
}
