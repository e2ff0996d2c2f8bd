import * as z from 'zod';
import { CLOCK } from './clock.js';
import type { Knex } from './connection.js';
import { parseRows } from './rows.js';

/** Who holds a row while working on it, and for how long at most (milliseconds). */
export interface Lease {
  readonly owner: string;
  readonly durationMs: number;
}

/** What is known about an attempt that failed, for the next one and for people who look. */
export interface Postponement {
  /** How long the next attempt has to wait, in milliseconds. */
  readonly waitMs: number;
  readonly lastError: string;
}

/*
 * Every stored time that holds something back (a lease, the next attempt, not before, the end of a snooze) is written and
 * read by the database's clock, which all replicas share: a replica whose own clock is wrong can neither hold a message back
 * nor send it early. Tests and the demo replace the function to move time.
 */

export { CLOCK };

/** A time that has come. Not true of null. */
export const isReached = (column: string): string => `${column} <= ${CLOCK}`;

/** So many milliseconds from now: one parameter; null where it is null. */
export const fromNow = (): string => `${CLOCK} + ?::double precision * interval '1 millisecond'`;

/** Nobody holds the row `alias`. */
export const isFree = (alias: string): string =>
  `(${alias}.lease_until is null or ${isReached(`${alias}.lease_until`)})`;

/** The row `alias` doesn't have to wait for its next attempt. */
export const mayTryAgain = (alias: string): string =>
  `(${alias}.next_attempt_at is null or ${isReached(`${alias}.next_attempt_at`)})`;

/** Assigns until when a lease is held; one parameter, its duration in milliseconds. */
export const LEASED_UNTIL = `lease_until = ${fromNow()}`;

const atRow = z.object({ at: z.date() });

/** The present by the database's clock. */
export async function presentOf(knex: Knex): Promise<Date> {
  const [row] = parseRows(await knex.raw(`select ${CLOCK} as at`), atRow);
  if (row === undefined) throw new Error('The clock had no row.');
  return row.at;
}
