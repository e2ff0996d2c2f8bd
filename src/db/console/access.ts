import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { blocks, type Finding } from './finding.js';
import type { Judged } from './judged.js';
import { MARKED, NAMES, REVERTING, USES, WRITES } from './writes.js';

/*
 * What a role can see and do on the console's table. Asks the catalog, since the app's role may differ from the asking
 * one.
 */

const RIGHTS = ['SELECT', 'INSERT', 'UPDATE'] as const;
type Right = (typeof RIGHTS)[number];

const namesOf = (sets: readonly object[]): readonly string[] => [...new Set(sets.flatMap((set) => Object.keys(set)))];
/** The columns in the app's statements, by right. */
const COLUMNS: Readonly<Record<Right, readonly string[]>> = {
  // The rehearsal finds its row by `ctid`: an id may have no index.
  SELECT: ['ctid', 'id', 'state', ...USES.keys()],
  INSERT: ['state', ...NAMES, ...namesOf([MARKED, REVERTING])],
  UPDATE: ['state', ...namesOf(WRITES.map(({ set }) => set))],
};

const granted = z.object({ whole: z.boolean(), some: z.boolean(), lacking: z.array(z.string()) });
type Granted = z.output<typeof granted>;
const accessRow = z.object({
  may_hide_rows: z.boolean(),
  restrictive: z.array(z.string()),
  schema: z.string(),
  schema_usage: z.boolean(),
  rights: z.object({ SELECT: granted, INSERT: granted, UPDATE: granted }),
  sequences: z.array(z.string()),
});

/** SQL: row-level security applies to the role `r` on the table `c`, by PostgreSQL's rules. */
const FILTERED = `(c.relrowsecurity and not r.rolsuper and not r.rolbypassrls
  and (c.relforcerowsecurity or not pg_has_role(r.oid, c.relowner, 'USAGE')))`;
/** SQL: the restrictive policies that can apply to the app, which never deletes there. */
const RESTRICTIVE = `array(select quote_ident(polname) from pg_policy
  where polrelid = c.oid and not polpermissive and polcmd <> 'd' order by 1)`;

/**
 * SQL: row-level security may keep rows of the table `c` from the role `r`; `right`: SQL of the right that it uses.
 * Permissive policies are joined by OR, so one that is literally `true` is enough. What another expression lets through
 * can't be told from outside.
 */
export function mayHideRows(right: string): string {
  const policies = `pg_policy l where l.polrelid = c.oid and l.polcmd::text in
    ('*', case ${right} when 'SELECT' then 'r' when 'INSERT' then 'a' when 'UPDATE' then 'w' else 'd' end)`;
  const permits = (expression: string): string =>
    `exists (select from ${policies} and l.polpermissive and ${expression} = 'true'
       and exists (select from unnest(l.polroles) as p (oid) where p.oid = 0 or pg_has_role(r.oid, nullif(p.oid, 0), 'USAGE')))`;
  const using = 'pg_get_expr(l.polqual, l.polrelid)';
  const letsThrough = [
    `(${right} = 'INSERT' or ${permits(using)})`,
    `(${right} in ('SELECT', 'DELETE') or ${permits(`coalesce(pg_get_expr(l.polwithcheck, l.polrelid), ${using})`)})`,
    `not exists (select from ${policies} and not l.polpermissive)`,
  ];
  return `(${FILTERED} and not (${letsThrough.join(' and ')}))`;
}

const anyHidden = (rights: readonly Right[]): string =>
  `(${rights.map((right) => mayHideRows(`'${right}'`)).join(' or ')})`;

/** SQL: the session's role sees every row of the promotions. Asked at each check, because that may change. */
export const SEES_ALL_ROWS = `(select not ${anyHidden(RIGHTS)}
  from pg_class c, pg_roles r where c.oid = {'promotions'}::regclass and r.rolname = current_user)`;
export const ROWS_ARE_HIDDEN =
  'Row-level security may hide rows of the console’s table since this app started, so nothing is checked: a promotion in a hidden row would get stuck unseen. What to run: flag-promotions doctor';

