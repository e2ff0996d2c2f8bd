import * as z from 'zod';
import { parseRows } from '../rows.js';
import { mayHideRows } from './access.js';
import type { Ask } from './ask.js';
import type { Inspected } from './ensure.js';
import { blocks, type Finding } from './finding.js';
import type { Parties } from './judged.js';
import { quotedName } from './dialect.js';
import type { Step } from './plan.js';
import type { ConsoleTable } from './table.js';

/* A role's rights besides the promotions: to migrate, and on the app's own tables. */

/** What the app does to its own tables. A test checks that none is missing. */
const OWN_RIGHTS: Readonly<Record<string, string>> = {
  operators: 'SELECT,INSERT,UPDATE,DELETE',
  enrolments: 'SELECT,INSERT,UPDATE,DELETE',
  recovery_codes: 'SELECT,INSERT,UPDATE,DELETE',
  audit_log: 'SELECT,INSERT',
  audit_head: 'SELECT',
  audit_seals: 'SELECT,INSERT',
  audit_witnesses: 'SELECT,INSERT,UPDATE',
  alerts: 'SELECT,INSERT,UPDATE,DELETE',
  messages: 'SELECT,INSERT,UPDATE,DELETE',
  maintenance: 'SELECT,INSERT,UPDATE',
  taken_requests: 'SELECT,INSERT,DELETE',
  denials: 'SELECT,INSERT,UPDATE,DELETE',
  memberships: 'SELECT,INSERT,UPDATE,DELETE',
  attention: 'SELECT,INSERT,UPDATE,DELETE',
  channel_slots: 'SELECT,INSERT,UPDATE',
  installation: 'SELECT,UPDATE',
  heroku_requests: 'SELECT,INSERT,UPDATE',
  looks: 'SELECT,INSERT,UPDATE,DELETE',
  held_up: 'SELECT,INSERT,UPDATE,DELETE',
  drifts: 'SELECT,INSERT,UPDATE,DELETE',
  drift_looks: 'SELECT,INSERT,UPDATE',
  verifications: 'SELECT,INSERT,UPDATE,DELETE',
  drills: 'SELECT,INSERT,UPDATE,DELETE',
  migrations: 'SELECT',
};
const SCHEMA = 'flag_promotions';

const writesRow = z.object({
  read_only: z.boolean(),
  standby: z.boolean(),
  name: z.string(),
  role: z.string(),
  /** Where default_transaction_read_only was set. */
  source: z.string(),
});

/** Why the session is read-only, if so: the database, the role or the address may say so, or the server is a standby. */
export async function judgeWrites(ask: Ask): Promise<readonly Finding[]> {
  const found = await ask(
    `select current_setting('transaction_read_only') = 'on' as read_only, pg_is_in_recovery() as standby,
            quote_ident(current_database()) as name, quote_ident(session_user) as role,
            (select source from pg_settings where name = 'default_transaction_read_only') as source`,
  );
  const [database] = parseRows(found, writesRow);
  if (database === undefined) throw new Error('The database has no name.');
  return database.read_only ? [readOnly(database)] : [];
}

function readOnly({ standby, source, name, role }: z.output<typeof writesRow>): Finding {
  switch (standby ? 'standby' : source) {
    case 'client':
      return blocks(
        'The options in DATABASE_URL, or PGOPTIONS, set default_transaction_read_only, so the app can’t write. Take it out there.',
      );
    case 'session':
      return blocks(
        'A pooler or an event trigger sets default_transaction_read_only in each new session, so the app can’t write. Take it out there.',
      );
    case 'user':
    case 'database user': {
      const where = source === 'user' ? '' : ` in database ${name}`;
      return blocks(
        `The account ${role} takes no writes: its default_transaction_read_only is on.`,
        [WRITABLE, `alter role ${role}${where} set default_transaction_read_only = off`],
        'superuser',
      );
    }
    default:
      return {
        ...blocks(
          `The database ${name} takes no writes. If it is a standby, point DATABASE_URL at the primary.`,
          // Not RESET: the server, or all roles, may have it on, too.
          [WRITABLE, `alter database ${name} set default_transaction_read_only = off`],
          'database owner',
        ),
        mayPass: true,
      };
  }
}

