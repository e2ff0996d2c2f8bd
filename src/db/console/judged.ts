import * as z from 'zod';
import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import type { Dialect } from './dialect.js';
import type { Curers } from './finding.js';

/** The app's role, and who can run a cure for it. */
export interface Parties {
  /** Quoted where needed. */
  readonly role: string;
  readonly curers: Curers;
}

/** The console's table and the parties, as far as findings name them. */
export interface Judged extends Parties {
  readonly oid: string;
  /** As PostgreSQL's errors name it. */
  readonly schema: string;
  readonly relation: string;
  /** Qualified, and quoted where needed. */
  readonly name: string;
  readonly dialect: Dialect;
  spell(state: PromotionState): string;
}

const partiesRow = z.object({
  role: z.string(),
  table_owner: z.string().nullable(),
  schema_owner: z.string().nullable(),
  database_owner: z.string(),
  app_schema_owner: z.string().nullable(),
});

/** `oid`: the table's, null if there is none; `role`: unquoted, null: the one that asks. */
export async function readParties(
  ask: Ask,
  place: { readonly oid: string | null; readonly schema: string },
  role: string | null,
): Promise<Parties> {
  const found = await ask(
    `select quote_ident(coalesce($3, current_user)) as role, pg_get_userbyid(d.datdba) as database_owner,
            (select pg_get_userbyid(c.relowner) from pg_class c where c.oid = $1::oid) as table_owner,
            -- Whoever owns the database stands behind this role.
            (select case when pg_get_userbyid(n.nspowner) = 'pg_database_owner' then pg_get_userbyid(d.datdba)
                         else pg_get_userbyid(n.nspowner) end from pg_namespace n where n.nspname = $2) as schema_owner,
            (select pg_get_userbyid(o.nspowner) from pg_namespace o where o.nspname = 'flag_promotions') as app_schema_owner
       from pg_database d where d.datname = current_database()`,
    [place.oid, place.schema, role],
  );
  const [facts] = parseRows(found, partiesRow);
  if (facts === undefined) throw new Error('The database has no row of its own.');
  return {
    role: facts.role,
    curers: {
      superuser: 'a superuser',
      'database owner': `the owner of the database (${facts.database_owner})`,
      'schema owner': `the owner of the schema ${place.schema} (${facts.schema_owner ?? facts.database_owner})`,
      'table owner': `the owner of the table (${facts.table_owner ?? facts.role})`,
      'app schema owner': `the owner of the schema flag_promotions (${facts.app_schema_owner ?? facts.role})`,
    },
  };
}

export async function readJudged(
  ask: Ask,
  table: { readonly oid: string; readonly name: string; readonly schema: string },
  dialect: Dialect,
  role: string | null,
): Promise<Judged> {
  const found = await ask('select relname::text as name from pg_class where oid = $1::oid', [table.oid]);
  const [relation] = parseRows(found, z.object({ name: z.string() }));
  if (relation === undefined) throw new Error(`The table ${table.name} is gone.`);
  const words = new Map(PROMOTION_STATES.map((state) => [state, wordIn(dialect.translate(`{'${state}'}`))]));
  return {
    ...(await readParties(ask, table, role)),
    oid: table.oid,
    schema: table.schema,
    relation: relation.name,
    name: table.name,
    dialect,
    spell: (state) => words.get(state) ?? state,
  };
}

function wordIn(literal: string): string {
  const [, text = literal] = /^'((?:[^']|'')*)'/u.exec(literal) ?? [];
  return text.replaceAll("''", "'");
}
