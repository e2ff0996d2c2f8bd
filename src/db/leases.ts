import * as z from 'zod';
import { CLOCK } from './clock.js';
import type { Knex } from './connection.js';
import { parseRows } from './rows.js';

/** Who leases a row, and for how many milliseconds. */
export interface Lease {
  readonly owner: string;
  readonly durationMs: number;
}

/** A failed attempt, for the next one and for people who look. */
export interface Postponement {
  readonly waitMs: number;
  readonly lastError: string;
}

/*
 * Not-before times use the database's clock: a replica with a wrong clock delays nothing and sends nothing early. Tests
 * and the demo replace the function to move time.
 */

export { CLOCK };

/** SQL: the time has come. False for null. */
export const isReached = (column: string): string => `${column} <= ${CLOCK}`;

/** SQL: more than this long from now, and a minute, which does no harm if the clock was set back. False for null. */
export const isAhead = (column: string, ms = 0): string =>
  `${column} > ${CLOCK} + ${60_000 + ms} * interval '1 millisecond'`;

/** SQL: milliseconds from now; one parameter, which may be null. */
export const fromNow = (): string => `${CLOCK} + ?::double precision * interval '1 millisecond'`;

/** SQL: nobody leases the row `alias`. */
export const isFree = (alias: string): string =>
  `(${alias}.lease_until is null or ${isReached(`${alias}.lease_until`)})`;

/** SQL: the row `alias` needn't wait for its next attempt. */
export const mayTryAgain = (alias: string): string =>
  `(${alias}.next_attempt_at is null or ${isReached(`${alias}.next_attempt_at`)})`;

/** SQL: sets a lease's end; one parameter, its duration in milliseconds. */
export const LEASED_UNTIL = `lease_until = ${fromNow()}`;

const atRow = z.object({ at: z.date() });

export async function presentOf(knex: Knex): Promise<Date> {
  const [row] = parseRows(await knex.raw(`select ${CLOCK} as at`), atRow);
  if (row === undefined) throw new Error('The clock had no row.');
  return row.at;
}
