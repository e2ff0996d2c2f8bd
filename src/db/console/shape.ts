import * as z from 'zod';
import { PROMOTION_STATES } from '../../promotions/promotion.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { blocks, type Finding } from './finding.js';
import type { Judged } from './judged.js';
import { INDEXES_OF_EXPRESSIONS } from './table.js';
import { type ColumnUse, USES } from './writes.js';

/** What decides which values a column accepts; for a domain, its base type's. */
const columnRow = z.object({
  name: z.string(),
  quoted: z.string(),
  type: z.string(),
  base_type: z.string(),
  category: z.string(),
  /** How many characters it holds; null: unlimited. */
  room: z.number().nullable(),
  not_null: z.boolean(),
  /** Whether the column itself allows no null, and which domains allow none wherever they are used. */
  is_strict: z.boolean(),
  strict_domains: z.array(z.string()),
  /** It can never be null: it is in the primary key, or in what tells its rows apart for subscribers. */
  is_key: z.boolean(),
  has_default: z.boolean(),
  /** Its own default in SQL, not its domain's; null: none. */
  by_default: z.string().nullable(),
  generated: z.enum(['', 's', 'v']),
  /** An identity: `a` is always generated, so no UPDATE may name it. */
  identity: z.enum(['', 'a', 'd']),
  labels: z.array(z.string()).nullable(),
  /** Its CHECKs and foreign keys, quoted, and indexes with expressions of it. */
  constraints: z.array(z.object({ name: z.string(), is_shared: z.boolean() })),
  indexes: z.array(z.string()),
  views: z.array(z.string()),
});
export type Column = z.output<typeof columnRow>;

