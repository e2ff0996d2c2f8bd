import type { PromotionState } from '../../promotions/promotion.js';
import type { Refusal } from '../errors.js';
import type { Ask } from './ask.js';
import { startExplaining } from './explain.js';
import type { Finding } from './finding.js';
import type { Judged } from './judged.js';
import { neededColumns, valuesToTry } from './new-row.js';
import {
  attempt,
  insert,
  type Outcome,
  type Refused,
  SlowWriteError,
  SpoiledSessionError,
  rowFromBefore,
  type Stage,
  stageOf,
  startOf,
  take,
  unlessTooSlow,
  update,
  usableOf,
  type WrittenRow,
} from './rehearsal-row.js';
import { hasTooBigRows, lacksColumns, tooBig } from './row-size.js';
import { type Column, columnsOf } from './shape.js';
import { onTrial } from './trial.js';
import {
  BEGINNINGS,
  COMPLETE,
  FAIL,
  MARKED,
  NAMES,
  PROMOTE,
  PROMOTED_AT,
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
  const stage = await stageOf(ask, table, columns, BEGINNINGS[0]);
  const tries = await rowsToTry(stage, columns);
  const refused = new Map<string, Refusal>();
  try {
    await attempt(stage, () => tryConsoleWrites(stage, columns, tries, refused));
  } catch (error) {
    // The rehearsal reports what its triggers set.
    if (!(error instanceof SpoiledSessionError)) throw error;
    await ask('rollback to savepoint rehearsed');
  }
  return refused;
}

async function tryConsoleWrites(
  stage: Stage,
  columns: readonly Column[],
  tries: readonly Values[],
  refused: Map<string, Refusal>,
): Promise<void> {
  const { ask, table } = stage;
  const added = await insertFirst(stage, 'marked', tries);
  if (added.kind === 'refused') refused.set('add a promotion', added.refusal);
  if (added.kind === 'refused' || added.row === null) return;
  const { at } = added.row;
  const kept = columns.filter(({ name, generated, identity }) => name !== 'id' && generated === '' && identity !== 'a');
  const same = kept.map(({ quoted }) => `${quoted} = ${quoted}`).join(', ');
  const others = [
    ['change a promotion', `update ${table.name} set ${same} where ctid = $1::tid`],
    ['delete a promotion', `delete from ${table.name} where ctid = $1::tid`],
  ] as const;
  for (const [does, sql] of others) {
    // How long the console waits for its own rules is its affair.
    const outcome = await attempt(stage, () => unlessTooSlow(stage, () => ask(sql, [at])));
    if (outcome.kind === 'refused') refused.set(does, outcome.refusal);
  }
}

type Inserted = { readonly kind: 'done'; readonly row: WrittenRow | null; readonly values: Values } | Refused;

