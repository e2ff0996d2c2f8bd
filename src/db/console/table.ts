import * as z from 'zod';
import { codeOf } from '../embedded/errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { ConsoleTableError } from './refusal.js';
import type { ConsoleSettings } from './settings.js';

/* Which table the promotions are in, and its shape. */

export const USUAL_NAME = 'console_flag_promotions';
/** This app's schema never holds the console's table, wherever it is in a search path. */
const OWN_SCHEMA = 'flag_promotions';

export interface ConsoleColumn {
  readonly name: string;
  /** As SQL writes it. */
  readonly type: string;
  readonly kind: 'text' | 'enum' | 'integer' | 'timestamptz' | 'timestamp' | 'other';
  /** PostgreSQL's name of its type, or of a domain's base type: int4. */
  readonly base: string;
  /** An enum's words in order, and its type, qualified and quoted. */
  readonly words: readonly string[];
  readonly enumType: string;
  readonly isNullable: boolean;
  /** SQL of its default; null: none. */
  readonly byDefault: string | null;
  /** String literals in its default, and in CHECKs on it alone. */
  readonly mentioned: readonly string[];
  readonly comment: string | null;
  /** What refuses another type for it: CHECKs and foreign keys on it, indexes with expressions of it, and views. */
  readonly constraints: readonly string[];
  readonly indexes: readonly string[];
  readonly views: readonly string[];
}

interface ConsoleIndex {
  readonly name: string;
  /** False after an interrupted build. */
  readonly isValid: boolean;
  readonly isConstraint: boolean;
  /** The single column that it keeps unique in all rows, or null. */
  readonly uniqueColumn: string | null;
}

export interface ConsoleTable {
  readonly oid: string;
  /** Qualified and quoted where needed: for SQL, and for people. */
  readonly name: string;
  readonly schema: string;
  readonly owner: string;
  readonly comment: string | null;
  readonly columns: readonly ConsoleColumn[];
  readonly indexes: readonly ConsoleIndex[];
}

/** Whether rows may come without an id. */
export const hasOptionalId = ({ columns }: ConsoleTable): boolean =>
  columns.some(({ name, isNullable }) => name === 'id' && isNullable);

export type Place =
  | { readonly kind: 'table'; readonly oid: string }
  /** None so far: the schema in which the console would look, quoted. */
  | { readonly kind: 'nowhere'; readonly schema: string };

const placeRow = z.object({
  account: z.string(),
  given: z.string().nullable(),
  recorded: z.string().nullable(),
  by_path: z.string().nullable(),
  by_path_name: z.string().nullable(),
  schema: z.string().nullable(),
});

/**
 * Finds the table as the console's queries would: by CONSOLE_TABLE, `recorded` (an earlier `migrate`), or the search
 * path.
 * @throws ConsoleTableError if it is unclear which table is meant
 */
export async function findTable(ask: Ask, settings: ConsoleSettings, recorded: string | null): Promise<Place> {
  const row = await look(ask, settings, recorded);
  if (settings.table !== null) {
    if (row.given === null) throw await noSuchTable(ask, settings.table);
    return { kind: 'table', oid: row.given };
  }
  if (row.recorded !== null && row.by_path !== null && row.recorded !== row.by_path) {
    throw new ConsoleTableError(
      `There are two tables: ${recorded}, which migrate adopted, and ${row.by_path_name}, which the account ${row.account} finds first. Set CONSOLE_TABLE to the one that the console uses.`,
    );
  }
  const found = row.recorded ?? row.by_path;
  if (found !== null) return { kind: 'table', oid: found };
  if (recorded !== null) {
    throw new ConsoleTableError(
      `The table ${recorded}, which migrate adopted, is gone. If it was renamed or moved, set CONSOLE_TABLE to its new name.`,
    );
  }
  const elsewhere = await tablesNamed(ask, USUAL_NAME);
  if (elsewhere.length > 0) {
    throw new ConsoleTableError(
      `The account ${row.account} doesn’t find ${elsewhere.join(' or ')} by its search path. Set CONSOLE_TABLE=${elsewhere[0]} if that is the console’s table.`,
    );
  }
  if (row.schema === null) {
    throw new ConsoleTableError(
      `No schema of the search path of ${row.account} can take the table ${USUAL_NAME}. Run: alter role ${row.account} set search_path = public`,
    );
  }
  return { kind: 'nowhere', schema: row.schema };
}