/** For the cure itself. */
const WRITABLE = 'set default_transaction_read_only = off';

const migrationRow = z.object({
  exists: z.boolean(),
  may_use: z.boolean(),
  may_make_schema: z.boolean(),
  is_ours: z.boolean(),
  others: z.array(z.string()),
  strangers: z.array(z.string()),
});

/** Why the asking role can't migrate the schema or the console's table. `lacksMigrations`: whether some have to run. */
export async function judgeMigration(
  ask: Ask,
  { role, curers }: Parties,
  inspected: Inspected,
  lacksMigrations: boolean,
): Promise<readonly Finding[]> {
  return [
    ...(lacksMigrations ? await judgeOwnSchema(ask, role, curers['app schema owner']) : []),
    ...(await judgeTablePlace(ask, role, inspected)),
  ];
}

async function judgeOwnSchema(ask: Ask, role: string, owner: string): Promise<readonly Finding[]> {
  const found = await ask(
    `select n.oid is not null as exists, has_database_privilege(current_database(), 'CREATE') as may_make_schema,
            coalesce(has_schema_privilege(n.oid, 'USAGE') and has_schema_privilege(n.oid, 'CREATE'), false) as may_use,
            exists (select from pg_class c where c.relnamespace = n.oid and c.relname = 'migrations') as is_ours,
            array(select c.relname::text from pg_class c where c.relnamespace = n.oid and c.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
                  union select p.proname::text from pg_proc p where p.pronamespace = n.oid
                  union select y.typname::text from pg_type y where y.typnamespace = n.oid and y.typrelid = 0 and y.typelem = 0
                  order by 1 limit 3) as others,
            array(select distinct pg_get_userbyid(c.relowner)::text from pg_class c
                   where c.relnamespace = n.oid and c.relkind = 'r' and not pg_has_role(c.relowner, 'USAGE')) as strangers
       from (select 1) one left join pg_namespace n on n.nspname = '${SCHEMA}'`,
  );
  const [schema] = parseRows(found, migrationRow);
  if (schema === undefined) throw new Error('The schema had no row.');
  if (!schema.exists) {
    return schema.may_make_schema
      ? []
      : [
          blocks(
            `The role ${role} may not make the schema ${SCHEMA}, which holds the app’s own tables.`,
            [`create schema ${SCHEMA} authorization ${role}`],
            'database owner',
          ),
        ];
  }
  if (!schema.may_use) {
    return schema.is_ours
      ? [
          blocks(
            `The schema ${SCHEMA} is not up to date. Run flag-promotions migrate as ${owner}.`,
            [],
            'app schema owner',
          ),
        ]
      : [
          blocks(
            `The role ${role} may not make tables in the schema ${SCHEMA}.`,
            [`grant usage, create on schema ${SCHEMA} to ${role}`],
            'app schema owner',
          ),
        ];
  }
  if (!schema.is_ours && schema.others.length > 0) {
    return [
      blocks(
        `The schema ${SCHEMA} holds something else (${schema.others.join(', ')}), and the app keeps its own tables in one of that name.`,
        [`alter schema ${SCHEMA} rename to ${SCHEMA}_before`],
        'app schema owner',
      ),
    ];
  }
  return schema.strangers.length === 0
    ? []
    : [
        blocks(
          `The tables in the schema ${SCHEMA} are ${schema.strangers.join(' and ')}’s. Run flag-promotions migrate as that role.`,
          [],
          'app schema owner',
        ),
      ];
}

const placeRow = z.object({
  is_owner: z.boolean(),
  may_create: z.boolean(),
  owner: z.string(),
  owner_may_create: z.boolean(),
});
/** PostgreSQL's limit, which includes dropped columns. */
const MOST_COLUMNS = 1_600;

