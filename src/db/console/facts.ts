import * as z from 'zod';
import { codeOf } from '../embedded/errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { createDialect, type Dialect, zoneName } from './dialect.js';
import { refuseUnfit } from './fitness.js';
import type { ConsoleSettings } from './settings.js';
import { spellingsOf } from './spellings.js';
import { type ConsoleTable, findTable, hasOptionalId, readTable } from './table.js';

/** What the last `migrate` recorded. */
export interface ConsoleRecord {
  /** Qualified and quoted. */
  readonly table: string;
  /** Its words for states, the most frequent first. */
  readonly words: readonly string[];
  /** STATE_MAP at that time. */
  readonly stateMap: ConsoleSettings['stateMap'];
}

export interface ConsoleFacts {
  readonly table: ConsoleTable;
  readonly record: ConsoleRecord | null;
  dialect(timeZone: string): Dialect;
}

const recordRow = z.object({
  console: z
    .object({
      table: z.string(),
      words: z.array(z.string()),
      stateMap: z.array(
        z.object({ word: z.string(), state: z.enum(['marked', 'deploying', 'deployed', 'failed', 'cancelled']) }),
      ),
    })
    .nullable()
    .catch(null),
});

/**
 * undefined_table, undefined_column, invalid_schema_name: nothing is recorded yet. insufficient_privilege: the account
 * can do nothing here, which is reported elsewhere.
 */
const NOT_YET = new Set(['42P01', '42703', '3F000', '42501']);

export async function readRecord(ask: Ask): Promise<ConsoleRecord | null> {
  try {
    const found = await ask('select console from flag_promotions.installation');
    return parseRows(found, recordRow)[0]?.console ?? null;
  } catch (error) {
    if (NOT_YET.has(codeOf(error) ?? '')) return null;
    throw error;
  }
}

export async function writeRecord(ask: Ask, record: ConsoleRecord): Promise<void> {
  await ask('update flag_promotions.installation set console = $1::jsonb where console is distinct from $1::jsonb', [
    JSON.stringify(record),
  ]);
}

/**
 * Reads the console's table; `table` null: none yet. `around` wraps the reading, to limit the wait for an exclusive
 * lock.
 * @throws ConsoleTableError if it can't be used, or it is unclear which table it is
 */
export async function readConsole(
  ask: Ask,
  settings: ConsoleSettings,
  around: <T>(read: () => Promise<T>) => Promise<T> = (read) => read(),
): Promise<ConsoleFacts | { readonly table: null; readonly schema: string }> {
  const record = await readRecord(ask);
  const place = await findTable(ask, settings, record?.table ?? null);
  if (place.kind === 'nowhere') return { table: null, schema: place.schema };
  const table = await around(() => readTable(ask, place.oid));
  refuseUnfit(table, settings);
  return factsOf(table, settings, record);
}

function factsOf(table: ConsoleTable, settings: ConsoleSettings, record: ConsoleRecord | null): ConsoleFacts {
  const state = table.columns.find(({ name }) => name === 'state');
  const isEnum = state?.kind === 'enum';
  const recorded = record?.table === table.name ? record.words : [];
  const { stateMap } = settings;
  const spellings = spellingsOf(isEnum ? state.words : [...recorded, ...(state?.mentioned ?? [])], stateMap);
  const withoutZone = new Set(table.columns.filter(({ kind }) => kind === 'timestamp').map(({ name }) => name));
  return {
    table,
    record,
    dialect: (timeZone) =>
      createDialect({
        table: table.name,
        hasOptionalId: hasOptionalId(table),
        stateEnum: isEnum ? { type: state.enumType, words: state.words } : null,
        stateMap,
        spellings,
        withoutZone,
        zone: zoneName(timeZone),
      }),
  };
}