export async function columnsOf(ask: Ask, oid: string): Promise<readonly Column[]> {
  const found = await ask(
    `with recursive under as (
       select a.attnum, a.atttypid as type, a.atttypmod as typmod, a.attnotnull as not_null, '{}'::text[] as strict_domains,
              a.atthasdef or a.attidentity <> '' as has_default, 0 as depth
         from pg_attribute a where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
       union all
       select u.attnum, y.typbasetype, case when u.typmod >= 0 then u.typmod else y.typtypmod end,
              u.not_null or y.typnotnull, case when y.typnotnull then array_append(u.strict_domains, format_type(y.oid, null)) else u.strict_domains end,
              u.has_default or y.typdefault is not null, u.depth + 1
         from under u join pg_type y on y.oid = u.type where y.typtype = 'd')
     select a.attname::text as name, quote_ident(a.attname) as quoted, format_type(a.atttypid, a.atttypmod) as type,
            y.typname::text as base_type, y.typcategory::text as category, u.not_null, a.attnotnull as is_strict, u.strict_domains, u.has_default,
            exists (select from pg_index x where x.indrelid = a.attrelid and (x.indisprimary or x.indisreplident) and a.attnum = any(x.indkey)) as is_key,
            case when y.typname in ('varchar', 'bpchar') and u.typmod >= 4 then u.typmod - 4
                 when y.typname = 'name' then 63 when y.typname = 'char' then 1 end as room,
            (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum) as by_default,
            a.attgenerated::text as generated, a.attidentity::text as identity,
            (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = y.oid) as labels,
            coalesce((select json_agg(json_build_object('name', quote_ident(k.conname), 'is_shared', cardinality(k.conkey) > 1) order by k.conname) from pg_constraint k
                       where k.conrelid = a.attrelid and k.contype in ('c', 'f') and a.attnum = any(k.conkey)), '[]') as constraints,
            coalesce(${INDEXES_OF_EXPRESSIONS}, '{}') as indexes,
            array(select distinct r.ev_class::regclass::text from pg_depend d join pg_rewrite r on r.oid = d.objid
                   where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
                     and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and r.ev_class <> a.attrelid order by 1) as views
       from pg_attribute a
       join lateral (select * from under u where u.attnum = a.attnum order by u.depth desc limit 1) u on true
       join pg_type y on y.oid = u.type
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [oid],
  );
  return parseRows(found, columnRow);
}

/** Those before the point. Attempts and Heroku's releases pass ten thousand. */
function wholeDigits(type: string): number {
  const [, digits, after] = /^numeric\((\d+),(-?\d+)\)/u.exec(type) ?? [];
  return digits === undefined ? Infinity : Number(digits) - Number(after);
}

/** Each kind's name in a sentence, and which columns can hold it. */
const KINDS: Readonly<Record<ColumnUse['kind'], { words: string; type: string; fits(column: Column): boolean }>> = {
  text: { words: 'text', type: 'text', fits: ({ category }) => category === 'S' },
  time: {
    words: 'a date with its time',
    type: 'timestamptz',
    fits: ({ base_type }) => base_type === 'timestamptz' || base_type === 'timestamp',
  },
  number: {
    words: 'a whole number',
    type: 'integer',
    fits: ({ base_type, type }) => ['int4', 'int8', 'numeric'].includes(base_type) && wholeDigits(type) > 4,
  },
  flag: { words: 'true or false', type: 'boolean', fits: ({ base_type }) => base_type === 'bool' },
};

/** Why the app's writes would be refused, as far as the catalog tells. */
export function judgeShape(table: Judged, columns: readonly Column[]): readonly Finding[] {
  return columns.flatMap((column) => judgeColumn(table, column));
}

export function judgeColumn(table: Judged, column: Column): readonly Finding[] {
  const alter = (action: string): string => `alter table ${table.name} ${action}`;
  const use = USES.get(column.name);
  if (column.name === 'id') return judgeId(column, alter);
  if (column.name === 'state') return judgeState(table, column, alter);
  return use === undefined ? judgeOther(column, alter) : judgeOurs(column, use, alter);
}

type Alter = (action: string) => string;

/** Placeholder for an unused id, until the rows are read. */
export const BEYOND_ALL_IDS = '{beyond}';

function judgeId({ has_default, quoted, not_null }: Column, alter: Alter): readonly Finding[] {
  if (has_default) return [];
  const notNull = not_null ? '' : `alter column ${quoted} set not null, `;
  return [
    blocks('id has no default, so the app can’t add a promotion.', [
      alter(`${notNull}alter column ${quoted} add generated by default as identity (start with ${BEYOND_ALL_IDS})`),
    ]),
  ];
}

function judgeState(table: Judged, column: Column, alter: Alter): readonly Finding[] {
  if (column.generated !== '') return [generated(column, alter)];
  if (column.labels !== null) return [];
  const longest = Math.max(...PROMOTION_STATES.map((state) => Array.from(table.spell(state)).length));
  return column.room !== null && column.room < longest ? [tooShort(column, longest, alter)] : [];
}

/** A column that the app doesn't know and gives no value. */
function judgeOther(column: Column, alter: Alter): readonly Finding[] {
  if (!column.not_null || column.has_default || column.generated !== '') return [];
  return [missingValue(column, alter)];
}

function judgeOurs(column: Column, use: ColumnUse, alter: Alter): readonly Finding[] {
  if (column.generated !== '') return [generated(column, alter)];
  const { words, fits } = KINDS[use.kind];
  const findings: Finding[] = [];
  if (!fits(column)) {
    const says = `${column.name} is ${column.type}, and the app writes ${words} to it.${viewsOf(column)}`;
    findings.push(retyped(says, column, use.kind, alter));
  } else if (use.kind === 'text' && column.room !== null && column.room < use.width) {
    findings.push(tooShort(column, use.width, alter));
  }
  if (column.not_null && use.setToNull) {
    findings.push(
      blocks(`${column.name} must not be null, and the app sets it to null.`, [...nullable(column, alter)]),
    );
  } else if (column.not_null && !use.inserted && !column.has_default) {
    findings.push(missingValue(column, alter));
  }
  return findings;
}

function missingValue(column: Column, alter: Alter): Finding {
  if (column.is_key) return withoutDefault(column, alter);
  return blocks(
    `${column.name} must not be null and has no default, so the app can’t add a promotion.`,
    nullable(column, alter),
  );
}

/** Only its owner knows which. */
export function withoutDefault({ name, quoted }: Column, alter: Alter): Finding {
  return blocks(
    `${name} is part of the table’s key, so it must not be null, and nothing gives it a value when the app adds a promotion. Give it a default: ${alter(`alter column ${quoted} set default …`)}`,
  );
}

function nullable({ quoted, is_strict, strict_domains }: Column, alter: Alter): readonly string[] {
  return [
    ...(is_strict ? [alter(`alter column ${quoted} drop not null`)] : []),
    ...strict_domains.map((domain) => `alter domain ${domain} drop not null`),
  ];
}

function generated({ name, quoted, generated: how }: Column, alter: Alter): Finding {
  return blocks(
    `${name} is a generated column, and the app writes it.`,
    // PostgreSQL can only make a stored one ordinary.
    how === 's' ? [alter(`alter column ${quoted} drop expression`)] : [],
  );
}

function tooShort(column: Column, width: number, alter: Alter): Finding {
  const lacking = width - (column.room ?? 0);
  const how = lacking === 1 ? 'one character too few' : `and the app writes up to ${width}`;
  return retyped(`${column.name} takes ${column.room} characters, ${how}.${viewsOf(column)}`, column, 'text', alter);
}

/** First drops what may not fit the new type: foreign keys, and the CHECKs and indexes that use the column. */
function retyped(says: string, column: Column, kind: ColumnUse['kind'], alter: Alter): Finding {
  const { quoted, constraints, indexes, type: from, base_type, by_default } = column;
  const actions = newType(quoted, kind, base_type, by_default);
  // From one text to another, all of that stays.
  if (kind === 'text' && /^(?:character|text|citext|name)/u.test(from))
    return blocks(says, [alter(actions.join(', '))]);
  // One of several columns goes with the first of them.
  const dropped = constraints.map(({ name, is_shared }) => `drop constraint ${is_shared ? 'if exists ' : ''}${name}`);
  const sql = [...indexes.map((index) => `drop index if exists ${index}`), alter([...dropped, ...actions].join(', '))];
  return { ...blocks(says, sql), drops: constraints.map(({ name }) => name) };
}

function newType(quoted: string, kind: ColumnUse['kind'], base: string, byDefault: string | null): readonly string[] {
  if (kind === 'text') return madeText(base, quoted, byDefault);
  const { type } = KINDS[kind];
  const as = (sql: string): string => `nullif(${sql}::text, '')${kind === 'number' ? '::numeric' : ''}::${type}`;
  const alter = `alter column ${quoted}`;
  const retype = `${alter} type ${type} using ${as(quoted)}`;
  return withDefault(alter, retype, byDefault === null ? null : as(`(${byDefault})`));
}

/** SQL of the text itself, for types whose text is more than that: JSON has quotation marks, bytes have digits. */
const AS_TEXT: Readonly<Record<string, (sql: string) => string>> = {
  json: (sql) => `${sql} #>> '{}'`,
  jsonb: (sql) => `${sql} #>> '{}'`,
  bytea: (sql) => `convert_from(${sql}, 'UTF8')`,
};

/** `base`: PostgreSQL's name of the type. */
export const asText = (base: string, sql: string): string => AS_TEXT[base]?.(sql) ?? `${sql}::text`;

function madeText(base: string, quoted: string, byDefault: string | null): readonly string[] {
  const alter = `alter column ${quoted}`;
  if (!Object.hasOwn(AS_TEXT, base)) return [`${alter} type text`];
  const retype = `${alter} type text using ${asText(base, quoted)}`;
  return withDefault(alter, retype, byDefault === null ? null : asText(base, `(${byDefault})`));
}

/** PostgreSQL casts few defaults along with their column. `alter`: SQL as far as the column's name. */
export function withDefault(alter: string, retype: string, byDefault: string | null): readonly string[] {
  return byDefault === null ? [retype] : [`${alter} drop default`, retype, `${alter} set default ${byDefault}`];
}

/** PostgreSQL can't change a column's type under a view. */
export function viewsOf({ views }: { readonly views: readonly string[] }): string {
  if (views.length === 0) return '';
  return ` The view ${views.join(', ')} uses it: drop it before, and create it again after.`;
}
