import * as z from 'zod';
import type { PromotionState } from '../../promotions/promotion.js';
import { asRefusal, type Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { type Explanation, startExplaining } from './explain.js';
import type { Finding } from './finding.js';
import type { Judged } from './judged.js';
import { neededColumns, numbersFor, valuesToTry } from './new-row.js';
import { type Column, columnsOf, judgeColumn } from './shape.js';
import { onTrial } from './trial.js';
import {
  AT,
  COMPLETE,
  FAIL,
  MARKED,
  NAMES,
  PROMOTE,
  REVERTING,
  TAKE_UP,
  USES,
  USUAL_LENGTHS,
  type Values,
  WRITES,
  type WriteOf,
  type Written,
} from './writes.js';

/**
 * Tries each of the app's writes on a row of its own, rolled back: it shows what the catalog can't tell (triggers,
 * CHECKs, foreign keys, domains), deferred constraints included. Nobody sees the row or is notified, and no audit event
 * is written. A table that still lacks our columns will do, so it can come before any change. `role`: who tries it;
 * null: the one that asks.
 * @throws if the table is locked for long, or the database doesn't answer
 */
export async function rehearse(
  ask: Ask,
  table: Judged,
  columns: readonly Column[],
  role: string | null,
): Promise<readonly Finding[]> {
  return onTrial(ask, async () => {
    if (role !== null) await ask(`select set_config('role', $1, true)`, [role]);
    await ask('set constraints all immediate');
    return rehearseIn(ask, table, columns);
  });
}

/** The same inside a transaction that has added our columns; they have no grants yet. */
export async function rehearseAdded(ask: Ask, table: Judged, role: string | null): Promise<readonly Finding[]> {
  if (role !== null) {
    await ask(`grant select, insert, update on ${table.name} to ${table.role}`);
    await ask(`select set_config('role', $1, true)`, [role]);
  }
  return rehearseIn(ask, table, await columnsOf(ask, table.oid));
}

type ConsoleRefusals = ReadonlyMap<string, Refusal>;

/** Inside a transaction: the console's own writes, in its own columns, that are refused for a row of our own. */
export async function consoleRefusals(ask: Ask, table: Judged, columns: readonly Column[]): Promise<ConsoleRefusals> {
  await ask('set constraints all immediate');
  const stage = await stageOf(ask, table, columns);
  const tries = await rowsToTry(stage, columns);
  const refused = new Map<string, Refusal>();
  await attempt(stage, async () => {
    const added = await insertFirst(stage, 'marked', tries);
    if (added.kind === 'refused') refused.set('add a promotion', added.refusal);
    if (added.kind === 'refused' || added.value === null) return;
    const { at } = added.value;
    const kept = columns.filter(
      ({ name, generated, identity }) => name !== 'id' && generated === '' && identity !== 'a',
    );
    const same = kept.map(({ quoted }) => `${quoted} = ${quoted}`).join(', ');
    const others = [
      ['change a promotion', `update ${table.name} set ${same} where ctid = $1::tid`],
      ['delete a promotion', `delete from ${table.name} where ctid = $1::tid`],
    ] as const;
    for (const [does, sql] of others) {
      const outcome = await attempt(stage, () => ask(sql, [at]));
      if (outcome.kind === 'refused') refused.set(does, outcome.refusal);
    }
  });
  return refused;
}

async function insertFirst(
  stage: Stage,
  state: PromotionState,
  tries: readonly Values[],
): Promise<Outcome<WrittenRow | null>> {
  let outcome: Outcome<WrittenRow | null> = { kind: 'done', value: null };
  for (const values of tries) {
    outcome = await attempt(stage, () => insert(stage, state, values), 'keep');
    if (outcome.kind === 'done') break;
  }
  return outcome;
}

/** Which of the console's writes our columns would break. */
export async function newlyRefused(
  ask: Ask,
  table: Judged,
  columns: readonly Column[],
  before: ConsoleRefusals,
): Promise<readonly Finding[]> {
  const explanation = startExplaining(ask, table, columns);
  for (const [does, refusal] of await consoleRefusals(ask, table, columns)) {
    if (!before.has(does)) await explanation.broken(refusal, does);
  }
  return explanation.findings();
}

interface Stage {
  readonly ask: Ask;
  readonly table: Judged;
  /** The columns that can be written: those without a finding from the catalog. */
  readonly usable: ReadonlySet<string>;
  /** Whether the column has room for the word. */
  takes(state: PromotionState): boolean;
  /** See numbersFor. */
  readonly numbers: { readonly first: Values; readonly second: Values };
  readonly explanation: Explanation;
}

/** How to get a row into a state: as the app does, since a trigger or CHECK may allow no other way. */
interface Start {
  /** The row's ctid: an id may have no index. */
  readonly at: string;
  readonly before: readonly WriteOf[];
}

async function stageOf(ask: Ask, table: Judged, columns: readonly Column[]): Promise<Stage> {
  const isUsable = (column: Column): boolean => USES.has(column.name) && judgeColumn(table, column).length === 0;
  const room = columns.find(({ name }) => name === 'state')?.room ?? null;
  return {
    ask,
    table,
    usable: new Set(columns.filter(isUsable).map(({ name }) => name)),
    takes: (state) => room === null || Array.from(table.spell(state)).length <= room,
    numbers: await numbersFor(ask, table, columns),
    explanation: startExplaining(ask, table, columns),
  };
}

async function rehearseIn(ask: Ask, table: Judged, columns: readonly Column[]): Promise<readonly Finding[]> {
  const stage = await stageOf(ask, table, columns);
  const tries = await rowsToTry(stage, columns);
  await tryStart(stage, tries);
  const marked = await insertRow(stage, 'marked', tries);
  const mayPromote = marked !== null && (await attempt(stage, () => take(stage, marked.at, [PROMOTE]))).kind === 'done';
  // If promoting is refused, what follows is tried all the same: the console promotes by itself.
  const deploying = mayPromote ? { ...marked, before: [PROMOTE] } : await insertRow(stage, 'deploying', tries);
  if (marked !== null) await tryWrites(stage, 'marked', marked);
  if (deploying !== null) {
    // The promoter writes to what it has taken up: a rule may tie the columns of its lease to each other.
    const held = { ...deploying, before: [...deploying.before, TAKE_UP] };
    const mayHold = (await attempt(stage, () => take(stage, held.at, held.before))).kind === 'done';
    await tryWrites(stage, 'deploying', mayHold ? held : deploying);
    // With usual texts: a refusal of the longest is a note, and must not hide what comes after.
    await tryWrites(stage, 'deployed', { ...deploying, before: [...deploying.before, shortened(COMPLETE)] });
    await tryReverting(stage, { ...deploying, before: [...deploying.before, shortened(FAIL)] }, deploying.values);
  }
  return stage.explanation.findings();
}

async function rowsToTry(
  { ask, table, usable, numbers }: Stage,
  columns: readonly Column[],
): Promise<readonly Values[]> {
  const given = new Set([...NAMES, ...Object.keys(MARKED)].filter((name) => usable.has(name)));
  const names = columns.filter(({ name }) => given.has(name) && NAMES.some((known) => known === name));
  const rows = await valuesToTry(ask, table, names, neededColumns(columns, given));
  const marked = Object.fromEntries(Object.entries(MARKED).filter(([name]) => given.has(name)));
  const complete = rows.map((row) => ({ ...row, ...marked }));
  const { first } = numbers;
  const numbered = complete.map((row) => ({ ...row, ...first }));
  // Then as the app does it, in case those numbers are what is refused.
  return Object.keys(first).length === 0 ? complete : [...numbered, ...complete.slice(0, 1)];
}

/** Inserts a promotion and keeps it. Null if none can be inserted, which is explained then. */
async function insertRow(
  stage: Stage,
  state: PromotionState,
  tries: readonly Values[],
): Promise<(Start & { readonly values: Values }) | null> {
  if (!stage.takes(state)) return null;
  const does = state === 'marked' ? 'mark a promotion' : 'add a promotion';
  const refusals: Refusal[] = [];
  for (const values of tries) {
    const outcome = await attempt(stage, () => insert(stage, state, values), 'keep');
    if (outcome.kind === 'refused') {
      refusals.push(outcome.refusal);
      continue;
    }
    const row = outcome.value;
    if (row === null) {
      await stage.explanation.swallowed(does, 'insert');
      return null;
    }
    await check(stage, row, values, state, does);
    return { at: row.at, before: [], values };
  }
  await explainFirst(stage, refusals, does, state);
  return null;
}

/** The first try is the likeliest values: a person would meet the same refusal. */
async function explainFirst(stage: Stage, [refusal]: readonly Refusal[], does: string, to: PromotionState) {
  if (refusal !== undefined) await stage.explanation.add(refusal, does, to);
}

/**
 * A promotion that is tried again keeps its start. Its row is inserted as it is, because a trigger may well set the
 * start of one that is promoted.
 */
async function tryStart(stage: Stage, tries: readonly Values[]): Promise<void> {
  if (!stage.usable.has('promoted_at')) return;
  let isRenewed = false;
  // A refusal is explained where the write is tried by itself.
  await attempt(stage, async () => {
    const began = tries.map((values) => ({ ...values, promoted_at: AT }));
    const added = await insertFirst(stage, 'deploying', began);
    if (added.kind === 'refused' || added.value === null) return;
    const again = await update(stage, added.value.at, TAKE_UP);
    isRenewed = again !== null && again.promoted_at !== added.value.promoted_at;
  });
  if (isRenewed) await stage.explanation.renewed();
}

async function tryWrites(stage: Stage, from: PromotionState, start: Start): Promise<void> {
  const tried: { readonly write: WriteOf; readonly outcome: Outcome<WrittenRow | null>; passesShort: boolean }[] = [];
  // A refusal of an earlier write is explained where that write is tried itself.
  await attempt(stage, async () => {
    const at = await take(stage, start.at, start.before);
    for (const write of WRITES.filter((one) => one.from === from && stage.takes(one.to))) {
      const outcome = await attempt(stage, async () => (at === null ? null : update(stage, at, write)));
      const passesShort =
        outcome.kind === 'refused' &&
        at !== null &&
        (await attempt(stage, () => update(stage, at, shortened(write)))).kind === 'done';
      tried.push({ write, outcome, passesShort });
    }
  });
  for (const { write, outcome, passesShort } of tried) {
    if (outcome.kind === 'refused') await stage.explanation.add(outcome.refusal, write.does, write.to, { passesShort });
    else if (outcome.value === null) await stage.explanation.swallowed(write.does, 'update');
    else await check(stage, outcome.value, usableOf(stage, write.set), write.to, write.does);
  }
}

const shortened = (write: WriteOf): WriteOf => ({
  ...write,
  set: Object.fromEntries(
    Object.entries(write.set).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.slice(0, USUAL_LENGTHS[name]) : value,
    ]),
  ),
});

