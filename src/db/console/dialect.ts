import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import { type ConsoleSettings, lowerCase, stateOf } from './settings.js';
import type { Spellings } from './spellings.js';

/** A promotion's times that queries search by. */
export const TIMES = ['marked_at', 'promoted_at', 'deployed_at', 'failed_at', 'created_at', 'updated_at'] as const;
export type Time = (typeof TIMES)[number];

export interface DialectFacts {
  /** The table, qualified and quoted. */
  readonly table: string;
  /** Rows may come without an id. Nobody could show or resolve one, so it has no state here. */
  readonly hasOptionalId: boolean;
  /** The enum of its states: its words, and the type, qualified and quoted; null if states are text. */
  readonly stateEnum: { readonly type: string; readonly words: readonly string[] } | null;
  readonly stateMap: ConsoleSettings['stateMap'];
  readonly spellings: Spellings;
  /** Time columns without a zone. */
  readonly withoutZone: ReadonlySet<string>;
  /** The session's TimeZone, in which those are read and written. */
  readonly zone: string;
}

/**
 * How SQL addresses the console's table. Its expressions are immutable, so an index can hold them, and our indexes use
 * the same ones: if they stop matching, a query is slow, but still right.
 */
export interface Dialect {
  /**
   * Replaces `{promotions}` with the table, `{'promotions'}` with its name as a text, `{p.state}` with our word for the
   * state (or the table's, or null), `{p.promoted_at}` and the other TIMES with a timestamptz, and `{'deployed'}` with the
   * table's word.
   */
  translate(sql: string): string;
  /** The same expressions, for the bare column. */
  readonly state: string;
  time(name: Time): string;
}

const TOKEN = new RegExp(
  String.raw`\{(?:promotions|(\w+)\.(state|${TIMES.join('|')})|'(${PROMOTION_STATES.join('|')}|promotions)')\}`,
  'gu',
);

export function createDialect(facts: DialectFacts): Dialect {
  const known = new Map<string, string>();
  const zone = quoted(facts.zone);

  function time(name: string, column: string): string {
    return facts.withoutZone.has(name) ? `(${column} at time zone ${zone})` : column;
  }

  function translated(sql: string): string {
    return sql.replace(TOKEN, (_, alias?: string, column?: string, state?: PromotionState | 'promotions') => {
      if (state === 'promotions') return quoted(facts.table);
      if (state !== undefined) return literal(facts, state);
      if (alias === undefined || column === undefined) return facts.table;
      return column === 'state' ? stateExpression(facts, `${alias}.`) : time(column, `${alias}.${column}`);
    });
  }

  return {
    state: stateExpression(facts, ''),
    time: (name) => time(name, name),
    translate(sql) {
      if (!sql.includes('{')) return sql;
      const before = known.get(sql);
      if (before !== undefined) return before;
      const text = translated(sql);
      // SQL without placeholders may be made for one use.
      if (text !== sql) known.set(sql, text);
      return text;
    },
  };
}

/** Our word for the state of a row, which `row` names as far as the dot. */
function stateExpression(facts: DialectFacts, row: string): string {
  const word = wordExpression(facts, `${row}state`);
  return facts.hasOptionalId ? `(case when ${row}id is not null then ${word} end)` : word;
}

/** Casting an enum to text isn't immutable, which an index requires. */
function wordExpression({ stateEnum, stateMap }: DialectFacts, column: string): string {
  if (stateEnum !== null) {
    const { type, words } = stateEnum;
    const cases = words.flatMap((word) => {
      const state = stateOf(word, stateMap);
      return state === null ? [] : [`when enum_eq(${column}::${type}, ${quoted(word)}::${type}) then ${quoted(state)}`];
    });
    // By name: `=` would be ambiguous if the enum has an implicit cast to text. The column's cast is for a domain over it.
    return `(case ${cases.join(' ')} end)`;
  }
  const lower = `lower(${column}::text collate "C")`;
  if (stateMap.length === 0) return lower;
  const cases = stateMap.map(({ word, state }) => `when ${quoted(lowerCase(word))} then ${quoted(state)}`);
  return `(case ${lower} ${cases.join(' ')} else ${lower} end)`;
}

function literal({ stateEnum, spellings }: DialectFacts, state: PromotionState): string {
  const word = quoted(spellings[state]);
  return stateEnum === null ? word : `${word}::${stateEnum.type}`;
}

export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The server's names for UTC. */
const UTC = /^(?:Etc\/)?(?:UTC|UCT|GMT|Universal|Zulu|Greenwich)$/iu;

/** A session's TimeZone, with one name for UTC. */
export const zoneName = (parameter: string): string => (UTC.test(parameter) ? 'UTC' : parameter);
