import * as z from 'zod';
import { asRefusal, type Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { quoted, quotedName } from './dialect.js';
import type { Judged } from './judged.js';
import { CHECK_OF_DOMAIN, type Caller, callerRow, callingColumn, DOMAINS } from './lookups.js';
import { functionsIn } from './trial.js';

/* Which CHECK, index or column of the table fails by itself, such as by dividing by zero: PostgreSQL names none then. */

const expressionRow = callerRow.extend({ sql: z.string() });
type Expression = z.output<typeof expressionRow>;

/** A row as a refused write would have left it. */
export interface RefusedRow {
  /** What it was before, by its ctid; null if it is a new one. */
  readonly at: string | null;
  /** The written columns, and SQL of their values, in which a parameter is `$1`. */
  readonly names: readonly string[];
  readonly sql: readonly string[];
  readonly bindings: readonly unknown[];
}

/** Inside a transaction. Null if PostgreSQL itself tells what refused, or nothing fails by itself. */
export async function raiserOf(
  ask: Ask,
  table: Judged,
  { code, where, constraint, table: named }: Refusal,
  row: RefusedRow,
): Promise<Caller | null> {
  if (functionsIn(where).length > 0 || constraint !== null || named !== null) return null;
  const bindings = [...row.bindings, row.at];
  const failureOf = (sql: string): Promise<string | null> => refusalOf(ask, sql, bindings);
  const whole = `from (${rowOf(table, row)}) as ${quotedName(table.relation)}`;
  // If the row as such is refused, a domain does it.
  return (await failureOf(`select * ${whole}`)) === null
    ? firstRefused(await expressionsOf(ask, table, row), code, (all) => failureOf(`select ${all} ${whole}`))
    : firstRefused(await domainChecksOf(ask, table, row), code, (all) =>
        failureOf(`select ${all} ${beforeOf(table, row)}`),
      );
}

/** A table may have a thousand defaults, so not one by one. */
async function firstRefused(
  all: readonly Expression[],
  code: string,
  failureOf: (sql: string) => Promise<string | null>,
): Promise<Caller | null> {
  const refusal = all.length === 0 ? null : await failureOf(all.map(({ sql }) => sql).join(', '));
  const [first] = all;
  if (refusal === null || first === undefined) return null;
  if (all.length === 1) return refusal === code ? first : null;
  const half = Math.ceil(all.length / 2);
  return (await firstRefused(all.slice(0, half), code, failureOf)) ?? firstRefused(all.slice(half), code, failureOf);
}

function rowOf(table: Judged, row: RefusedRow): string {
  const values = row.names.map((column, at) => `${quoted(column)}, ${textOf(row, at)}`);
  return table.dialect.translate(
    `select (jsonb_populate_record(p, jsonb_build_object(${values.join(', ')}))).* ${beforeOf(table, row)}`,
  );
}

/** SQL of the value of the column at that place; a parameter comes as a text. */
const textOf = ({ sql }: RefusedRow, at: number): string => (sql[at] ?? 'null').replace(/^\$\d+$/u, '$&::text');

/** SQL: the row `p` before the write, or nulls. It names each parameter, whose type PostgreSQL has to know. */
function beforeOf({ name }: Judged, { bindings }: RefusedRow): string {
  const given = bindings.map((_, at) => `$${at + 1}::text`).join(', ');
  return `from (select ${given}) one left join ${name} p on p.ctid = $${bindings.length + 1}::tid`;
}

/** The SQLSTATE with which PostgreSQL refuses the query; null if it doesn't. */
async function refusalOf(ask: Ask, sql: string, bindings: readonly unknown[]): Promise<string | null> {
  await ask('savepoint expression');
  try {
    await ask(sql, bindings);
    return null;
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    return refusal.code;
  } finally {
    await ask('rollback to savepoint expression');
  }
}

/** All that PostgreSQL computes from a row. A sequence's next number is left alone: it would be used up. */
async function expressionsOf(
  ask: Ask,
  { oid, name, relation }: Judged,
  { at, names }: RefusedRow,
): Promise<readonly Expression[]> {
  const found = await ask(
    `select format('CHECK %I', k.conname) as what, format('alter table %s drop constraint %I', $2::text, k.conname) as cure, 'table owner' as by,
            pg_get_expr(k.conbin, k.conrelid) as sql
       from pg_constraint k where k.conrelid = $1::oid and k.contype = 'c'
     union all
     select ${callingColumn('$2::text')},
            -- A default may be too long for its column.
            format(case a.attgenerated when '' then 'jsonb_populate_record(null::%s, jsonb_build_object(%L, %s))' else '%3$s' end,
                   $2::text, a.attname, pg_get_expr(d.adbin, d.adrelid))
       from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      where d.adrelid = $1::oid and (a.attgenerated <> '' or ($3 and a.attname <> all($4::text[])))
        and pg_get_expr(d.adbin, d.adrelid) !~ 'nextval'
     union all
     select format('default of the domain %s', d.domain), format('alter domain %s drop default', d.domain), d.by, pg_get_expr(d.typdefaultbin, 0)
       from ${DOMAINS} d join pg_attribute a on a.attrelid = $1::oid and a.attname = d.column_name
      where d.depth = 0 and d.typdefaultbin is not null and not a.atthasdef and $3 and a.attname <> all($4::text[])
        and pg_get_expr(d.typdefaultbin, 0) !~ 'nextval'
     union all
     select format('index %I', i.relname), format('drop index %I.%I', n.nspname, i.relname), 'table owner',
            format('case when %s then row(%s) end', coalesce(pg_get_expr(x.indpred, x.indrelid), 'true'), pg_get_expr(x.indexprs, x.indrelid))
       from pg_index x join pg_class i on i.oid = x.indexrelid join pg_namespace n on n.oid = i.relnamespace
      where x.indrelid = $1::oid and (x.indexprs is not null or x.indpred is not null)
     union all
     select format('trigger %I', t.tgname), format('alter table %s disable trigger %I', $2::text, t.tgname), 'table owner',
            format('(select %s from (select %2$I.*) as new, (select %2$I.*) as old)',
                   substring(pg_get_triggerdef(t.oid) from ' WHEN (\\(.*\\)) EXECUTE '), $5::text)
       from pg_trigger t
      where t.tgrelid = $1::oid and t.tgqual is not null and t.tgenabled <> 'D' and t.tgtype & case when $3 then 4 else 16 end <> 0
     order by 1`,
    [oid, name, at === null, names, relation],
  );
  return parseRows(found, expressionRow);
}

const domainCheckRow = expressionRow.extend({ column_name: z.string(), base: z.string() });

/** Those of the written columns, the ones that PostgreSQL checks first in front. In them, `value` is what is written. */
async function domainChecksOf(ask: Ask, table: Judged, row: RefusedRow): Promise<readonly Expression[]> {
  const found = await ask(
    `select ${CHECK_OF_DOMAIN}, d.column_name, format_type(d.typbasetype, d.typtypmod) as base, pg_get_expr(k.conbin, 0) as sql
       from ${DOMAINS} d join pg_constraint k on k.contypid = d.oid
      where k.contype = 'c' and d.column_name = any($2::text[]) order by d.depth desc, k.conname`,
    [table.oid, row.names],
  );
  return parseRows(found, domainCheckRow).map(({ column_name, base, sql, ...check }) => {
    const value = textOf(row, row.names.indexOf(column_name));
    return { ...check, sql: table.dialect.translate(`(select ${sql} from (select (${value})::${base} as value) one)`) };
  });
}
