import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { blocks, type Finding } from './finding.js';
import type { Judged } from './judged.js';
import type { Column } from './shape.js';
import { type ColumnUse, NAMES, USES } from './writes.js';

/* Whether each row still fits a page once the app has added and filled its columns. PostgreSQL tells only then. */

/** A row is in one page, without the page's own 32 bytes: https://www.postgresql.org/docs/current/storage-page-layout.html */
const PAGE = `current_setting('block_size')::integer - 32`;
/** A longer text is moved out of the row, and leaves a pointer of 18 bytes there. */
const LONGEST_KEPT = 24;
const POINTER = 18;

const columnRow = z.object({
  /** Null: dropped, or computed as it is read. */
  name: z.string().nullable(),
  /** Of each value, in bytes; -1: as it comes. */
  size: z.number(),
  /** A value of any size stays in the row. */
  stays: z.boolean(),
});
type StoredColumn = z.output<typeof columnRow>;
type Named = Pick<Column, 'name' | 'quoted' | 'base_type'>;

export const tooBig = ({ name }: Judged): Finding =>
  blocks(
    `A row of ${name} is too big for PostgreSQL with the app’s columns. Move some of the others to another table.`,
  );

export const lacksColumns = (columns: readonly Pick<Named, 'name'>[]): boolean =>
  [...USES.keys()].some((ours) => columns.every(({ name }) => name !== ours));

/** Reads the whole table, but only if rows of its columns can be that big. */
export async function hasTooBigRows(ask: Ask, { oid, name }: Judged, columns: readonly Named[]): Promise<boolean> {
  const stored = await storedColumns(ask, oid);
  const byName = new Map(columns.map((column) => [column.name, column]));
  const missing = [...USES].filter(([ours]) => !byName.has(ours)).map(([ours, use]) => newValue(ours, use));
  // PostgreSQL aligns each value, to 8 bytes at most.
  const most = stored.map(({ size, stays }) => (stays ? Infinity : Math.max(size, LONGEST_KEPT) + 8));
  const values = [...stored.map((column) => keptValue(column, byName)), ...missing].join(', ');
  const found = await ask(
    `select $1::float8 > ${PAGE} and exists (select from ${name} p where pg_column_size(row(${values})) > ${PAGE}) as yes`,
    [most.reduce((sum, size) => sum + size, missing.length * (LONGEST_KEPT + 8))],
  );
  return parseRows(found, z.object({ yes: z.boolean() }))[0]?.yes === true;
}

async function storedColumns(ask: Ask, oid: string): Promise<readonly StoredColumn[]> {
  const found = await ask(
    `select case when a.attisdropped or a.attgenerated = 'v' then null else a.attname::text end as name,
            a.attlen::integer as size, a.attlen < 0 and a.attstorage = 'p' as stays
       from pg_attribute a where a.attrelid = $1::oid and a.attnum > 0 order by a.attnum`,
    [oid],
  );
  return parseRows(found, columnRow);
}

/** SQL of what the row `p` keeps of its value, or of ours if that takes more. */
function keptValue({ name, size, stays }: StoredColumn, byName: ReadonlyMap<string, Named>): string {
  const column = name === null ? undefined : byName.get(name);
  if (column === undefined) return 'null';
  const use = isName(column.name) ? undefined : USES.get(column.name);
  const own = `p.${column.quoted}`;
  if (stays) return own;
  if (size > 0)
    return use === undefined || use.kind === 'text'
      ? own
      : `coalesce(${own}, ${SAMPLES[use.kind]}::${column.base_type})`;
  const bytes = `case when pg_column_size(${own}) > ${LONGEST_KEPT} then ${POINTER} else pg_column_size(${own}) end`;
  return ofBytes(use === undefined ? bytes : `greatest(${bytes}, ${keptOf(use.width)})`);
}

/** SQL of the widest value of ours in a column that PostgreSQL adds at the row's end. The console chooses its names. */
function newValue(name: string, { kind, width }: ColumnUse): string {
  if (kind !== 'text') return SAMPLES[kind];
  return ofBytes(String(isName(name) ? LONGEST_KEPT : keptOf(width)));
}

const SAMPLES = { time: 'now()', number: '0', flag: 'true' } as const;

const isName = (column: string): boolean => NAMES.some((name) => name === column);

const keptOf = (width: number): number => (width + 1 > LONGEST_KEPT ? POINTER : width + 1);

/** SQL: a short text takes one byte more than its characters. */
const ofBytes = (bytes: string): string => `repeat('x', ${bytes} - 1)`;
