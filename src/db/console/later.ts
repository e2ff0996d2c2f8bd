import { asRefusal, type Refusal } from '../errors.js';
import type { Ask } from './ask.js';
import { inspectConsole } from './ensure.js';
import { judge } from './judge.js';
import { readParties } from './judged.js';
import { ConsoleTableError, TableInUseError } from './refusal.js';
import { judgeOwnTables } from './rights.js';
import type { ConsoleSettings } from './settings.js';
import { columnsOf } from './shape.js';
import { USES } from './writes.js';

/** A refusal that lasts until somebody changes the database. */
export interface RefusedWrite {
  /** PostgreSQL's reason, on one line. */
  readonly words: string;
  /** What the console's team has to run, as far as known. */
  readonly cure: readonly string[];
}

/** SQLSTATEs that a bug of ours causes too: the database's fault only if the table has changed. */
const MAY_BE_OURS = /^(?:0A|21|42)/u;
const RIGHT_OR_COLUMN_IS_GONE = new Set(['42501', '42703', '42P01']);

/** For a missing relation or right PostgreSQL tells no schema. */
const OF_OURS = /\bflag_promotions"?\./iu;

export function mayBeRefusedWrite(error: unknown): boolean {
  if (error instanceof ConsoleTableError) return true;
  const refusal = asRefusal(error);
  return refusal !== null && refusal.schema !== 'flag_promotions' && !OF_OURS.test(refusal.words);
}

/**
 * Explains a refused write after a good start: the console altered its table, or its rules concern this row. Null if it
 * is no such refusal.
 */
export async function explainRefusedWrite(
  ask: Ask,
  settings: ConsoleSettings,
  error: unknown,
): Promise<RefusedWrite | null> {
  if (error instanceof ConsoleTableError) return { words: error.message, cure: [] };
  const refusal = asRefusal(error);
  if (refusal === null || !mayBeRefusedWrite(error) || (await isOurs(ask, refusal))) return null;
  const now = await lookNow(ask, settings, refusal);
  const isForSure = !MAY_BE_OURS.test(refusal.code) || RIGHT_OR_COLUMN_IS_GONE.has(refusal.code);
  return isForSure || now.cure.length > 0 ? now : null;
}

/** PostgreSQL names a schema, or a table without its schema: it is ours if our statement, no trigger's, lacks it. */
async function isOurs(ask: Ask, { code, words, where }: Refusal): Promise<boolean> {
  if (where !== null) return false;
  if (code === '3F000') return /\bflag_promotions\b/u.test(words);
  if (code !== '42501') return false;
  const own = await judgeOwnTables(ask, await readParties(ask, { oid: null, schema: '' }, null));
  const closed = own.flatMap(({ sql }) =>
    sql.flatMap((statement) => / on (?:flag_promotions\.|schema )(\w+) /u.exec(statement)?.[1] ?? []),
  );
  return closed.some((name) => new RegExp(`\\b${name}\\b`, 'u').test(words));
}

async function lookNow(ask: Ask, settings: ConsoleSettings, refusal: Refusal): Promise<RefusedWrite> {
  const { words } = refusal;
  try {
    const inspected = await inspectConsole(ask, settings);
    if (inspected.kind === 'missing' || inspected.steps.some(({ kind }) => kind === 'add_columns')) {
      return { words, cure: ['flag-promotions migrate'] };
    }
    const { findings } = await judge(ask, { inspected, lacksMigrations: false, role: null, tries: true });
    const theirs = findings.filter(({ weight, by }) => weight === 'blocks' && by !== 'app schema owner');
    const cures = theirs.flatMap(({ sql }) => sql);
    const cure = cures.map((statement) => `${statement};`);
    return { words, cure: cure.length > 0 ? cure : await widenedFor(ask, inspected.facts.table, refusal) };
  } catch (error) {
    // The table itself changed or is gone. Any other error only loses the cure; the reason stands.
    return {
      words: error instanceof ConsoleTableError && !(error instanceof TableInUseError) ? error.message : words,
      cure: [],
    };
  }
}

/** A text, such as a flag's key, is too long for its column: PostgreSQL names the length, not the column. */
async function widenedFor(
  ask: Ask,
  table: { readonly oid: string; readonly name: string },
  { code, words }: Refusal,
): Promise<readonly string[]> {
  const room = Number(/\((\d+)\)/u.exec(words)?.[1]);
  if (code !== '22001' || Number.isNaN(room)) return [];
  const columns = (await columnsOf(ask, table.oid)).filter((column) => column.room === room && USES.has(column.name));
  return columns.map(({ quoted }) => `alter table ${table.name} alter column ${quoted} type text;`);
}