/** The table to roll back, without refusing any: the recorded one, else CONSOLE_TABLE's or the search path's. */
export async function tableToUndo(
  ask: Ask,
  settings: ConsoleSettings,
  recorded: string | null,
): Promise<string | null> {
  const row = await look(ask, settings, recorded);
  return row.recorded ?? row.given ?? row.by_path;
}

async function look(ask: Ask, settings: ConsoleSettings, recorded: string | null): Promise<z.output<typeof placeRow>> {
  try {
    const found = await ask(
      `select quote_ident(current_user) as account, to_regclass($1)::oid::text as given, to_regclass($2)::oid::text as recorded,
              (array_agg(found.table::oid::text order by place) filter (where found.table is not null))[1] as by_path,
              (array_agg(quote_ident(s.schema) || '.${USUAL_NAME}' order by place) filter (where found.table is not null))[1] as by_path_name,
              (array_agg(quote_ident(s.schema) order by place) filter (where s.schema is not null))[1] as schema
         from (select schema, place from unnest(current_schemas(false)) with ordinality as p (schema, place)
                where schema not in ('${OWN_SCHEMA}', 'pg_catalog')) s
         left join lateral (select to_regclass(quote_ident(s.schema) || '.${USUAL_NAME}') as table) found on true`,
      [settings.table, recorded],
    );
    const [row] = parseRows(found, placeRow);
    if (row === undefined) throw new Error('An aggregate had no row.');
    return row;
  } catch (error) {
    // insufficient_privilege on the named schema.
    if (codeOf(error) !== '42501') throw error;
    const name = settings.table ?? recorded ?? '';
    const [row] = parseRows(
      await ask('select quote_ident(current_user) as account'),
      z.object({ account: z.string() }),
    );
    throw new ConsoleTableError(
      `The account of DATABASE_URL may not look into the schema of ${name}. Run as its owner: grant usage on schema ${schemaOf(name)} to ${row?.account}`,
    );
  }
}

const QUALIFIER = /^(?:"(?:[^"]|"")+"|[^".]+)(?=\.)/u;
const schemaOf = (name: string): string => QUALIFIER.exec(name)?.[0] ?? 'public';

async function noSuchTable(ask: Ask, name: string): Promise<ConsoleTableError> {
  const bare = name
    .slice(QUALIFIER.test(name) ? schemaOf(name).length + 1 : 0)
    .replaceAll(/^"|"$/gu, '')
    .replaceAll('""', '"');
  const alike = await tablesNamed(ask, bare);
  const hint = alike.length === 0 ? '' : ` There is ${alike.join(' and ')}.`;
  return new ConsoleTableError(`CONSOLE_TABLE names ${name}, which this database doesn’t have.${hint}`);
}

/** Every relation of this name, ignoring case, outside our own schema; qualified and quoted. */
async function tablesNamed(ask: Ask, name: string): Promise<readonly string[]> {
  const found = await ask(
    `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where lower(c.relname) = lower($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname <> '${OWN_SCHEMA}'
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1 limit 5`,
    [name],
  );
  return parseRows(found, z.object({ name: z.string() })).map((row) => row.name);
}

/** Other tables of the usual name, perhaps the console's: qualified and quoted. */
export async function namesakesOf(ask: Ask, table: ConsoleTable): Promise<readonly string[]> {
  return (await tablesNamed(ask, USUAL_NAME)).filter((name) => name !== table.name);
}

/**
 * If the console has a table elsewhere, an empty one that this app made is the wrong one.
 * @throws ConsoleTableError
 */
export async function refuseMistaken(ask: Ask, table: ConsoleTable): Promise<void> {
  const namesakes = await namesakesOf(ask, table);
  if (namesakes.length === 0) return;
  const found = await ask(`select exists (select from ${table.name}) as used`);
  if (parseRows(found, z.object({ used: z.boolean() }))[0]?.used === true) return;
  throw new ConsoleTableError(
    `The table ${table.name}, which an earlier migrate made, is empty, and there is ${namesakes.join(' and ')}. Set CONSOLE_TABLE to the one that the console uses.`,
  );
}

