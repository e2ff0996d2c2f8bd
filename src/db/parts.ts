import type { Sql } from './rows.js';

/**
 * One of several statements that travel as one: with a database that is 20 ms away, each further one would cost a person 20 ms.
 * Those after it can read by its name what it returns.
 *
 * PostgreSQL (https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING) shows all of them the tables as
 * they were before any of them wrote, lets only one of them write a row, and runs one before another only where that one reads it.
 */
export interface Part extends Sql {
  readonly name: string;
}

/** Parts, and the statement that answers. */
export function inOne(parts: readonly Part[], answer: Sql): Sql {
  return {
    sql: `with ${parts.map(({ name, sql }) => `${name} as (${sql})`).join(',\n')}\n${answer.sql}`,
    values: [...parts.flatMap(({ values }) => values), ...answer.values],
  };
}

/** Always true, but not known before the part has run: what has it as a condition comes after the part. */
export const after = (part: string): string => `(select count(*) from ${part}) >= 0`;
