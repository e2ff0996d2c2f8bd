import * as z from 'zod';
import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { CURERS } from './finding.js';
import type { Judged } from './judged.js';
import { functionsIn } from './trial.js';

/* What refused a write: a CHECK, an index, a trigger or a missing right, as the catalog has it. */

const constraintRow = z.object({
  name: z.string(),
  /** A CHECK's; null for any other constraint. */
  expression: z.string().nullable(),
  valid: z.boolean(),
  columns: z.array(z.string()),
});
type Constraint = z.output<typeof constraintRow>;
export type Check = Constraint & { readonly expression: string };

export async function constraintOf(ask: Ask, { oid }: Judged, name: string): Promise<Constraint | null> {
  const found = await ask(
    `select quote_ident(conname) as name, pg_get_expr(conbin, conrelid) as expression, convalidated as valid,
            array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any(conkey)) as columns
       from pg_constraint where conrelid = $1::oid and conname = $2`,
    [oid, name],
  );
  return parseRows(found, constraintRow)[0] ?? null;
}

/** Our states that a CHECK on the state alone refuses. */
export async function statesRefused(
  ask: Ask,
  table: Judged,
  { expression }: Check,
): Promise<readonly PromotionState[]> {
  const all = PROMOTION_STATES.map(
    (state) => `select state, '${state}' as ours from (select {'${state}'} as state) one`,
  );
  const found = await ask(
    table.dialect.translate(
      // The first part gives the others the column's type.
      `select ours as name from (select state, null as ours from {promotions} where false union all ${all.join(' union all ')}) states
        where not (${expression})`,
    ),
  );
  const names = new Set(parseRows(found, nameRow).map(({ name }) => name));
  return PROMOTION_STATES.filter((state) => names.has(state));
}

export async function nextId(ask: Ask, { name }: { readonly name: string }): Promise<string> {
  const found = await ask(`select (coalesce(max(id), 0) + 1)::text as name from ${name}`);
  return parseRows(found, nameRow)[0]?.name ?? '1';
}

const nameRow = z.object({ name: z.string() });
const indexRow = z.object({
  name: z.string(),
  qualified: z.string(),
  is_constraint: z.boolean(),
  is_partial: z.boolean(),
  columns: z.array(z.string()),
});
export type Index = z.output<typeof indexRow>;

export async function indexOf(ask: Ask, { oid }: Judged, name: string): Promise<Index | null> {
  const found = await ask(
    `select quote_ident(c.relname) as name, format('%I.%I', (select nspname from pg_namespace where oid = c.relnamespace), c.relname) as qualified,
            exists (select from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = i.indrelid) as is_constraint,
            i.indpred is not null as is_partial,
            array(select coalesce(a.attname::text, '') from unnest(i.indkey::int2[]) k
                    left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k) as columns
       from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::oid and c.relname = $2`,
    [oid, name],
  );
  return parseRows(found, indexRow)[0] ?? null;
}

/** The table's trigger whose function PostgreSQL was in; null if none. */
export async function triggerOf(ask: Ask, { oid }: Judged, where: string | null): Promise<string | null> {
  const functions = functionsIn(where);
  const found = await ask(
    `select quote_ident(t.tgname) as name from pg_trigger t join pg_proc f on f.oid = t.tgfoid
      where t.tgrelid = $1::oid and not t.tgisinternal and t.tgenabled <> 'D' and f.proname = any($2::text[])
      order by array_position($2::text[], f.proname::text) desc, 1 limit 1`,
    [oid, functions],
  );
  return parseRows(found, nameRow)[0]?.name ?? null;
}

export const callerRow = z.object({ what: z.string(), cure: z.string(), by: z.enum(CURERS) });
/** What of the table computes something that fails, and the statement without which it works. */
export type Caller = z.output<typeof callerRow>;

/** SQL: the same for the column `a` with a default or an expression. `name`: SQL of the table's name. */
export const callingColumn = (name: string): string => `
  format(case a.attgenerated when '' then 'default of %I' else 'generated column %I' end, a.attname) as what,
  format(case when a.attgenerated = 's' then 'alter table %s alter column %I drop expression'
              when a.attgenerated <> '' then 'alter table %s drop column %I'
              when a.attnotnull then 'alter table %s alter column %I drop default, alter column %2$I drop not null'
              else 'alter table %s alter column %I drop default' end, ${name}, a.attname) as cure, 'table owner' as by`;

/** SQL: the domains that the table's columns are of, and those under them. `depth` is 0 for the column's own. */
export const DOMAINS = `(with recursive of as (
    select a.attname::text as column_name, y.typname::text as own, 0 as depth, y.* from pg_attribute a join pg_type y on y.oid = a.atttypid
     where a.attrelid = $1::oid and a.attnum > 0
    union all select of.column_name, of.own, of.depth + 1, y.* from of join pg_type y on y.oid = of.typbasetype where of.typtype = 'd')
  select of.*, format('%I.%I', n.nspname, of.typname) as domain,
         case when pg_has_role(c.relowner, of.typowner, 'USAGE') then 'table owner' else 'superuser' end as by
    from of join pg_namespace n on n.oid = of.typnamespace join pg_class c on c.oid = $1::oid where of.typtype = 'd')`;

/** SQL: what calls it and its cure, for the CHECK `k` of the domain `d`. */
export const CHECK_OF_DOMAIN = `format('CHECK %I of the domain %s', k.conname, d.domain) as what,
  format('alter domain %s drop constraint %I', d.domain, k.conname) as cure, d.by`;

const domainRow = z.object({ columns: z.array(z.string()), domain: z.string(), cure: z.string(), by: z.enum(CURERS) });