const columnRow = z
  .object({
    name: z.string(),
    type: z.string(),
    base: z.string(),
    base_kind: z.string(),
    category: z.string(),
    enum_type: z.string(),
    words: z.array(z.string()).nullable(),
    is_nullable: z.boolean(),
    by_default: z.string().nullable(),
    checks: z.array(z.string()).nullable(),
    comment: z.string().nullable(),
    constraints: z.array(z.string()).nullable(),
    indexes: z.array(z.string()).nullable(),
    views: z.array(z.string()).nullable(),
  })
  .transform(
    (row): ConsoleColumn => ({
      name: row.name,
      type: row.type,
      kind: kindOf(row),
      words: row.words ?? [],
      enumType: row.enum_type,
      base: row.base,
      isNullable: row.is_nullable,
      byDefault: row.by_default,
      mentioned: [row.by_default ?? '', ...(row.checks ?? [])].flatMap(textsIn),
      comment: row.comment,
      constraints: row.constraints ?? [],
      indexes: row.indexes ?? [],
      views: row.views ?? [],
    }),
  );

const KINDS: Readonly<Record<string, ConsoleColumn['kind']>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  timestamptz: 'timestamptz',
  timestamp: 'timestamp',
};

function kindOf({ base, base_kind, category }: { base: string; base_kind: string; category: string }) {
  if (base_kind === 'e') return 'enum';
  // All string types, extensions' included. Before PostgreSQL 15 the one-byte "char" is in this category, too.
  if (category === 'S' && base !== 'char') return 'text';
  return KINDS[base] ?? 'other';
}

function textsIn(expression: string): string[] {
  return [...expression.matchAll(/'((?:[^']|'')*)'/gu)].map(([, text = '']) => text.replaceAll("''", "'"));
}

const tableRow = z.object({
  oid: z.string(),
  name: z.string(),
  schema: z.string(),
  owner: z.string(),
  comment: z.string().nullable(),
  refused: z.string().nullable(),
  columns: z.array(columnRow).nullable(),
  indexes: z
    .array(
      z.object({
        name: z.string(),
        is_valid: z.boolean(),
        is_constraint: z.boolean(),
        unique_column: z.string().nullable(),
      }),
    )
    .nullable(),
});

/** SQL: follows a domain to its base type, through other domains. */
const BASE_TYPE = `(with recursive base as (
    select t.* from pg_type t where t.oid = a.atttypid
    union all select b.* from base d join pg_type b on b.oid = d.typbasetype where d.typtype = 'd')
  select typname, typtype, typcategory, typnamespace, oid from base where typtype <> 'd')`;

/** SQL: the indexes with expressions of the column `a`, or a condition. */
export const INDEXES_OF_EXPRESSIONS = `(
  select array_agg(distinct format('%I.%I', n.nspname, i.relname)) from pg_index x join pg_class i on i.oid = x.indexrelid
    join pg_namespace n on n.oid = i.relnamespace join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = i.oid
   where x.indrelid = a.attrelid and (x.indpred is not null or x.indexprs is not null)
     and d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid and d.refobjsubid = a.attnum)`;

const COLUMNS = `(
  select json_agg(json_build_object(
           'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'base', t.typname, 'base_kind', t.typtype,
           'category', t.typcategory, 'is_nullable', not a.attnotnull,
           'enum_type', (select quote_ident(n.nspname) || '.' || quote_ident(t.typname) from pg_namespace n where n.oid = t.typnamespace),
           'words', (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
           'by_default', (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum),
           'checks', (select array_agg(pg_get_constraintdef(k.oid)) from pg_constraint k
                       where k.contype = 'c' and ((k.conrelid = a.attrelid and k.conkey = array[a.attnum]) or k.contypid = a.atttypid)),
           'constraints', (select array_agg(quote_ident(k.conname) order by k.conname) from pg_constraint k
                            where k.conrelid = a.attrelid and k.contype in ('c', 'f') and a.attnum = any(k.conkey)),
           'indexes', ${INDEXES_OF_EXPRESSIONS},
           'views', (select array_agg(distinct r.ev_class::regclass::text) from pg_depend d join pg_rewrite r on r.oid = d.objid
                      where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
                        and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and r.ev_class <> a.attrelid),
           'comment', col_description(a.attrelid, a.attnum)) order by a.attnum)
    from pg_attribute a cross join lateral ${BASE_TYPE} t
   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`;

