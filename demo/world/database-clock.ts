/**
 * Moves the clock that the database defers things by, `offsetMs` ahead of the server's own (negative: behind). Replaces
 * the function, as the schema's own comment suggests: nothing in the app knows of it.
 */
export async function moveDatabaseClock(query: (sql: string) => Promise<unknown>, offsetMs: number): Promise<void> {
  await query(
    `create or replace function flag_promotions.clock() returns timestamptz language sql volatile
       as 'select clock_timestamp() + ${Math.round(offsetMs)} * interval ''1 millisecond'''`,
  );
  await tellPromoters(query);
}

/** A promoter that sleeps until something is due doesn't notice a moved clock. */
export async function tellPromoters(query: (sql: string) => Promise<unknown>): Promise<void> {
  await query(`select pg_notify('flag_promotions_due', '')`);
}
