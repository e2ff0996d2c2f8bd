import type { Sql } from './rows.js';

/**
 * One of several statements sent as one, to save round trips. Later parts read its rows by name. All see the tables as
 * before, only one may write a row, and only reading another part orders them
 * (https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING).
 */
export interface Part extends Sql {
  readonly name: string;
}

export function inOne(parts: readonly Part[], answer: Sql): Sql {
  return {
    sql: `with ${parts.map(({ name, sql }) => `${name} as (${sql})`).join(',\n')}\n${answer.sql}`,
    values: [...parts.flatMap(({ values }) => values), ...answer.values],
  };
}

/** SQL: always true, but known only after the part; as a condition it orders a statement. */
export const after = (part: string): string => `(select count(*) from ${part}) >= 0`;
