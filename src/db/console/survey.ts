import * as z from 'zod';
import { count, parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { type ConsoleSettings, stateOf } from './settings.js';
import type { ConsoleTable } from './table.js';

/** A console's word for a state, and how many rows have it. */
export interface StateCount {
  /** null: rows without a state. */
  readonly word: string | null;
  readonly count: number;
}

export interface Survey {
  readonly rows: number;
  readonly deploying: number;
  /** The words for our states, the most frequent first. */
  readonly words: readonly string[];
  /** The others, the most frequent first. */
  readonly oddStates: readonly StateCount[];
}

/** A column with so many words holds no states. */
const MOST_WORDS = 1_000;

const wordRow = z.object({ word: z.string().nullable(), n: count, rows: count });

/** Reads the whole table once. */
export async function surveyTable(ask: Ask, table: ConsoleTable, { stateMap }: ConsoleSettings): Promise<Survey> {
  const found = await ask(
    `select state::text as word, count(*) as n, sum(count(*)) over () as rows from ${table.name}
      group by 1 order by 2 desc, 1 limit ${MOST_WORDS}`,
  );
  const rows = parseRows(found, wordRow).map((row) => ({
    ...row,
    state: row.word === null ? null : stateOf(row.word, stateMap),
  }));
  const deploying = rows.filter(({ state }) => state === 'deploying');
  return {
    rows: rows[0]?.rows ?? 0,
    deploying: deploying.reduce((sum, { n }) => sum + n, 0),
    words: rows.flatMap(({ word, state }) => (word === null || state === null ? [] : [word])),
    oddStates: rows.flatMap(({ word, state, n }) => (state === null ? [{ word, count: n }] : [])),
  };
}