/** Inserts the first of the rows that is accepted, and keeps it. Else the refusal of the first, the likeliest values. */
async function insertFirst(stage: Stage, state: PromotionState, tries: readonly Values[]): Promise<Inserted> {
  let first: Inserted | null = null;
  for (const values of tries) {
    const outcome = await attempt(stage, () => insert(stage, state, values), 'keep');
    if (outcome.kind === 'done') return { kind: 'done', row: outcome.value, values };
    first ??= outcome;
  }
  if (first === null) throw new Error('There was no row to try.');
  return first;
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

/** How to get a row into a state: as the app does, since a trigger or CHECK may allow no other way. */
interface Start {
  /** The row's ctid: an id may have no index. */
  readonly at: string;
  readonly before: readonly WriteOf[];
}

async function rehearseIn(ask: Ask, table: Judged, columns: readonly Column[]): Promise<readonly Finding[]> {
  let first: readonly Finding[] | null = null;
  await ask('savepoint beginning');
  for (const begin of BEGINNINGS) {
    const stage = await stageOf(ask, table, columns, begin);
    try {
      const findings = await rehearseFrom(stage, columns);
      if (!findings.some(({ weight }) => weight === 'blocks')) return findings;
      first ??= findings;
      await ask('rollback to savepoint beginning');
    } catch (error) {
      return await explainEnd(stage, error);
    }
  }
  return first ?? [];
}

/** Nothing more is tried then: the other writes may end in the same way. */
async function explainEnd({ ask, explanation }: Stage, error: unknown): Promise<readonly Finding[]> {
  if (!(error instanceof SlowWriteError || error instanceof SpoiledSessionError)) throw error;
  await ask('rollback to savepoint beginning');
  if (error instanceof SpoiledSessionError) await explanation.spoiled(error.setting);
  else if (!(await explanation.tooSlow(error.where))) throw error.cause;
  return explanation.findings();
}

async function rehearseFrom(stage: Stage, columns: readonly Column[]): Promise<readonly Finding[]> {
  const tries = await rowsToTry(stage, columns);
  await tryStart(stage, tries);
  const marked = await insertRow(stage, 'marked', tries);
  const mayPromote = marked !== null && (await attempt(stage, () => take(stage, marked.at, [PROMOTE]))).kind === 'done';
  // If promoting is refused, what follows is tried all the same: the console promotes by itself.
  const deploying = mayPromote ? { ...marked, before: [PROMOTE] } : await insertRow(stage, 'deploying', tries);
  if (marked !== null) await tryWrites(stage, 'marked', marked);
  if (deploying !== null) {
    if (lacksColumns(columns) && (await isTooBig(stage, columns)))
      return [...stage.explanation.findings(), tooBig(stage.table)];
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

async function rowsToTry(stage: Stage, columns: readonly Column[]): Promise<readonly Values[]> {
  const { ask, table, usable, numbers, begin } = stage;
  const created = begin === BEGINNINGS[0] ? usableOf(stage, numbers.made) : {};
  const given = new Set([...NAMES, ...Object.keys(MARKED)].filter((name) => usable.has(name)));
  const names = columns.filter(({ name }) => given.has(name) && NAMES.some((known) => known === name));
  const rows = await valuesToTry(ask, table, names, neededColumns(columns, given));
  const marked = Object.fromEntries(Object.entries(MARKED).filter(([name]) => given.has(name)));
  const complete = rows.map((row) => ({ ...row, ...marked, ...created }));
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
  const added = await insertFirst(stage, state, tries);
  if (added.kind === 'refused') {
    await stage.explanation.add(added, does, state);
    return null;
  }
  const { row, values } = added;
  if (row === null) {
    await stage.explanation.swallowed(does, 'insert');
    return null;
  }
  await check(stage, row, values, state, does);
  return { at: row.at, before: [], values };
}

/**
 * A promotion that is tried again keeps its start. Its row is inserted as it is, because a trigger may well set the
 * start of one that is promoted.
 */
async function tryStart(stage: Stage, tries: readonly Values[]): Promise<void> {
  const start = startOf(stage);
  if (start === undefined) return;
  const isMoved = (row: WrittenRow, again: WrittenRow | null): boolean =>
    again !== null && again.written[start] !== row.written[start];
  // A refusal is explained where the write is tried by itself.
  const outcome = await attempt(stage, async () => {
    const began = tries.map((values) => ({ ...values, ...usableOf(stage, { promoted_at: PROMOTED_AT }) }));
    const added = await insertFirst(stage, 'deploying', began);
    if (added.kind === 'refused' || added.row === null) return false;
    const again = await update(stage, added.row.at, TAKE_UP);
    if (again === null || isMoved(added.row, again)) return again !== null;
    // now() is the same for a whole transaction: what an INSERT sets to it, an UPDATE seems to keep.
    const earlier = await unlessTooSlow(stage, () => rowFromBefore(stage, start, again.at));
    return earlier !== null && isMoved(earlier, await update(stage, earlier.at, TAKE_UP));
  });
  if (outcome.kind === 'done' && outcome.value) await stage.explanation.renewed(start);
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
    if (outcome.kind === 'refused') await stage.explanation.add(outcome, write.does, write.to, { passesShort });
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

/** With our row among them, which a console's defaults and triggers may have filled. */
async function isTooBig(stage: Stage, columns: readonly Column[]): Promise<boolean> {
  const { ask, table } = stage;
  const outcome = await attempt(stage, async () => {
    // It may read the whole table.
    await ask('set local statement_timeout = 0');
    return hasTooBigRows(ask, table, columns);
  });
  // Rights on single columns don't let the app see the others.
  return outcome.kind === 'done' && outcome.value;
}

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
    await stage.explanation.add(outcome, does, 'deploying', { isSecond: true });
}

/** Compares the row with what was written: a trigger may have changed it silently. */
async function check(
  stage: Stage,
  row: WrittenRow,
  values: Values,
  state: PromotionState,
  does: string,
): Promise<void> {
  if (row.role !== stage.role) await stage.explanation.switched(row.role);
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
