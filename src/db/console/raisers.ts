import * as z from 'zod';
import { asRefusal, type Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { quoted, quotedName } from './dialect.js';
import type { Judged } from './judged.js';
import { type Caller, callerRow, callingColumn } from './lookups.js';
import { functionsIn } from './trial.js';

/* Which CHECK, index or column of the table fails by itself, such as by dividing by zero: PostgreSQL names none then. */

const expressionRow = callerRow.extend({ sql: z.string() });

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
  const from = `from (${rowOf(table, row)}) as ${quotedName(table.relation)}`;
  const bindings = [...row.bindings, row.at];
  const failureOf = (sql: string): Promise<string | null> => refusalOf(ask, `select ${sql} ${from}`, bindings);
  // A domain may refuse the row as such.
  if ((await failureOf('*')) !== null) return null;
  for (const { what, cure, sql } of await expressionsOf(ask, table, row)) {
    if ((await failureOf(sql)) === code) return { what, cure };
  }
  return null;
}

function rowOf({ name, dialect }: Judged, { names, sql, bindings }: RefusedRow): string {
  const values = names.map((column, at) => `${quoted(column)}, ${(sql[at] ?? 'null').replace(/^\$\d+$/u, '$&::text')}`);
  return dialect.translate(
    `select (jsonb_populate_record(p, jsonb_build_object(${values.join(', ')}))).*
       from (select) one left join ${name} p on p.ctid = $${bindings.length + 1}::tid`,
  );
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
): Promise<readonly z.output<typeof expressionRow>[]> {
  const found = await ask(
    `select format('CHECK %I', k.conname) as what, format('alter table %s drop constraint %I', $2::text, k.conname) as cure,
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
     select format('index %I', i.relname), format('drop index %I.%I', n.nspname, i.relname),
            format('case when %s then row(%s) end', coalesce(pg_get_expr(x.indpred, x.indrelid), 'true'), pg_get_expr(x.indexprs, x.indrelid))
       from pg_index x join pg_class i on i.oid = x.indexrelid join pg_namespace n on n.oid = i.relnamespace
      where x.indrelid = $1::oid and (x.indexprs is not null or x.indpred is not null)
     union all
     select format('trigger %I', t.tgname), format('alter table %s disable trigger %I', $2::text, t.tgname),
            format('(select %s from (select %2$I.*) as new, (select %2$I.*) as old)',
                   substring(pg_get_triggerdef(t.oid) from ' WHEN (\\(.*\\)) EXECUTE '), $5::text)
       from pg_trigger t
      where t.tgrelid = $1::oid and t.tgqual is not null and t.tgenabled <> 'D' and t.tgtype & case when $3 then 4 else 16 end <> 0
     order by 1`,
    [oid, name, at === null, names, relation],
  );
  return parseRows(found, expressionRow);
}
