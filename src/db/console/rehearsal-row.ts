import * as z from 'zod';
import type { PromotionState } from '../../promotions/promotion.js';
import { codeOf } from '../embedded/errors.js';
import { asRefusal, type Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { quoted, quotedName } from './dialect.js';
import type { Judged } from './judged.js';
import { type Explanation, startExplaining } from './explain.js';
import { numbersFor } from './new-row.js';
import type { Caller } from './lookups.js';
import { raiserOf, type RefusedRow } from './raisers.js';
import { type Column, judgeColumn } from './shape.js';
import { spoiledSetting } from './spoiling.js';
import { TOO_SLOW, whereOf } from './trial.js';
import { USES, type Values, type WriteOf, type Written } from './writes.js';

/* A rehearsal's single steps: a write to the rehearsal's row, and how to undo it. */

export interface Stage {
  readonly ask: Ask;
  readonly table: Judged;
  /** The columns that can be written: those without a finding from the catalog. */
  readonly usable: ReadonlySet<string>;
  /** Whether the column has room for the word. */
  takes(state: PromotionState): boolean;
  /** See numbersFor. */
  readonly numbers: { readonly first: Values; readonly second: Values; readonly made: Values };
  /** A trigger may change or delete a row once it is written, and an index finds the row again. */
  readonly rereads: boolean;
  /** Who writes. */
  readonly role: string;
  /** SQL: what the session is like after a trigger has run, which may have set anything in it. */
  readonly session: string;
  /** One of BEGINNINGS. */
  readonly begin: string;
  readonly explanation: Explanation;
}

export async function stageOf(ask: Ask, table: Judged, columns: readonly Column[], begin: string): Promise<Stage> {
  const isUsable = (column: Column): boolean => USES.has(column.name) && judgeColumn(table, column).length === 0;
  const room = columns.find(({ name }) => name === 'state')?.room ?? null;
  const { role, zone, rereads } = await readSession(ask, table);
  return {
    ask,
    table,
    usable: new Set(columns.filter(isUsable).map(({ name }) => name)),
    takes: (state) => room === null || Array.from(table.spell(state)).length <= room,
    numbers: await numbersFor(ask, table, columns),
    rereads,
    role,
    session: `current_user::text as role, ${spoiledSetting(zone)} as spoiled`,
    begin,
    explanation: startExplaining(ask, table, columns),
  };
}

async function readSession(ask: Ask, { oid }: Judged): Promise<z.output<typeof sessionRow>> {
  // tgtype: 2 before, 4 insert, 16 update, 64 instead.
  const found = await ask(
    `select current_user::text as role, current_setting('TimeZone') as zone,
            exists (select from pg_trigger where tgrelid = $1::oid and not tgisinternal and tgenabled <> 'D' and tgtype & 66 = 0 and tgtype & 20 <> 0)
        and exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                     where i.indrelid = $1::oid and i.indisvalid and i.indpred is null and a.attname = 'id') as rereads`,
    [oid],
  );
  const [session] = parseRows(found, sessionRow);
  if (session === undefined) throw new Error('The session told nothing of itself.');
  return session;
}

/** Answers the row's new ctid; null if a write changed no row. */
export async function take(stage: Stage, at: string, writes: readonly WriteOf[]): Promise<string | null> {
  let place: string | null = at;
  for (const write of writes) place = place === null ? null : ((await update(stage, place, write))?.at ?? null);
  return place;
}

export const usableOf = ({ usable }: Stage, set: Values): Values =>
  Object.fromEntries(Object.entries(set).filter(([name]) => usable.has(name)));

/** What the session is like before the app's writes. */
const sessionRow = z.object({ role: z.string(), zone: z.string(), rereads: z.boolean() });

const writtenRow = z.object({
  at: z.string(),
  id: z.string().nullable(),
  state: z.string().nullable(),
  /** Whose role the session has by then. */
  role: z.string(),
  /** A setting of the session by then with which the app can't work. */
  spoiled: z.string().nullable(),
  written: z.record(z.string(), z.string().nullable()),
});
export type WrittenRow = z.output<typeof writtenRow>;

export async function insert(stage: Stage, state: PromotionState, values: Values): Promise<WrittenRow | null> {
  const { ask, table } = stage;
  const names = Object.keys(values);
  const { sql, bindings } = expressions(stage, Object.values(values));
  const found = await write(
    ask,
    table.dialect.translate(
      `insert into {promotions} as p (${['state', ...names.map(quotedName)].join(', ')}) overriding system value
       values (${[`{'${state}'}`, ...sql].join(', ')}) returning ${whatIsThere(stage, names)}`,
    ),
    bindings,
    { at: null, names: ['state', ...names], sql: [`{'${state}'}`, ...sql], bindings },
  );
  return asLeft(stage, names, parseRows(found, writtenRow)[0]);
}

export async function update(stage: Stage, at: string, { from, to, set }: WriteOf): Promise<WrittenRow | null> {
  const { ask, table } = stage;
  const values = usableOf(stage, set);
  const names = Object.keys(values);
  const { sql, bindings } = expressions(stage, Object.values(values));
  const assigned = [
    ...(from === to ? [] : [`state = {'${to}'}`]),
    ...names.map((name, index) => `${quotedName(name)} = ${sql[index]}`),
  ];
  // Even if none of the columns exists yet: a trigger may refuse any UPDATE.
  const found = await write(
    ask,
    table.dialect.translate(
      `update {promotions} p set ${assigned.length === 0 ? 'state = p.state' : assigned.join(', ')}
        where p.ctid = $${bindings.length + 1}::tid returning ${whatIsThere(stage, names)}`,
    ),
    [...bindings, at],
    {
      at,
      names: from === to ? names : ['state', ...names],
      sql: from === to ? sql : [`{'${to}'}`, ...sql],
      bindings,
    },
  );
  return asLeft(stage, names, parseRows(found, writtenRow)[0]);
}

/** The row as the triggers that come after a write left it; null if it is gone, or was not written. */
async function asLeft(stage: Stage, names: readonly string[], row: WrittenRow | undefined): Promise<WrittenRow | null> {
  const { ask, table, rereads } = stage;
  refuseSpoiled(row);
  if (row === undefined || row.id === null || !rereads) return row ?? null;
  const found = await inTime(() =>
    ask(table.dialect.translate(`select ${whatIsThere(stage, names)} from {promotions} p where p.id = $1`), [row.id]),
  );
  const [left] = parseRows(found, writtenRow);
  refuseSpoiled(left);
  return left ?? null;
}

/** @throws SpoiledSessionError */
function refuseSpoiled(row: WrittenRow | undefined): void {
  if (row !== undefined && row.spoiled !== null) throw new SpoiledSessionError(row.spoiled);
}

/** Null if it takes too long, and then nothing of `work` is left. Call it within an attempt. */
export async function unlessTooSlow<T>({ ask }: Stage, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== TOO_SLOW) throw error;
    await ask('rollback to savepoint rehearsed');
    return null;
  }
}

