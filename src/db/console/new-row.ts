import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import type { Judged } from './judged.js';
import type { Column } from './shape.js';
import { NAMES, READ, type Values, type Written } from './writes.js';

/* What a row of our own can contain, so that the console's rules accept it. */

/** Columns that need a value for an insert, and get none from the app. */
export function neededColumns(columns: readonly Column[], given: ReadonlySet<string>): readonly Column[] {
  return columns.filter(
    ({ name, not_null, has_default, generated }) =>
      not_null && !has_default && generated === '' && !['id', 'state'].includes(name) && !given.has(name),
  );
}

/** Values for the names and the needed columns, the likeliest to be accepted first. */
export async function valuesToTry(
  ask: Ask,
  table: Judged,
  names: readonly Column[],
  needed: readonly Column[],
): Promise<readonly Values[]> {
  const madeUp: Values = {
    ...madeUpNames(names),
    ...Object.fromEntries(needed.map((column) => [column.name, madeUpValue(column)])),
    ...(await foreignValues(ask, table, [...names, ...needed])),
  };
  const model = await modelOf(ask, table, [...names, ...needed]);
  const { config_var, target_value } = madeUp;
  return [
    // Foreign keys and formats come from an existing row, but not its config var, which may be active.
    {
      ...madeUp,
      ...model,
      ...(config_var === undefined ? {} : { config_var }),
      ...(target_value === undefined ? {} : { target_value }),
    },
    // For a console with one row a flag.
    madeUp,
    { ...madeUp, ...model },
  ];
}

/**
 * Numbers far from what the columns' sequences give, so that none is used up and nobody's next row waits for ours; one
 * for an id without a default, which is reported elsewhere; and when the row was made. Only for columns that this role
 * may write.
 */
export async function numbersFor(
  ask: Ask,
  table: Judged,
  columns: readonly Column[],
): Promise<{ readonly first: Values; readonly second: Values; readonly made: Values }> {
  const sequences = await sequencesOf(ask, table);
  const bare = columns.filter(({ name, has_default }) => name === 'id' && !has_default);
  const found = await ask(
    `select a.attname::text as value from pg_attribute a
      where a.attrelid = $1::oid and a.attname = any($2::text[]) and has_column_privilege(a.attrelid, a.attnum, 'INSERT')`,
    [table.oid, [...sequences.map(({ column }) => column), ...bare.map(({ name }) => name), ...Object.keys(READ)]],
  );
  const mayGive = new Set(parseRows(found, valueRow).map(({ value }) => value));
  const offset = randomInt(1_000) * 2;
  const numbers = (less: number): Values =>
    Object.fromEntries(
      columns
        .filter(({ name }) => mayGive.has(name) && !Object.hasOwn(READ, name))
        .map(({ name, base_type }) => [name, `${(HIGHEST[base_type] ?? HIGHEST_OF_OTHERS) - BigInt(offset + less)}`]),
    );
  const made = Object.fromEntries(Object.entries(READ).filter(([name]) => mayGive.has(name)));
  return { first: numbers(0), second: numbers(1), made };
}

const HIGHEST: Readonly<Record<string, bigint>> = { int2: 32_767n, int4: 2_147_483_647n };
const HIGHEST_OF_OTHERS = 9_223_372_036_854_775_807n;

const sequenceRow = z.object({
  column: z.string(),
  quoted: z.string(),
  oid: z.coerce.string(),
  sequence: z.string(),
  /** Else it keeps the number as a text. */
  is_number: z.boolean(),
});
export type SequenceOf = z.output<typeof sequenceRow>;