/** A second promotion of the same flag, once the first is no longer active; and the same person ends it. */
async function tryReverting(stage: Stage, start: Start, values: Values): Promise<void> {
  const reached: { does: string | null; added: WrittenRow | null } = { does: null, added: null };
  const set = usableOf(stage, REVERTING);
  const outcome = await attempt(stage, async () => {
    await take(stage, start.at, start.before);
    reached.does = 'revert';
    const isNumbered = Object.keys(stage.numbers.first).some((name) => Object.hasOwn(values, name));
    const row = { ...values, ...set, ...(isNumbered ? stage.numbers.second : {}) };
    reached.added = await insert(stage, 'deploying', row);
    reached.does = COMPLETE.does;
    if (reached.added !== null) await update(stage, reached.added.at, shortened(COMPLETE));
  });
  const { does, added } = reached;
  if (added !== null) await check(stage, added, set, 'deploying', 'revert');
  if (does !== null && outcome.kind === 'refused')
    await stage.explanation.add(outcome.refusal, does, 'deploying', { isSecond: true });
}

/** Answers the row's new ctid; null if a write changed no row. */
async function take(stage: Stage, at: string, writes: readonly WriteOf[]): Promise<string | null> {
  let place: string | null = at;
  for (const write of writes) place = place === null ? null : ((await update(stage, place, write))?.at ?? null);
  return place;
}