/**
 * If the start of our row, whose ctid is `at`, became this transaction's: another row that is deploying, locked until
 * the rollback; null if there is none that nobody else has locked.
 */
export async function rowFromBefore(stage: Stage, start: string, at: string): Promise<WrittenRow | null> {
  const { ask, table } = stage;
  const column = `p.${quotedName(start)}`;
  const found = await ask(
    table.dialect.translate(
      `select p.ctid::text as at, p.id::text as id, {p.state} as state, ${stage.session},
              jsonb_build_object(${quoted(start)}, ${column}::text) as written
         from {promotions} p
        where {p.state} = 'deploying' and p.ctid <> $1::tid and ${column} < now() - interval '1 s'
          and (select o.${quotedName(start)} > now() - interval '1 s' from {promotions} o where o.ctid = $1::tid)
        limit 1 for update skip locked`,
    ),
    [at],
  );
  return parseRows(found, writtenRow)[0] ?? null;
}

/** A write took longer than a trial may. `where`: PostgreSQL's context. */
export class SlowWriteError extends Error {
  constructor(
    readonly where: string | null,
    options: ErrorOptions,
  ) {
    super('A write took too long.', options);
  }
}

/** A trigger has set something in the session with which the app can't work. */
export class SpoiledSessionError extends Error {
  constructor(readonly setting: string) {
    super(`A write left ${setting} set.`);
  }
}

/** The rows that were refused, by PostgreSQL's errors. */
const refusedRows = new WeakMap<object, RefusedRow>();

async function write(ask: Ask, sql: string, bindings: readonly Binding[], row: RefusedRow): Promise<unknown> {
  try {
    return await inTime(() => ask(sql, bindings));
  } catch (error) {
    if (typeof error === 'object' && error !== null) refusedRows.set(error, row);
    throw error;
  }
}

/** @throws SlowWriteError */
async function inTime<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === TOO_SLOW) throw new SlowWriteError(whereOf(error), { cause: error });
    throw error;
  }
}

function whatIsThere(stage: Stage, names: readonly string[]): string {
  const start = startOf(stage);
  const shown = new Set(start === undefined ? names : [...names, start]);
  return `p.ctid::text as at, p.id::text as id, {p.state} as state, ${stage.session},
   jsonb_build_object(${[...shown].map((name) => `${quoted(name)}, p.${quotedName(name)}::text`).join(', ')}) as written`;
}

/** The column by which the watchdog tells since when a promotion has been deploying. */
export const startOf = ({ usable }: Stage): string | undefined =>
  ['promoted_at', 'marked_at', 'created_at'].find((name) => usable.has(name));

type Binding = string | number | boolean | null;

function expressions({ begin }: Stage, values: readonly Written[]) {
  const bindings: Binding[] = [];
  const sql = values.map((value) => {
    if (typeof value === 'object' && value !== null) return value.sql.replace('{begin}', begin);
    bindings.push(value);
    return `$${bindings.length}`;
  });
  return { sql, bindings };
}

export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | Refused;

export interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
  /** What of the table fails by itself, if PostgreSQL doesn't tell. */
  readonly raiser: Caller | null;
}

/** Runs `work` after a savepoint, and rolls back to it unless told to keep the result. */
export async function attempt<T>(
  { ask, table }: Stage,
  work: () => Promise<T>,
  then: 'keep' | 'undo' = 'undo',
): Promise<Outcome<T>> {
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
    const row = typeof error === 'object' && error !== null ? refusedRows.get(error) : undefined;
    return { kind: 'refused', refusal, raiser: row === undefined ? null : await raiserOf(ask, table, refusal, row) };
  }
}
