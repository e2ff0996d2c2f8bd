import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';

export interface MappedState {
  readonly word: string;
  readonly state: PromotionState;
}

export interface ConsoleSettings {
  /** CONSOLE_TABLE: `schema.table` or `table`, as SQL writes names; null: the usual name, by the search path. */
  readonly table: string | null;
  /** STATE_MAP: from the console's word to our state. */
  readonly stateMap: readonly MappedState[];
}

export const USUAL_CONSOLE: ConsoleSettings = { table: null, stateMap: [] };

const IDENTIFIER = String.raw`(?:[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")+")`;
const TABLE_NAME = new RegExp(`^(?:${IDENTIFIER}\\.)?${IDENTIFIER}$`, 'u');

/** Whether SQL accepts it as a table's name, with or without a schema. */
export const isTableName = (text: string): boolean => TABLE_NAME.test(text);

/** Lower case as in PostgreSQL's collation "C": ASCII letters only. */
export const lowerCase = (word: string): string => word.replaceAll(/[A-Z]+/gu, (letters) => letters.toLowerCase());

const isState = (word: string): word is PromotionState => PROMOTION_STATES.some((state) => state === word);

/** Our state for a word of the console's; null if unknown. */
export function stateOf(word: string, stateMap: ConsoleSettings['stateMap']): PromotionState | null {
  const lower = lowerCase(word);
  const mapped = stateMap.find((entry) => lowerCase(entry.word) === lower);
  if (mapped !== undefined) return mapped.state;
  return isState(lower) ? lower : null;
}

/** In double quotes a word keeps the blanks around it. */
const unquoted = (word: string): string => /^"(.*)"$/u.exec(word)?.[1] ?? word;

/** Reads STATE_MAP, `in_progress=deploying,done=deployed`, and reports every fault with its entry's number. */
export function parseStateMap(text: string): {
  readonly stateMap: readonly MappedState[];
  readonly faults: readonly string[];
} {
  const stateMap: MappedState[] = [];
  const faults: string[] = [];
  const entries = text.split(',').filter((entry) => entry.trim() !== '');
  for (const [index, entry] of entries.entries()) {
    const name = `entry ${index + 1}`;
    const at = entry.lastIndexOf('=');
    const word = unquoted(entry.slice(0, Math.max(0, at)).trim());
    const state = lowerCase(entry.slice(at + 1).trim());
    if (word === '') faults.push(`${name} must be word=state, such as in_progress=deploying`);
    else if (!isState(state)) faults.push(`${name} must map to one of ${PROMOTION_STATES.join(', ')}`);
    else if (stateMap.some((earlier) => lowerCase(earlier.word) === lowerCase(word))) {
      faults.push(`${name} maps a word that an earlier entry maps`);
    } else stateMap.push(Object.freeze({ word, state }));
  }
  for (const state of PROMOTION_STATES) {
    const readAs = stateOf(state, stateMap);
    if (readAs === state || stateMap.some((entry) => entry.state === state)) continue;
    faults.push(`maps ${state} to ${readAs}, so no word is left for ${state}: map one to it`);
  }
  return { stateMap, faults };
}