/** SQL: the index `i` (of pg_class) belongs to a constraint. Then the console made it, whatever its name is. */
export const HOLDS_CONSTRAINT = `exists (select from pg_constraint k where k.conindid = i.oid and k.contype in ('p', 'u', 'x'))`;
const INDEXES = `(
  select json_agg(json_build_object(
           'name', i.relname, 'is_valid', x.indisvalid and x.indisready,
           'is_constraint', ${HOLDS_CONSTRAINT},
           'unique_column', case when x.indisunique and x.indisvalid and x.indnkeyatts = 1 and x.indpred is null then
             (select a.attname from pg_attribute a where a.attrelid = x.indrelid and a.attnum = x.indkey[0]) end) order by i.relname)
    from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = c.oid)`;

/** SQL: why a relation can't hold promotions, and what to do instead. */
const REFUSED = `case
  when c.relkind = 'v' then 'is a view: set CONSOLE_TABLE to the table behind it'
  when c.relkind = 'm' then 'is a materialized view, which takes no writes: set CONSOLE_TABLE to the table behind it'
  when c.relkind = 'p' then 'is partitioned, and no index holds across partitions that one promotion per config var is active: keep the promotions in a plain table and set CONSOLE_TABLE to it'
  when c.relkind = 'f' then 'is a foreign table: set DATABASE_URL to the server that has the table itself'
  when c.relkind <> 'r' then 'is no table: set CONSOLE_TABLE to the table of promotions'
  when c.relpersistence = 't' then 'is a temporary table, which only its session sees: set CONSOLE_TABLE to a permanent one'
  when c.relispartition then 'is a partition of another table: keep the promotions in a plain table and set CONSOLE_TABLE to it'
  when exists (select 1 from pg_inherits h where h.inhparent = c.oid) then 'is inherited by other tables, whose rows no index of it holds: keep the promotions in a plain table and set CONSOLE_TABLE to it'
  when exists (select 1 from pg_inherits h where h.inhrelid = c.oid) then 'inherits from another table: run alter table … no inherit …, or set CONSOLE_TABLE to a plain table'
  when c.reloftype <> 0 then 'is a typed table, which takes no more columns: run alter table … not of'
  when exists (select from pg_subscription_rel s where s.srrelid = c.oid)
    and not exists (select from pg_publication_tables p where p.schemaname = n.nspname and p.tablename = c.relname)
    then 'is filled by a subscription from another server, which would never see what the app writes: set DATABASE_URL to that server'
  when n.nspname = '${OWN_SCHEMA}' then 'is one of the app’s own tables: set CONSOLE_TABLE to the console’s'
end`;

/** @throws ConsoleTableError if a table of its kind can't be used */
export async function readTable(ask: Ask, oid: string): Promise<ConsoleTable> {
  const found = await ask(
    `select c.oid::text as oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, n.nspname as schema,
            pg_get_userbyid(c.relowner) as owner, obj_description(c.oid, 'pg_class') as comment,
            ${REFUSED} as refused, ${COLUMNS} as columns, ${INDEXES} as indexes
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1::oid`,
    [oid],
  );
  const [row] = parseRows(found, tableRow);
  if (row === undefined)
    throw new ConsoleTableError('The console’s table went away while it was looked at. Try again.');
  if (row.refused !== null) throw new ConsoleTableError(`${row.name} ${row.refused}. Nothing was changed.`);
  const { oid: id, name, schema, owner, comment, columns, indexes } = row;
  return {
    oid: id,
    name,
    schema,
    owner,
    comment,
    columns: columns ?? [],
    indexes: (indexes ?? []).map((index) => ({
      name: index.name,
      isValid: index.is_valid,
      isConstraint: index.is_constraint,
      uniqueColumn: index.unique_column,
    })),
  };
}
