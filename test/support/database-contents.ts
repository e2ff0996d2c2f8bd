import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { escapeLiteral, type Pool } from 'pg';
import { UNUSED } from './session-pool.js';

/** What a new database holds. */
export interface Contents {
  /**
   * Makes the rows, the sequences and the clock what they were.
   * @returns false if anything else has changed, or somebody is still connected: then drop it
   */
  restore(): Promise<boolean>;
}

/** A client's session takes a moment to end. */
const LEAVES_WITHIN_MS = 1_000;

/** Of what tests use; PostgreSQL adds a row, or replaces one, for each change of the schema. */
const CATALOGS = [
  ...['pg_class', 'pg_attribute', 'pg_attrdef', 'pg_constraint', 'pg_index', 'pg_trigger', 'pg_type', 'pg_rewrite'],
  ...['pg_namespace', 'pg_policy', 'pg_extension', 'pg_event_trigger', 'pg_publication', 'pg_operator', 'pg_cast'],
  ...['pg_collation', 'pg_default_acl', 'pg_statistic', 'pg_statistic_ext', 'pg_inherits', 'pg_db_role_setting'],
];

/** Reads a new database as a superuser. */
export async function readContents(admin: Pool): Promise<Contents> {
  const relations = await admin.query<{ name: string; kind: 'table' | 'sequence' }>(`
    select oid::regclass::text as name, case relkind when 'r' then 'table' else 'sequence' end as kind
      from pg_class
     where relkind in ('r', 'S') and relnamespace::regnamespace::text in ('public', 'flag_promotions')`);
  const statements: string[] = [];
  const emptyTables: string[] = [];
  for (const { name, kind } of relations.rows) {
    const own = kind === 'table' ? await refill(admin, name) : await reset(admin, name);
    if (own === null) emptyTables.push(name);
    else statements.push(...own);
  }
  const { rows: clocks } = await admin.query<{ definition: string }>(
    `select pg_get_functiondef('flag_promotions.clock'::regproc) as definition`,
  );
  statements.push(...clocks.map(({ definition }) => definition));
  let schema = await schemaOf(admin);
  return {
    async restore() {
      const until = performance.now() + LEAVES_WITHIN_MS;
      while (await isInUse(admin)) {
        if (performance.now() > until) return false;
        await sleep(5);
      }
      if ((await schemaOf(admin)) !== schema) return false;
      const used = await filledOf(admin, emptyTables);
      // Rows that are only deleted leave room: the next ones would lie in another order.
      const truncate = used.length === 0 ? [] : [`truncate ${used.join(', ')} cascade`];
      // Triggers keep the audit log from being changed.
      const all = ['begin', 'set local session_replication_role = replica', ...truncate, ...statements, 'commit'];
      await admin.query(all.join(';\n'));
      // Of a truncated table, the catalog's row is another one.
      schema = await schemaOf(admin);
      return true;
    },
  };
}

async function filledOf(admin: Pool, tables: readonly string[]): Promise<readonly string[]> {
  const { rows } = await admin.query<{ name: string }>(
    'select name from unnest($1::text[]) as name where pg_relation_size(name::regclass) > 0',
    [tables],
  );
  return rows.map(({ name }) => name);
}

/** Null if the table is empty. */
async function refill(admin: Pool, table: string): Promise<readonly string[] | null> {
  const found = await admin.query<{ rows: string | null }>(`select json_agg(t)::text as rows from ${table} as t`);
  const rows = found.rows[0]?.rows ?? null;
  if (rows === null) return null;
  return [
    `delete from ${table}`,
    `insert into ${table} overriding system value
       select * from json_populate_recordset(null::${table}, ${escapeLiteral(rows)})`,
  ];
}

async function reset(admin: Pool, sequence: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ last: string; called: boolean }>(
    `select last_value as last, is_called as called from ${sequence}`,
  );
  return rows.map(({ last, called }) => `select setval('${sequence}', ${last}, ${called})`);
}

async function isInUse(admin: Pool): Promise<boolean> {
  const { rows } = await admin.query(
    `select from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid() and application_name <> $1`,
    [UNUSED],
  );
  return rows.length > 0;
}

/** Changes with each change of the schema. The clock is not part of it: it is a function that tests replace. */
async function schemaOf(admin: Pool): Promise<string> {
  const versions = CATALOGS.map((catalog) => `select count(*), max(xmin::text::bigint) from ${catalog}`);
  versions.push(`select count(*), max(xmin::text::bigint) from pg_proc where oid <> 'flag_promotions.clock'::regproc`);
  const { rows } = await admin.query(versions.join(' union all '));
  return JSON.stringify(rows);
}
