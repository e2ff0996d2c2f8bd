import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { ConsoleTableError } from './refusal.js';

/* What every other question needs: a role, PostgreSQL's functions, and an encoding that holds more than ASCII. */

/** What our SQL calls and everybody may, unless somebody has revoked it. A test checks that none is missing. */
export const FUNCTIONS =
  `array_agg array_append array_position bool_and bool_or cardinality ceil clock_timestamp col_description convert convert_from
  convert_to count current_database current_schemas current_setting decode encode enum_eq extract floor format format_type
  gen_random_uuid getdatabaseencoding has_any_column_privilege has_column_privilege has_database_privilege
  has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege has_table_privilege
  has_tablespace_privilege hashtext isfinite json_agg json_build_object jsonb_agg jsonb_array_elements
  jsonb_array_elements_text jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_object_agg jsonb_populate_record jsonb_set
  left length lower max min now obj_description octet_length percentile_cont pg_advisory_xact_lock
  pg_advisory_xact_lock_shared pg_backend_pid pg_column_size pg_current_snapshot pg_encoding_to_char pg_get_constraintdef pg_get_expr
  pg_get_triggerdef pg_get_userbyid pg_has_role pg_is_in_recovery pg_notify pg_sequence_last_value pg_snapshot_xmax pg_snapshot_xmin
  pg_try_advisory_xact_lock position quote_ident regexp_replace repeat replace round set_config setval sha256
  starts_with string_agg string_to_array strpos substr substring sum to_char to_jsonb to_regclass to_regnamespace to_regrole to_timestamp
  translate unnest upper`.split(/\s+/u);

/** The same of its catalog. Without pg_db_role_setting, the session's time zone will do. */
export const RELATIONS =
  `pg_attrdef pg_attribute pg_class pg_constraint pg_database pg_depend pg_enum pg_event_trigger pg_index
  pg_inherits pg_locks pg_namespace pg_policy pg_proc pg_publication pg_publication_rel pg_publication_tables pg_rewrite
  pg_roles pg_sequence pg_settings pg_stat_progress_create_index pg_subscription_rel pg_tablespace pg_trigger pg_type`.split(
    /\s+/u,
  );

const basicsRow = z.object({
  encoding: z.string(),
  database: z.string(),
  role: z.string().nullable(),
  functions: z.array(z.string()),
  relations: z.array(z.string()),
});

/**
 * Before any other question, because ours need all of these. `role`: the one that runs the app, unquoted; null: the one
 * that asks.
 * @throws ConsoleTableError
 */
export async function refuseWithoutBasics(ask: Ask, role: string | null = null): Promise<void> {
  const found = await ask(
    `select pg_encoding_to_char(d.encoding) as encoding, quote_ident(d.datname) as database, r.oid::regrole::text as role,
            array(select p.oid::regprocedure::text from pg_proc p
                   where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is not null and p.proname = any($2)
                     and not has_function_privilege(r.oid, p.oid, 'EXECUTE') order by 1) as functions,
            array(select c.relname::text from pg_class c
                   where c.relnamespace = 'pg_catalog'::regnamespace and c.relname = any($3)
                     and not has_table_privilege(r.oid, c.oid, 'SELECT') order by 1) as relations
       from pg_database d, to_regrole(quote_ident(coalesce($1, current_user))) r (oid)
      where d.datname = current_database()`,
    [role, FUNCTIONS, RELATIONS],
  );
  const [basics] = parseRows(found, basicsRow);
  if (basics === undefined) throw new Error('pg_database has no row for this database.');
  // The roles come second: nobody may read them if that right was revoked.
  const says = faultOf(basics, role) ?? (await tooFewConnections(ask, role));
  if (says !== null) throw new ConsoleTableError(`${says}${says.endsWith(';') ? '\n' : ' '}Nothing was changed.`);
}

/** A migration's: the lock's, the work's, and the progress of an index. */
const LEAST_CONNECTIONS = 3;

const limitsRow = z.object({ role: z.string(), database: z.string(), of_role: z.number(), of_database: z.number() });

/** PostgreSQL limits no superuser: https://www.postgresql.org/docs/current/sql-createrole.html */
async function tooFewConnections(ask: Ask, role: string | null): Promise<string | null> {
  const found = await ask(
    `select quote_ident(r.rolname) as role, quote_ident(d.datname) as database, r.rolconnlimit as of_role, d.datconnlimit as of_database
       from pg_roles r, pg_database d
      where r.rolname = coalesce($1, current_user) and d.datname = current_database() and not r.rolsuper`,
    [role],
  );
  const [limits] = parseRows(found, limitsRow);
  if (limits === undefined) return null;
  const tooFew = (limit: number): boolean => limit >= 0 && limit < LEAST_CONNECTIONS;
  const explain = (what: string, limit: number): string =>
    `The ${what} takes only ${limit} ${limit === 1 ? 'connection' : 'connections'} at once. A migration needs three, and each replica DATABASE_POOL_MAX and one more. As a superuser, run: alter ${what} connection limit 20;`;
  if (tooFew(limits.of_role)) return explain(`role ${limits.role}`, limits.of_role);
  return tooFew(limits.of_database) ? explain(`database ${limits.database}`, limits.of_database) : null;
}

function faultOf(
  { encoding, database, role, functions, relations }: z.output<typeof basicsRow>,
  wanted: string | null,
) {
  if (role === null) return `There is no role ${wanted}. Check what --role names.`;
  const lacking = [
    ...(functions.length === 0 ? [] : [`execute on function ${functions.join(', ')}`]),
    ...(relations.length === 0 ? [] : [`select on ${relations.join(', ')}`]),
  ];
  if (lacking.length > 0) {
    const grants = lacking.map((right) => `grant ${right} to ${role};`);
    return `The role ${role} lacks a right that PostgreSQL gives everybody: ${lacking.join('; ')}. As a superuser, run: ${grants.join(' ')}`;
  }
  // SQL_ASCII doesn't convert bytes.
  if (['UTF8', 'SQL_ASCII'].includes(encoding)) return null;
  return `The database ${database} is encoded in ${encoding}, which can’t hold what people type in Slack (’, –, 🚩). Move it to one of encoding UTF8: createdb -E UTF8 -T template0, then pg_dump and pg_restore.`;
}
