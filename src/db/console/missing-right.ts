import * as z from 'zod';
import type { Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import type { Judged } from './judged.js';
import { functionsIn } from './trial.js';

/** A right that a refused write lacks. */
export interface MissingRight {
  /** As GRANT names it: `insert on console_history`. */
  readonly right: string;
  /** Quoted: who lacks it. */
  readonly role: string;
  /** Whether the table's owner can grant it. */
  readonly isTheirs: boolean;
}

const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  insert: ['INSERT'],
  update: ['SELECT', 'UPDATE'],
  delete: ['SELECT', 'DELETE'],
  select: ['SELECT'],
};

/** PostgreSQL's words may be in any language, but the names in them are as they are. */
const namesIn = (words: string): readonly string[] => [
  ...(words.match(/[A-Za-z0-9_$]+/gu) ?? []),
  ...(words.match(/[\p{L}\p{N}_$]+/gu) ?? []),
  ...[...words.matchAll(/"([^"]+)"|[\u00ab\u00bb\u201c-\u201e](.+?)[\u00ab\u00bb\u201c-\u201e]/gu)].flatMap(
    ([, straight, curly]) => straight ?? curly?.trim() ?? [],
  ),
];

const rightRow = z.object({ right: z.string(), role: z.string(), is_theirs: z.boolean() });

/**
 * The right, by the catalog, since PostgreSQL only names an object. Null if no object that it names is closed to the
 * role, or to the owner of the function that writes with its owner's rights.
 */
export async function missingRight(
  ask: Ask,
  { oid, role }: Judged,
  { words, where }: Refusal,
): Promise<MissingRight | null> {
  // The innermost statement comes first.
  const [verb = ''] = /\b(?:insert|update|delete|select)\b/iu.exec(where ?? '') ?? [];
  const found = await ask(
    `with who as (
       select coalesce((select f.proowner from pg_proc f where f.prosecdef and f.proname = any($3::text[])
                         order by array_position($3::text[], f.proname::text) limit 1), r.oid) as oid
         from pg_roles r where quote_ident(r.rolname) = $2),
     closed as (
       select format('usage on schema %I', n.nspname) as right, n.nspname::text as name, n.nspname::text as spelled, n.nspowner as owner
         from pg_namespace n, who where n.nspname = any($4::text[]) and not has_schema_privilege(who.oid, n.oid, 'USAGE')
       union all
       select format('usage on sequence %s', c.oid::regclass), c.relname::text, c.oid::regclass::text, c.relowner
         from pg_class c, who where c.relname = any($4::text[])
          and case c.relkind when 'S' then not has_sequence_privilege(who.oid, c.oid, 'USAGE') else false end
       union all
       select format('%s on %s', string_agg(lower(w.one), ', ' order by w.place), c.oid::regclass), c.relname::text, c.oid::regclass::text, c.relowner
         from pg_class c, who, unnest($5::text[]) with ordinality as w (one, place)
        where c.relname = any($4::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not has_table_privilege(who.oid, c.oid, w.one)
        group by c.oid, c.relname, c.relowner
       union all
       select format('execute on function %s', p.oid::regprocedure), p.proname::text, p.proname::text, p.proowner
         from pg_proc p, who where p.proname = any($4::text[]) and not has_function_privilege(who.oid, p.oid, 'EXECUTE'))
     select closed.right, quote_ident(pg_get_userbyid(who.oid)) as role, pg_has_role(t.relowner, closed.owner, 'USAGE') as is_theirs
       from closed, who, pg_class t where t.oid = $1::oid
      order by strpos($6, closed.spelled) = 0, array_position($4::text[], closed.name) desc, 1 limit 1`,
    [oid, role, functionsIn(where), namesIn(words), RIGHTS[verb.toLowerCase()] ?? [], where ?? ''],
  );
  const [missing] = parseRows(found, rightRow);
  return missing === undefined ? null : { right: missing.right, role: missing.role, isTheirs: missing.is_theirs };
}
