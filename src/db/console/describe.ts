import type { AdoptedTable } from './ensure.js';
import type { OddStates } from './odd-states.js';
import type { StateCount } from './survey.js';
import type { OddStartRow } from './time-hints.js';

const NAMED = 10;
const number = (n: number): string => n.toLocaleString('en-US');

/** Which table it is and what in it needs a look, in lines for people. */
export function describeAdopted(table: AdoptedTable): readonly string[] {
  const { kind, name, owner, rows, deploying } = table;
  if (kind === 'created') return [`Created ${name}.`];
  const facts = `${name}, owner ${owner}, ${number(rows)} ${rows === 1 ? 'row' : 'rows'}, ${number(deploying)} deploying`;
  return [`${kind === 'own' ? 'Promotions are in' : 'Adopted'} ${facts}.`, ...describeOddities(table)];
}

/** In lines for people; empty if nothing needs a look. */
export function describeOddities({
  oddStates,
  withoutId = 0,
  timeHints,
  oddStarts,
  namesakes,
}: Pick<AdoptedTable, 'oddStates' | 'timeHints' | 'oddStarts' | 'namesakes'> & {
  /** None when a table is adopted: its ids were just checked. */
  readonly withoutId?: number;
}): readonly string[] {
  return [
    ...(namesakes.length === 0
      ? []
      : [`There is also ${namesakes.join(' and ')}. If the console uses that one, set CONSOLE_TABLE to it.`]),
    ...(oddStates.length === 0
      ? []
      : [
          `${describeOddStates(oddStates)} They never alert. Name the ones that are ours in STATE_MAP, such as ${exampleOf(oddStates)}=deploying.`,
        ]),
    ...(withoutId === 0 ? [] : [describeWithoutId(withoutId)]),
    ...timeHints.map(({ column, ours, sql }) => `${column} looks like ${ours}, which is empty. To copy it: ${sql}`),
    ...(oddStarts.length === 0 ? [] : [`${describeOddStarts(oddStarts)} They alert at once.`]),
  ];
}

function describeOddStarts(oddStarts: readonly OddStartRow[]): string {
  const named = oddStarts.map(({ id, recorded }) => `${id} (${recorded ?? 'no start'})`).join(', ');
  return `Deploying since nobody knows when: ${oddStarts.length === 1 ? 'promotion' : 'promotions'} ${named}.`;
}

/** Rows that never alert; empty if there are none. */
export function describeOddRows({ states, withoutId, isAtLeast }: OddStates): readonly string[] {
  return [
    ...(states.length === 0 ? [] : [describeOddStates(states, isAtLeast)]),
    ...(withoutId === 0 ? [] : [describeWithoutId(withoutId, isAtLeast)]),
  ];
}

/** `isAtLeast`: not all such rows were counted. */
function describeWithoutId(rows: number, isAtLeast = false): string {
  const which = isAtLeast || rows > 1 ? `${number(rows)}${isAtLeast ? ' or more' : ''} rows have` : '1 row has';
  return `${which} no id, and can’t alert or be shown. Give each row an id.`;
}

/** `Unknown states: rolled_back (3), queued (1).` `isAtLeast`: not all such rows were counted. */
export function describeOddStates(oddStates: readonly StateCount[], isAtLeast = false): string {
  const named = oddStates
    .slice(0, NAMED)
    .map(({ word, count }) => `${spelled(word)} (${number(count)}${isAtLeast ? ' and more' : ''})`);
  const more = oddStates.length > NAMED ? ` and ${number(oddStates.length - NAMED)} more` : '';
  return `Unknown states: ${named.join(', ')}${more}.`;
}

/** Preferably a word with blanks around it: STATE_MAP needs its quotes. */
const exampleOf = (oddStates: readonly StateCount[]): string =>
  oddStates.map(({ word }) => spelled(word)).find((word) => /^".*\S.*"$/u.test(word)) ?? 'in_progress';

/** Another system's word, made fit for one line of a terminal. */
function spelled(word: string | null): string {
  if (word === null) return 'none at all';
  const shown = word.replaceAll(/\p{C}/gu, '?').slice(0, 40);
  return shown.trim() === shown && shown !== '' ? shown : `"${shown}"`;
}