async function judgeTablePlace(ask: Ask, role: string, inspected: Inspected): Promise<readonly Finding[]> {
  if (inspected.kind === 'missing') {
    const found = await ask(
      `select has_schema_privilege(quote_ident_to_oid.oid, 'CREATE') as yes from
      (select oid from pg_namespace where quote_ident(nspname) = $1) quote_ident_to_oid`,
      [inspected.schema],
    );
    const [row] = parseRows(found, z.object({ yes: z.boolean() }));
    if (row?.yes !== false) return [];
    return [
      blocks(
        `There is no table of promotions, and the role ${role} may not make one in the schema ${inspected.schema}. If the console has one, set CONSOLE_TABLE to it.`,
        [`grant create on schema ${inspected.schema} to ${role}`],
        'schema owner',
      ),
    ];
  }
  const { steps, facts } = inspected;
  const { table } = facts;
  if (steps.length === 0) return [];
  const found = await ask(
    `select pg_has_role(c.relowner, 'USAGE') as is_owner, has_schema_privilege(c.relnamespace, 'CREATE') as may_create,
            quote_ident(pg_get_userbyid(c.relowner)) as owner, has_schema_privilege(c.relowner, c.relnamespace, 'CREATE') as owner_may_create,
            (select max(attnum) from pg_attribute a where a.attrelid = c.oid)::int as last_column
       from pg_class c where c.oid = $1::oid`,
    [table.oid],
  );
  const [place] = parseRows(found, placeRow.extend({ last_column: z.number() }));
  if (place === undefined) throw new Error(`The table ${table.name} is gone.`);
  const added = steps.flatMap((step) => (step.kind === 'add_columns' ? step.columns : [])).length;
  const findings: Finding[] = [];
  if (place.last_column + added > MOST_COLUMNS) {
    findings.push(
      blocks(
        `${table.name} has no room for ${added} more columns: PostgreSQL counts ${place.last_column} of at most ${MOST_COLUMNS}, dropped ones included. Copy it to a new table (create table … as, or pg_dump), and set CONSOLE_TABLE to that.`,
      ),
    );
  }
  findings.push(...(await judgeIndexNames(ask, table, steps)));
  const builds = steps.some(({ kind }) => kind === 'build_index');
  const maker = place.is_owner
    ? { name: role, may: place.may_create }
    : { name: place.owner, may: place.owner_may_create };
  if (builds && !maker.may) {
    findings.push(
      blocks(
        `${maker.name} may not make an index in the schema of ${table.name}.`,
        [`grant create on schema ${quotedSchema(table.name, table.schema)} to ${maker.name}`],
        'schema owner',
      ),
    );
  }
  if (!place.is_owner) {
    // Without statistics of the new expressions, PostgreSQL takes every state for rare.
    const statements = [...steps.flatMap(statementsOf), ...(builds ? [`analyze ${table.name}`] : [])];
    findings.push(blocks(`${table.name} lacks ${lacking(steps)}, and only its owner can add them.`, statements));
  }
  return findings;
}

const takenRow = z.object({ taken: z.string(), holder: z.string(), free: z.string() });

/** Another table's indexes with the names that ours will have, as after the console swapped its table for a new one. */
async function judgeIndexNames(
  ask: Ask,
  { oid, name }: ConsoleTable,
  steps: readonly Step[],
): Promise<readonly Finding[]> {
  const names = steps.flatMap((step) => (step.kind === 'build_index' ? [step.index.name] : []));
  const found = await ask(
    `select quote_ident(n.nspname) || '.' || i.relname as taken, quote_ident(n.nspname) || '.' || quote_ident(o.relname) as holder,
            i.relname || '_' || o.oid as free
       from pg_class c join pg_class i on i.relnamespace = c.relnamespace and i.relname = any($2)
       join pg_namespace n on n.oid = i.relnamespace join pg_index x on x.indexrelid = i.oid join pg_class o on o.oid = x.indrelid
      where c.oid = $1::oid and o.oid <> c.oid order by 1`,
    [oid, names],
  );
  const taken = parseRows(found, takenRow);
  const holders = [...new Set(taken.map(({ holder }) => holder))].join(' and ');
  return taken.length === 0
    ? []
    : [
        blocks(
          `${holders} has indexes with the names that the app’s own on ${name} need.`,
          taken.map((index) => `alter index ${index.taken} rename to ${index.free}`),
        ),
      ];
}