const usableOf = ({ usable }: Stage, set: Values): Values =>
  Object.fromEntries(Object.entries(set).filter(([name]) => usable.has(name)));

const writtenRow = z.object({
  at: z.string(),
  state: z.string().nullable(),
  promoted_at: z.string().nullable(),
  written: z.record(z.string(), z.string().nullable()),
});
type WrittenRow = z.output<typeof writtenRow>;

async function insert(stage: Stage, state: PromotionState, values: Values): Promise<WrittenRow | null> {
  const { ask, table } = stage;
  const names = Object.keys(values);
  const { sql, bindings } = expressions(Object.values(values));
  const found = await ask(
    table.dialect.translate(
      `insert into {promotions} as p (${['state', ...names.map(asName)].join(', ')}) overriding system value
       values (${[`{'${state}'}`, ...sql].join(', ')}) returning ${whatIsThere(stage, names)}`,
    ),
    bindings,
  );
  return parseRows(found, writtenRow)[0] ?? null;
}

async function update(stage: Stage, at: string, { from, to, set }: WriteOf): Promise<WrittenRow | null> {
  const { ask, table } = stage;
  const values = usableOf(stage, set);
  const names = Object.keys(values);
  const { sql, bindings } = expressions(Object.values(values));
  const assigned = [
    ...(from === to ? [] : [`state = {'${to}'}`]),
    ...names.map((name, index) => `${asName(name)} = ${sql[index]}`),
  ];
  // Even if none of the columns exists yet: a trigger may refuse any UPDATE.
  const found = await ask(
    table.dialect.translate(
      `update {promotions} p set ${assigned.length === 0 ? 'state = p.state' : assigned.join(', ')}
        where p.ctid = $${bindings.length + 1}::tid returning ${whatIsThere(stage, names)}`,
    ),
    [...bindings, at],
  );
  return parseRows(found, writtenRow)[0] ?? null;
}