/** The CHECK that refused a column's domain: of it, or of one under it. Null if no column is of it. */
export async function checkOfDomain(
  ask: Ask,
  { oid }: Judged,
  domain: string,
  constraint: string,
): Promise<z.output<typeof domainRow> | null> {
  const found = await ask(
    `select array_agg(d.column_name order by d.column_name) as columns, d.domain, ${CHECK_OF_DOMAIN}
       from ${DOMAINS} d join pg_constraint k on k.contypid = d.oid
      where d.own = $2 and k.conname = $3 group by d.domain, d.by, k.conname order by min(d.depth) limit 1`,
    [oid, domain, constraint],
  );
  return parseRows(found, domainRow)[0] ?? null;
}

/** What else of the table calls the function that PostgreSQL was in: an index, a CHECK or a column's expression. */
export async function callerOf(ask: Ask, { oid, name }: Judged, where: string | null): Promise<Caller | null> {
  const found = await ask(
    `with called as (
       select d.classid, d.objid from pg_depend d join pg_proc f on f.oid = d.refobjid
        where d.refclassid = 'pg_proc'::regclass and f.proname = any($2::text[]))
     select format('index %I', i.relname) as what, format('drop index %I.%I', n.nspname, i.relname) as cure, 'table owner' as by
       from called join pg_class i on i.oid = called.objid and called.classid = 'pg_class'::regclass
       join pg_index x on x.indexrelid = i.oid join pg_namespace n on n.oid = i.relnamespace where x.indrelid = $1::oid
     union all
     select format('CHECK %I', k.conname), format('alter table %s drop constraint %I', $3::text, k.conname), 'table owner'
       from called join pg_constraint k on k.oid = called.objid and called.classid = 'pg_constraint'::regclass where k.conrelid = $1::oid
     union all
     select ${CHECK_OF_DOMAIN}
       from called join pg_constraint k on k.oid = called.objid and called.classid = 'pg_constraint'::regclass
       join ${DOMAINS} d on d.oid = k.contypid
     union all
     select ${callingColumn('$3::text')}
       from called join pg_attrdef d on d.oid = called.objid and called.classid = 'pg_attrdef'::regclass
       join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid = $1::oid
     order by 1 limit 1`,
    [oid, functionsIn(where), name],
  );
  return parseRows(found, callerRow)[0] ?? null;
}

/** Triggers that can change or drop a row before it is written; if there is none, those that can do so after it. */
export async function rowTriggers(ask: Ask, { oid }: Judged, by: 'insert' | 'update'): Promise<readonly string[]> {
  // tgtype: 1 for each row, 2 before, 4 insert, 16 update.
  const found = await ask(
    `select quote_ident(tgname) as name, tgtype & 3 = 3 as is_before from pg_trigger
      where tgrelid = $1::oid and not tgisinternal and tgenabled <> 'D' and (tgtype & 3 = 3 or tgtype & 2 = 0) and tgtype & $2::int <> 0 order by 1`,
    [oid, by === 'insert' ? 4 : 16],
  );
  const triggers = parseRows(found, nameRow.extend({ is_before: z.boolean() }));
  const before = triggers.filter(({ is_before }) => is_before);
  return (before.length > 0 ? before : triggers).map(({ name }) => name);
}

/** Triggers whose function sets something that stays set after it. `what`: a regular expression of what follows SET. */
export async function settersOf(ask: Ask, { oid }: Judged, what: string): Promise<readonly string[]> {
  const found = await ask(
    `select quote_ident(t.tgname) as name from pg_trigger t join pg_proc f on f.oid = t.tgfoid
      where t.tgrelid = $1::oid and not t.tgisinternal and t.tgenabled <> 'D' and f.prosrc ~* $2 order by 1`,
    [oid, String.raw`\mset\s+((local|session)\s+)?(${what})\M|set_config\s*\(\s*'(${what})'`],
  );
  return parseRows(found, nameRow).map(({ name }) => name);
}

const publicationRow = z.object({
  name: z.string(),
  lists_columns: z.boolean(),
  filter: z.string().nullable(),
  may_use_key: z.boolean(),
});

/** `public.t is published by a and b`. */
export const publishedBy = ({ name }: Judged, publications: readonly { readonly name: string }[]): string =>
  `${name} is published by ${publications.map((publication) => publication.name).join(' and ')}`;

/** What publishes the table's updates. `may_use_key`: its primary key would do as the identity of its rows. */
export async function publicationsOf(ask: Ask, { oid }: Judged): Promise<readonly z.output<typeof publicationRow>[]> {
  // By JSON: before PostgreSQL 15 there were no lists of columns and no filters.
  const found = await ask(
    `select quote_ident(p.pubname) as name, r.columns is not null as lists_columns, t.rest ->> 'rowfilter' as filter,
            t.rest ->> 'rowfilter' is null and coalesce((select r.columns @> to_jsonb(i.indkey::int2[])
               from pg_index i where i.indrelid = c.oid and i.indisprimary), false) as may_use_key
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join lateral (select pubname, to_jsonb(v) as rest from pg_publication_tables v
                      where v.schemaname = n.nspname and v.tablename = c.relname) t on true
       join pg_publication p on p.pubname = t.pubname and p.pubupdate
       left join lateral (select nullif(to_jsonb(x) -> 'prattrs', 'null') as columns from pg_publication_rel x
                           where x.prpubid = p.oid and x.prrelid = c.oid) r on true
      where c.oid = $1::oid order by 1`,
    [oid],
  );
  return parseRows(found, publicationRow);
}
