import { ADDED_BY_US, COLUMNS, type WantedColumn } from './columns.js';
import { type Dialect, quoted, quotedName } from './dialect.js';
import { baseOf, type WantedIndex, wantedIndexes } from './indexes.js';
import { type ConsoleTable, USUAL_NAME } from './table.js';

/* What a promotions' table lacks, as separate steps that can each be resumed. */

export type Step =
  /** All at once. PostgreSQL only changes its catalog, but nobody can use the table meanwhile. */
  | { readonly kind: 'add_columns'; readonly columns: readonly string[]; readonly sql: readonly string[] }
  /** Blocks nobody, and can't be part of a transaction. */
  | { readonly kind: 'build_index'; readonly index: WantedIndex; readonly sql: string }
  /** Half-built, or of an earlier definition. */
  | { readonly kind: 'drop_index'; readonly name: string; readonly sql: string };

export function creation(schema: string): readonly string[] {
  const columns = COLUMNS.map(({ name, made }) => `${name} ${made}`).join(', ');
  return [
    `create table ${schema}.${USUAL_NAME} (${columns},
       constraint ${USUAL_NAME}_state check (state in ('marked', 'deploying', 'deployed', 'failed', 'cancelled')))`,
    `comment on table ${schema}.${USUAL_NAME} is ${quoted(ADDED_BY_US)}`,
  ];
}

/** The steps to complete the table; none if it is complete. */
export function planAdoption(table: ConsoleTable, dialect: Dialect): readonly Step[] {
  return [...addColumns(table), ...arrangeIndexes(table, dialect)];
}

function addColumns(table: ConsoleTable): readonly Step[] {
  const present = new Set(table.columns.map(({ name }) => name));
  const missing = COLUMNS.filter(({ name }) => !present.has(name));
  const strict = tooStrict(table);
  if (missing.length === 0 && strict.length === 0) return [];
  const changes = [
    ...missing.map(({ name, added }) => `add column ${name} ${added}`),
    ...strict.map((name) => `alter column ${name} drop not null`),
  ];
  return [
    {
      kind: 'add_columns',
      columns: [...missing.map(({ name }) => name), ...strict],
      sql: [
        `alter table ${table.name} ${changes.join(', ')}`,
        ...laterDefaults(table, missing),
        ...missing.map(({ name }) => `comment on column ${table.name}.${name} is ${quoted(ADDED_BY_US)}`),
      ],
    },
  ];
}

/** What an earlier version added to the console's table as if each row had it. */
function tooStrict(table: ConsoleTable): readonly string[] {
  if (table.comment === ADDED_BY_US) return [];
  const lenient = new Set(COLUMNS.filter(({ thenDefault }) => thenDefault !== undefined).map(({ name }) => name));
  return table.columns
    .filter(({ name, comment, isNullable }) => lenient.has(name) && comment === ADDED_BY_US && !isNullable)
    .map(({ name }) => name);
}

function laterDefaults(table: ConsoleTable, missing: readonly WantedColumn[]): readonly string[] {
  const set = missing.flatMap(({ name, thenDefault }) =>
    thenDefault === undefined ? [] : [`alter column ${name} set default ${thenDefault}`],
  );
  return set.length === 0 ? [] : [`alter table ${table.name} ${set.join(', ')}`];
}

function arrangeIndexes(table: ConsoleTable, dialect: Dialect): readonly Step[] {
  const wanted = wantedIndexes(dialect, { hasUniqueId: holdsIds(table) });
  const names = new Set(wanted.map(({ name }) => name));
  const isThere = (name: string) => table.indexes.some((index) => index.name === name && index.isValid);
  const ours = table.indexes.filter(isOurs);
  return [
    ...ours.filter(({ isValid }) => !isValid).map(({ name }) => dropIndex(table, name)),
    ...wanted
      .filter(({ name }) => !isThere(name))
      .map(
        (index): Step => ({
          kind: 'build_index',
          index,
          sql: `create ${index.isUnique ? 'unique ' : ''}index concurrently ${index.name} on ${table.name} ${index.definition}`,
        }),
      ),
    // Only once their successors exist.
    ...ours.filter(({ name, isValid }) => isValid && !names.has(name)).map(({ name }) => dropIndex(table, name)),
  ];
}

/** Whether the table keeps ids unique without an index of ours. */
function holdsIds(table: ConsoleTable): boolean {
  return table.indexes.some((index) => index.uniqueColumn === 'id' && !isOurs(index));
}

const isOurs = ({ name, isConstraint }: ConsoleTable['indexes'][number]): boolean =>
  baseOf(name) !== null && !isConstraint;

function dropIndex(table: ConsoleTable, name: string): Step {
  return { kind: 'drop_index', name, sql: `drop index concurrently if exists ${quotedName(table.schema)}.${name}` };
}