const asName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const asText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const whatIsThere = ({ usable }: Stage, names: readonly string[]): string =>
  `p.ctid::text as at, {p.state} as state, ${usable.has('promoted_at') ? 'p.promoted_at::text' : 'null'} as promoted_at,
   jsonb_build_object(${names.map((name) => `${asText(name)}, p.${asName(name)}::text`).join(', ')}) as written`;

type Binding = string | number | boolean | Date | null;

function expressions(values: readonly Written[]): { readonly sql: readonly string[]; readonly bindings: Binding[] } {
  const bindings: Binding[] = [];
  const sql = values.map((value) => {
    if (typeof value === 'object' && value !== null && 'sql' in value) return value.sql;
    bindings.push(value);
    return value instanceof Date ? `$${bindings.length}::timestamptz` : `$${bindings.length}`;
  });
  return { sql, bindings };
}

type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Runs `work` after a savepoint, and rolls back to it unless told to keep the result. */
async function attempt<T>({ ask }: Stage, work: () => Promise<T>, then: 'keep' | 'undo' = 'undo'): Promise<Outcome<T>> {
  const undo = 'rollback to savepoint rehearsed; release savepoint rehearsed';
  await ask('savepoint rehearsed');
  try {
    const value = await work();
    await ask(then === 'keep' ? 'release savepoint rehearsed' : undo);
    return { kind: 'done', value };
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    await ask(undo);
    return { kind: 'refused', refusal };
  }
}

/** Compares the row with what was written: a trigger may have changed it silently. */
async function check(
  stage: Stage,
  row: WrittenRow,
  values: Values,
  state: PromotionState,
  does: string,
): Promise<void> {
  if (row.state !== state) await stage.explanation.altered('state', does, state, row.state);
  for (const [name, value] of Object.entries(values)) {
    // The console decides how names are written.
    const isOurs = USES.has(name) && !NAMES.some((known) => known === name);
    const kept = row.written[name] ?? null;
    if (isOurs && isAltered(value, kept)) await stage.explanation.altered(name, does, value, kept);
  }
}

/** A column shows times and numbers in its own way, and a trigger may count or stamp by itself: one has to be there. */
function isAltered(value: Written, kept: string | null): boolean {
  if (typeof value === 'boolean') return kept !== String(value);
  return typeof value === 'string' || value === null ? kept !== value : kept === null;
}
