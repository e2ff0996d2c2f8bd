import * as z from 'zod';
import { count, parseRows } from '../rows.js';
import { isOdd } from './indexes.js';
import type { StateCount } from './survey.js';

/** How many different words are named. */
const NAMED = 10;
/** Counting more rows would cost more than it tells. */
const COUNTED = 50_000;

const oddRow = z.object({ word: z.string().nullable(), has_id: z.boolean(), n: count, total: count });

/** Rows that never alert; the most frequent words first. */
export interface OddStates {
  readonly states: readonly StateCount[];
  /** Rows without an id, whose state nobody can know. */
  readonly withoutId: number;
  /** `isAtLeast`: there are more than were counted. */
  readonly total: number;
  readonly isAtLeast: boolean;
}

/** Costs only the odd rows, by their own index. `translating`: sends SQL translated for this table. */
export async function findOddStates(translating: (sql: string) => Promise<unknown>): Promise<OddStates> {
  const found = await translating(
    `select case when has_id then state::text end as word, has_id, count(*) as n, sum(count(*)) over () as total
       from (select p.state, p.id is not null as has_id from {promotions} p where ${isOdd('{p.state}')} limit ${COUNTED}) odd
      group by 1, 2 order by 2, 3 desc, 1 limit ${NAMED}`,
  );
  const rows = parseRows(found, oddRow);
  const total = rows[0]?.total ?? 0;
  return {
    states: rows.filter((row) => row.has_id).map(({ word, n }) => ({ word, count: n })),
    withoutId: rows.find((row) => !row.has_id)?.n ?? 0,
    total,
    isAtLeast: total === COUNTED,
  };
}