const quotedSchema = (name: string, schema: string): string => (name.startsWith('"') ? quotedName(schema) : schema);

function lacking(steps: readonly Step[]): string {
  const columns = steps.flatMap((step) => (step.kind === 'add_columns' ? step.columns : [])).length;
  const indexes = steps.filter(({ kind }) => kind !== 'add_columns').length;
  const counted = (n: number, one: string, many: string) => (n === 0 ? [] : [n === 1 ? `one ${one}` : `${n} ${many}`]);
  return [...counted(columns, 'column', 'columns'), ...counted(indexes, 'index', 'indexes')].join(' and ');
}

const statementsOf = (step: Step): readonly string[] => (typeof step.sql === 'string' ? [step.sql] : step.sql);

const ownRow = z.object({
  schema_usage: z.boolean(),
  lacking: z.array(z.object({ table: z.string(), rights: z.string() })),
  functions: z.array(z.string()),
  filtered: z.array(z.string()),
});

/** Rights that the role lacks on the app's own tables, as far as these exist. */
export async function judgeOwnTables(ask: Ask, { role }: Parties): Promise<readonly Finding[]> {
  const wanted = Object.entries(OWN_RIGHTS).flatMap(([table, rights]) =>
    rights.split(',').map((right) => ({ table, right })),
  );
  const found = await ask(
    `select has_schema_privilege(r.oid, n.oid, 'USAGE') as schema_usage,
            coalesce((select jsonb_agg(jsonb_build_object('table', l.name, 'rights', l.rights) order by l.name) from (
               select w.one ->> 'table' as name, string_agg(lower(w.one ->> 'right'), ', ' order by w.place) as rights
                 from jsonb_array_elements($1::jsonb) with ordinality as w (one, place)
                 join pg_class c on c.relname = w.one ->> 'table' and c.relnamespace = n.oid
                where not has_table_privilege(r.oid, c.oid, w.one ->> 'right') group by 1) l), '[]') as lacking,
            array(select p.oid::regprocedure::text from pg_proc p
                   where p.pronamespace = n.oid and not has_function_privilege(r.oid, p.oid, 'EXECUTE') order by 1) as functions,
            array(select distinct c.relname::text from jsonb_array_elements($1::jsonb) as w (one)
                    join pg_class c on c.relname = w.one ->> 'table' and c.relnamespace = n.oid
                   where ${mayHideRows("(w.one ->> 'right')")} order by 1) as filtered
       from pg_namespace n, pg_roles r where n.nspname = '${SCHEMA}' and quote_ident(r.rolname) = $2
        and exists (select from pg_class c where c.relnamespace = n.oid and c.relname = 'migrations')`,
    [JSON.stringify(wanted), role],
  );
  const [own] = parseRows(found, ownRow);
  if (own === undefined) return [];
  const grants = [
    ...(own.schema_usage ? [] : [`grant usage on schema ${SCHEMA} to ${role}`]),
    ...own.lacking.map(({ table, rights }) => `grant ${rights} on ${SCHEMA}.${table} to ${role}`),
    ...own.functions.map((name) => `grant execute on function ${name} to ${role}`),
  ];
  const hidden = filteredTables(role, own.filtered);
  if (grants.length === 0) return hidden;
  const list = own.lacking.map(({ table, rights }) => `${rights} on ${table}`).join('; ');
  const what = own.schema_usage ? list : 'the right to use it';
  return [
    blocks(
      `The role ${role} lacks in the schema ${SCHEMA}, which holds the app’s own tables: ${what || 'the right to call its functions'}.`,
      grants,
      'app schema owner',
    ),
    ...hidden,
  ];
}

function filteredTables(role: string, tables: readonly string[]): readonly Finding[] {
  if (tables.length === 0) return [];
  return [
    blocks(
      `Row-level security applies to the role ${role} on the app’s own tables (${tables.join(', ')}), so it can’t read or write them all.`,
      tables.map((table) => `alter table ${SCHEMA}.${table} disable row level security`),
      'app schema owner',
    ),
  ];
}
