import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import { type ConsoleSettings, lowerCase, stateOf } from './settings.js';
import type { Spellings } from './spellings.js';

/** The times of a promotion by which rows are found. */
export const TIMES = ['marked_at', 'promoted_at', 'deployed_at', 'failed_at', 'created_at', 'updated_at'] as const;
export type Time = (typeof TIMES)[number];

/** What SQL on the console's table depends on. */
export interface DialectFacts {
  /** The table, qualified and quoted. */
  readonly table: string;
  /** The words of the enum that its states are, and that type, qualified and quoted; null where they are texts. */
  readonly stateEnum: { readonly type: string; readonly words: readonly string[] } | null;
  readonly stateMap: ConsoleSettings['stateMap'];
  readonly spellings: Spellings;
  /** Times that carry no zone. */
  readonly withoutZone: ReadonlySet<string>;
  /** The session's TimeZone, in which those are read and written. */
  readonly zone: string;
}

/**
 * How the console's table is spoken to. Its expressions are immutable, so that an index can hold them, and the predicates of
 * our indexes are made of the same: where they no longer fit, a query is slow, and never blind.
 */
export interface Dialect {
  /**
   * Replaces `{promotions}` by the table, `{p.state}` by our word for the state of the row `p` (null or another word where it is
   * none of ours), `{p.promoted_at}` and the other TIMES by that moment as a timestamptz, and `{'deployed'}` by what the table
   * writes for that state.
   */
  translate(sql: string): string;
  /** The same expressions, of the column itself. */
  readonly state: string;
  time(name: Time): string;
}

const TOKEN = new RegExp(
  String.raw`\{(?:promotions|(\w+)\.(state|${TIMES.join('|')})|'(${PROMOTION_STATES.join('|')})')\}`,
  'gu',
);

export function createDialect(facts: DialectFacts): Dialect {
  const known = new Map<string, string>();
  const zone = quoted(facts.zone);

  function time(name: string, column: string): string {
    return facts.withoutZone.has(name) ? `(${column} at time zone ${zone})` : column;
  }

  function translated(sql: string): string {
    return sql.replace(TOKEN, (_, alias?: string, column?: string, state?: PromotionState) => {
      if (state !== undefined) return literal(facts, state);
      if (alias === undefined || column === undefined) return facts.table;
      return column === 'state' ? stateExpression(facts, `${alias}.state`) : time(column, `${alias}.${column}`);
    });
  }

  return {
    state: stateExpression(facts, 'state'),
    time: (name) => time(name, name),
    translate(sql) {
      if (!sql.includes('{')) return sql;
      const before = known.get(sql);
      if (before !== undefined) return before;
      const text = translated(sql);
      // What has none may be made for one occasion.
      if (text !== sql) known.set(sql, text);
      return text;
    },
  };
}

/** Our word for a state. A word's own text is only stable where it is an enum's, and an index takes nothing that may change. */
function stateExpression({ stateEnum, stateMap }: DialectFacts, column: string): string {
  if (stateEnum !== null) {
    const { type, words } = stateEnum;
    const cases = words.flatMap((word) => {
      const state = stateOf(word, stateMap);
      return state === null ? [] : [`when ${quoted(word)}::${type} then ${quoted(state)}`];
    });
    // The cast is for a domain over it.
    return `(case ${column}::${type} ${cases.join(' ')} end)`;
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

/** A literal of SQL. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The server's words for the zone that all others are told by. */
const UTC = /^(?:Etc\/)?(?:UTC|UCT|GMT|Universal|Zulu|Greenwich)$/iu;

/** A session's TimeZone, by one name where several mean the same. */
export const zoneName = (parameter: string): string => (UTC.test(parameter) ? 'UTC' : parameter);