/** Why the role can't see every row, or lacks a right that the app's statements need. */
export async function judgeAccess(
  ask: Ask,
  table: Judged,
  wanted: readonly Right[] = RIGHTS,
  /** Columns that the owner is about to add, on which column grants don't apply yet. */
  added: readonly string[] = [],
): Promise<readonly Finding[]> {
  const rights = RIGHTS.map(
    (right) => `'${right}', jsonb_build_object(
      'whole', has_table_privilege(r.oid, c.oid, '${right}'),
      'some', has_any_column_privilege(r.oid, c.oid, '${right}'),
      'lacking', array(select quote_ident(a.attname) from pg_attribute a
         where a.attrelid = c.oid and not a.attisdropped
           and a.attname = any(string_to_array('${COLUMNS[right].join(',')}', ','))
           and not has_column_privilege(r.oid, c.oid, a.attnum, '${right}') order by a.attnum))`,
  );
  const found = await ask(
    `select ${anyHidden(wanted)} as may_hide_rows, ${RESTRICTIVE} as restrictive,
            quote_ident(n.nspname) as schema, has_schema_privilege(r.oid, n.oid, 'USAGE') as schema_usage,
            jsonb_build_object(${rights.join(', ')}) as rights,
            array(select distinct format('%I.%I', m.nspname, s.relname) from pg_attrdef d
                    join pg_depend x on x.classid = 'pg_attrdef'::regclass and x.objid = d.oid and x.refclassid = 'pg_class'::regclass
                    join pg_class s on s.oid = x.refobjid join pg_namespace m on m.oid = s.relnamespace
                   where d.adrelid = c.oid
                     and case s.relkind when 'S' then not has_sequence_privilege(r.oid, s.oid, 'USAGE, UPDATE') else false end
                   order by 1) as sequences
       from pg_class c join pg_namespace n on n.oid = c.relnamespace, pg_roles r
      where c.oid = $1::oid and quote_ident(r.rolname) = $2`,
    [table.oid, table.role],
  );
  const [access] = parseRows(found, accessRow);
  if (access === undefined) return [blocks(`There is no role ${table.role}.`)];
  const findings: Finding[] = [];
  if (!access.schema_usage) {
    findings.push(
      blocks(
        `The role ${table.role} may not use the schema ${access.schema}.`,
        [`grant usage on schema ${access.schema} to ${table.role}`],
        'schema owner',
      ),
    );
  }
  if (access.may_hide_rows) findings.push(filteredFinding(table, access.restrictive));
  findings.push(...rightFindings(table, wanted, access.rights, added));
  for (const sequence of wanted.includes('INSERT') ? access.sequences : []) {
    findings.push(
      blocks(`The role ${table.role} may not use the sequence ${sequence}, so the app can’t add a promotion.`, [
        `grant usage on sequence ${sequence} to ${table.role}`,
      ]),
    );
  }
  return findings;
}

function filteredFinding({ name, role }: Judged, restrictive: readonly string[]): Finding {
  const says = `Row-level security applies to the role ${role} on ${name} and may hide rows, and a promotion in a hidden row would get stuck unseen.`;
  if (restrictive.length > 0) {
    return blocks(
      `${says} Its restrictive policy ${restrictive.join(', ')} can’t be outvoted.`,
      [`alter role ${role} bypassrls`],
      'superuser',
    );
  }
  return blocks(says, [`create policy flag_promotions on ${name} to ${role} using (true) with check (true)`]);
}

const DOES: Readonly<Record<Right, string>> = { SELECT: 'read', INSERT: 'insert', UPDATE: 'update' };
/** Not as the file loads: Intl takes 10 ms to read its data, and most starts lack no right. */
const anyOf = (does: readonly string[]): string => new Intl.ListFormat('en', { type: 'disjunction' }).format(does);

function rightFindings(
  { name, role }: Judged,
  wanted: readonly Right[],
  rights: Readonly<Record<Right, Granted>>,
  added: readonly string[],
): readonly Finding[] {
  const lacking = wanted.flatMap((right) => {
    const { whole, some, lacking: columns } = rights[right];
    const all = whole ? [] : [...columns, ...added.filter((column) => COLUMNS[right].includes(column))];
    return all.length === 0 ? [] : [{ right, some, list: all.join(', ') }];
  });
  const none = lacking.filter(({ some }) => !some).map(({ right }) => right);
  const verbs = none.map((right) => right.toLowerCase()).join(', ');
  return [
    ...(none.length === 0
      ? []
      : [
          blocks(`The role ${role} may not ${anyOf(none.map((right) => DOES[right]))} rows of ${name}.`, [
            `grant ${verbs} on ${name} to ${role}`,
          ]),
        ]),
    // Whoever granted single columns meant to grant only those.
    ...lacking.flatMap(({ right, some, list }) =>
      some
        ? [
            blocks(`The role ${role} may not ${DOES[right]} ${list} of ${name}.`, [
              `grant ${right.toLowerCase()} (${list}) on ${name} to ${role}`,
            ]),
          ]
        : [],
    ),
  ];
}