/** Columns that a sequence numbers, their own or another. */
export async function sequencesOf(ask: Ask, { oid }: { readonly oid: string }): Promise<readonly SequenceOf[]> {
  const found = await ask(
    `select a.attname::text as column, quote_ident(a.attname) as quoted, s.oid, format('%I.%I', n.nspname, s.relname) as sequence,
            (select y.typcategory = 'N' from pg_type y where y.oid = a.atttypid) as is_number
       from pg_attribute a
       join pg_depend x on (x.classid = 'pg_attrdef'::regclass and x.refclassid = 'pg_class'::regclass
                and x.objid = (select d.oid from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum))
            or (x.classid = 'pg_class'::regclass and x.refclassid = 'pg_class'::regclass and x.deptype = 'i'
                and x.refobjid = a.attrelid and x.refobjsubid = a.attnum)
       join pg_class s on s.oid = case x.classid when 'pg_class'::regclass then x.objid else x.refobjid end and s.relkind = 'S'
       join pg_namespace n on n.oid = s.relnamespace
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped`,
    [oid],
  );
  return parseRows(found, sequenceRow);
}

/** An existing row's values. No order: any will do, and sorting millions would take long. */
async function modelOf(ask: Ask, table: Judged, columns: readonly Column[]): Promise<Values> {
  if (columns.length === 0) return {};
  const found = await ask(
    `select array[${columns.map(({ quoted }) => `${quoted}::text`).join(', ')}] as texts from ${table.name} limit 1`,
  );
  const [model] = parseRows(found, z.object({ texts: z.array(z.string().nullable()) }));
  return Object.fromEntries(
    columns.flatMap(({ name }, index) => {
      const text = model?.texts[index];
      return text === undefined || text === null ? [] : [[name, text]];
    }),
  );
}

/** Names that no other row has, cut to their columns' length. */
function madeUpNames(columns: readonly Column[]): Values {
  const letters = Array.from({ length: 8 }, () => String.fromCharCode(97 + randomInt(26))).join('');
  const names: Readonly<Record<(typeof NAMES)[number], string>> = {
    flag_key: `rehearsal_${letters}`,
    heroku_app: 'rehearsal',
    config_var: `FLAG_REHEARSAL_${letters.toUpperCase()}`,
    target_value: 'true',
  };
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const column = columns.find((one) => one.name === name);
      return column === undefined ? [] : [[name, column.room === null ? names[name] : names[name].slice(-column.room)]];
    }),
  );
}

const BY_CATEGORY: Readonly<Record<string, Written>> = {
  S: 'x',
  N: 1,
  B: true,
  D: { sql: 'now()' },
  T: '1 s',
  A: '{}',
  I: '127.0.0.1',
};

function madeUpValue({ category, base_type, labels }: Column): Written {
  if (labels !== null) return labels[0] ?? null;
  if (base_type === 'uuid') return '00000000-0000-4000-8000-000000000000';
  if (base_type === 'json' || base_type === 'jsonb') return '{}';
  return BY_CATEGORY[category] ?? null;
}

const keyRow = z.object({ column: z.string(), source: z.string() });
const valueRow = z.object({ value: z.string().nullable() });

/** For each foreign key on a single column, a value it accepts, as far as this role may read it. */
async function foreignValues(ask: Ask, table: Judged, columns: readonly Column[]): Promise<Values> {
  const found = await ask(
    `select a.attname::text as column, format('select %I::text as value from %s limit 1', f.attname, k.confrelid::regclass) as source
       from pg_constraint k
       join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
       join pg_attribute f on f.attrelid = k.confrelid and f.attnum = k.confkey[1]
      where k.conrelid = $1::oid and k.contype = 'f' and cardinality(k.conkey) = 1 and a.attname = any($2::text[])
        and has_column_privilege(k.confrelid, f.attnum, 'SELECT')
        and has_schema_privilege((select relnamespace from pg_class where oid = k.confrelid), 'USAGE')`,
    [table.oid, columns.map(({ name }) => name)],
  );
  const values: Record<string, Written> = {};
  for (const { column, source } of parseRows(found, keyRow)) {
    const [row] = parseRows(await ask(source), valueRow);
    if (row !== undefined && row.value !== null) values[column] = row.value;
  }
  return values;
}
