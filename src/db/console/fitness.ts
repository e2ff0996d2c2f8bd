import { INDISPENSABLE } from './columns.js';
import { quoted, TIMES } from './dialect.js';
import { ConsoleTableError } from './refusal.js';
import { type ConsoleSettings, lowerCase } from './settings.js';
import { asText, viewsOf, withDefault } from './shape.js';
import { statesWithout, writtenWords } from './spellings.js';
import type { ConsoleColumn, ConsoleTable } from './table.js';

/* Whether a table can be adopted, found out before anything is changed. */

const UNCHANGED = 'The table was not changed.';

/** @throws ConsoleTableError if its columns aren't a promotion queue's that this app can work with */
export function refuseUnfit(table: ConsoleTable, { stateMap }: ConsoleSettings): void {
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  const missing = INDISPENSABLE.filter((name) => !byName.has(name));
  if (missing.length > 0) {
    throw new ConsoleTableError(
      `The table ${table.name} has no column ${missing.join(', ')}, so it cannot be the console’s promotion queue. ${UNCHANGED} Set CONSOLE_TABLE to the right one, or point DATABASE_URL at the right database.`,
    );
  }
  const id = byName.get('id');
  if (id !== undefined && id.kind !== 'integer') {
    throw new ConsoleTableError(
      `The table ${table.name} has an id of type ${id.type}; promotions are referred to by integers. ${UNCHANGED} Give it an id of type bigint, and set CONSOLE_TABLE if that is another table.`,
    );
  }
  const state = byName.get('state');
  if (state !== undefined) refuseState(table, state, stateMap);
  for (const name of [...TIMES, 'lease_until', 'next_attempt_at']) {
    const time = byName.get(name);
    if (time !== undefined) refuseTime(table, time);
  }
}

function refuseState(table: ConsoleTable, state: ConsoleColumn, stateMap: ConsoleSettings['stateMap']): void {
  if (state.kind === 'enum') {
    const foreign = writtenWords(stateMap).filter((word) => !state.words.some((known) => isSameWord(known, word)));
    if (foreign.length > 0) {
      throw new ConsoleTableError(
        `STATE_MAP names ${foreign.join(', ')}, which the enum ${state.type} of the table ${table.name} doesn’t have. ${UNCHANGED} Its words are ${state.words.join(', ')}: name one of them, or leave the entry out.`,
      );
    }
    const lacking = statesWithout(state.words, stateMap);
    if (lacking.length === 0) return;
    const add = lacking.map((word) => `alter type ${state.enumType} add value ${quoted(word)};`).join(' ');
    throw new ConsoleTableError(
      `The table ${table.name} keeps its state in the enum ${state.type}, which has no word for ${lacking.join(', ')}. ${UNCHANGED} Name its words in STATE_MAP, or run: ${add}`,
    );
  }
  if (state.kind === 'text') return;
  throw new ConsoleTableError(
    `The table ${table.name} keeps its state as ${state.type}; states are read from a text or an enum. ${UNCHANGED}${viewsOf(state)} Name its words in STATE_MAP, and run: ${madeText(table, state)}`,
  );
}

/** Without what refuses another type for it. */
function madeText({ name }: ConsoleTable, { byDefault, constraints, indexes, base }: ConsoleColumn): string {
  const alter = 'alter column state';
  const text = (sql: string): string => asText(base, sql);
  const changes = [
    ...constraints.map((constraint) => `drop constraint ${constraint}`),
    ...withDefault(
      alter,
      `${alter} type text using ${text('state')}`,
      byDefault === null ? null : text(`(${byDefault})`),
    ),
  ];
  return [...indexes.map((index) => `drop index ${index}; `), `alter table ${name} ${changes.join(', ')}`].join('');
}

const isSameWord = (one: string, other: string): boolean => lowerCase(one) === lowerCase(other);

function refuseTime(table: ConsoleTable, column: ConsoleColumn): void {
  const { name, type, kind } = column;
  if (kind === 'timestamptz' || kind === 'timestamp') return;
  throw new ConsoleTableError(
    `The table ${table.name} keeps ${name} as ${type}, which tells no time of day. ${UNCHANGED} Run: alter table ${table.name} ${madeTime(column)}`,
  );
}

const NUMBERS = new Set(['int2', 'int4', 'int8', 'numeric', 'float4', 'float8']);

function madeTime({ name, kind, base, byDefault, isNullable }: ConsoleColumn): string {
  // Nothing tells the day of a time or an interval, so a new column begins empty.
  if (!NUMBERS.has(base) && kind !== 'text' && base !== 'date') return `rename column ${name} to ${name}_before`;
  // Milliseconds since 1970 have 13 digits today, seconds 10.
  const as = (sql: string): string => {
    if (NUMBERS.has(base)) return `to_timestamp(${sql} / case when ${sql} > 100000000000 then 1000.0 else 1 end)`;
    return kind === 'text' ? `nullif(${sql}::text, '')::timestamptz` : `${sql}::timestamptz`;
  };
  const alter = `alter column ${name}`;
  // A text may be empty, which is no time.
  const retype = `${kind === 'text' && !isNullable ? `${alter} drop not null, ` : ''}${alter} type timestamptz using ${as(name)}`;
  return withDefault(alter, retype, byDefault === null ? null : as(`(${byDefault})`)).join(', ');
}
