import * as z from 'zod';
import type { Knex } from './connection.js';
import { attemptsRow, parseRows, rowCount, type Value } from './rows.js';

/** Who holds a row while delivering it, and for how long at most (milliseconds, on the database's clock). */
export interface Lease {
  readonly owner: string;
  readonly durationMs: number;
}

/** What is known about an attempt that did not succeed, for the next one and for people who look. */
export interface Postponement {
  readonly nextAttemptAt: Date;
  readonly lastError: string;
}

/** Clears the traces of earlier failures. */
export const NO_FAILURE = `attempts = 0, next_attempt_at = null, last_error = null, updated_at = now()`;

/** Nobody is working on the row `alias`. */
export const free = (alias: string): string =>
  `(${alias}.lease_until is null or ${alias}.lease_until <= clock_timestamp())`;

/** The row `alias` need not wait; one parameter, the app's present. */
export const waited = (alias: string): string => `(${alias}.next_attempt_at is null or ${alias}.next_attempt_at <= ?)`;

/** No promotion waits that long for Heroku, whose limits renew within the hour. */
const ABSURD_MS = 2 * 3_600_000;

/**
 * The same of a promotion; two parameters, by `waitedValues`. What is to wait absurdly long was written by a clock that ran
 * ahead, and must not wait for the right one to come round to it.
 */
export const promotionWaited = (alias: string): string => `(${waited(alias)} or ${alias}.next_attempt_at > ?)`;
/** What `promotionWaited` takes; `now` is the app's present. */
export const waitedValues = (now: Date): readonly [Date, Date] => [now, new Date(now.getTime() + ABSURD_MS)];

/** Assigns until when a lease is held; one parameter, its duration in milliseconds. */
export const HELD_UNTIL = `lease_until = clock_timestamp() + ? * interval '1 millisecond'`;

/** A table's key, whatever its type is. */
const keyRow = z.object({ key: z.string() });

/** A table whose rows are delivered under a lease. */
export interface LeasedRows {
  /**
   * Rows that fulfil `condition`, of which `values` are the parameters, which nobody is working on and which need not wait; all
   * of them where `limit` is null.
   */
  due(
    condition: string,
    order: string,
    now: Date,
    limit: number | null,
    values?: readonly Value[],
  ): Promise<readonly string[]>;
  /** Takes the lease of a row that fulfils `condition`; how often that was done before, null where it cannot be had. */
  claim(id: string, lease: Lease, condition: string, values: readonly Value[]): Promise<number | null>;
  /** Writes where the lease is held still; false where it was lost, and nothing was written. */
  fenced(runner: Knex, id: string, lease: Lease, assignments: string, values: readonly Value[]): Promise<boolean>;
  /** Extends a lease that is held still. */
  renew(id: string, lease: Lease): Promise<boolean>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
}

/** `alias` is what conditions call a row of `table`, which `key` names. */
export function leasedRows(knex: Knex, table: string, alias: string, key: string): LeasedRows {
  const rows: LeasedRows = {
    async due(condition, order, now, limit, values = []) {
      const found = await knex.raw(
        `select ${alias}.${key}::text as key from ${table} ${alias}
          where ${condition} and ${free(alias)} and ${waited(alias)} order by ${order} limit ?`,
        [...values, now, limit],
      );
      return parseRows(found, keyRow).map((row) => row.key);
    },
    async claim(id, lease, condition, values) {
      const claimed = await knex.raw(
        `update ${table} ${alias} set lease_owner = ?, ${HELD_UNTIL}, attempts = ${alias}.attempts + 1
          where ${alias}.${key} = ? and ${free(alias)} and ${condition} returning ${alias}.attempts`,
        [lease.owner, lease.durationMs, id, ...values],
      );
      const [row] = parseRows(claimed, attemptsRow);
      return row === undefined ? null : row.attempts - 1;
    },
    async fenced(runner, id, lease, assignments, values) {
      const updated = await runner.raw(`update ${table} set ${assignments} where ${key} = ? and lease_owner = ?`, [
        ...values,
        id,
        lease.owner,
      ]);
      return rowCount(updated) === 1;
    },
    renew: (id, lease) => rows.fenced(knex, id, lease, HELD_UNTIL, [lease.durationMs]),
    async release(id, lease, postponement) {
      await rows.fenced(
        knex,
        id,
        lease,
        `lease_owner = null, lease_until = null, next_attempt_at = ?, last_error = ?, updated_at = now()`,
        [postponement?.nextAttemptAt ?? null, postponement?.lastError ?? null],
      );
    },
  };
  return rows;
}
