import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';

/** The console's word for one of our states. */
export interface MappedState {
  readonly word: string;
  readonly state: PromotionState;
}

/** What is set about the console's table. */
export interface ConsoleSettings {
  /** CONSOLE_TABLE: `schema.table` or `table`, as SQL writes names; null: the usual name, by the search path. */
  readonly table: string | null;
  /** STATE_MAP: by its words, each of which stands for one state. */
  readonly stateMap: readonly MappedState[];
}

export const USUAL_CONSOLE: ConsoleSettings = { table: null, stateMap: [] };

const IDENTIFIER = String.raw`(?:[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")+")`;
const TABLE_NAME = new RegExp(`^(?:${IDENTIFIER}\\.)?${IDENTIFIER}$`, 'u');

/** Whether SQL takes it as the name of a table, with its schema or without. */
export const isTableName = (text: string): boolean => TABLE_NAME.test(text);

/** The word in lower case, as PostgreSQL's collation "C" has it: its ASCII letters only. */
export const lowerCase = (word: string): string => word.replaceAll(/[A-Z]+/gu, (letters) => letters.toLowerCase());

const isState = (word: string): word is PromotionState => PROMOTION_STATES.some((state) => state === word);

/** The state that a word of the console's stands for; null where it is none that this app knows. */
export function stateOf(word: string, stateMap: ConsoleSettings['stateMap']): PromotionState | null {
  const lower = lowerCase(word);
  const mapped = stateMap.find((entry) => lowerCase(entry.word) === lower);
  if (mapped !== undefined) return mapped.state;
  return isState(lower) ? lower : null;
}

/** Reads STATE_MAP, `in_progress=deploying,done=deployed`, and names every fault, the entry by its number. */
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
    const word = entry.slice(0, Math.max(0, at)).trim();
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
