import * as z from 'zod';
import { count, parseRows } from '../rows.js';
import { isOdd } from './indexes.js';
import type { StateCount } from './survey.js';

/** How many different words are named. */
const NAMED = 10;
/** Counting more rows would cost more than it tells. */
const COUNTED = 50_000;

const oddRow = z.object({ word: z.string().nullable(), n: count, total: count });

/** Their words, the most frequent first. */
export interface OddStates {
  readonly states: readonly StateCount[];
  /** `isAtLeast`: there are more than were counted. */
  readonly total: number;
  readonly isAtLeast: boolean;
}

/** Costs only the odd rows, by their own index. `translating`: sends SQL translated for this table. */
export async function findOddStates(translating: (sql: string) => Promise<unknown>): Promise<OddStates> {
  const found = await translating(
    `select state::text as word, count(*) as n, sum(count(*)) over () as total
       from (select p.state from {promotions} p where ${isOdd('{p.state}')} limit ${COUNTED}) odd
      group by 1 order by 2 desc, 1 limit ${NAMED}`,
  );
  const rows = parseRows(found, oddRow);
  const total = rows[0]?.total ?? 0;
  return { states: rows.map(({ word, n }) => ({ word, count: n })), total, isAtLeast: total === COUNTED };
}
