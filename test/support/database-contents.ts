import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { escapeLiteral, type Pool } from 'pg';
import { UNUSED } from './session-pool.js';

/** What a new database holds. */
export interface Contents {
  /**
   * Makes the rows, the sequences and the clock what they were.
   * @returns false if anything else has changed, it has grown, or somebody is still connected: then drop it
   */
  restore(): Promise<boolean>;
}

/** Removed rows keep their room, and slow down what reads past them. */
const MOST_BYTES = 2_000_000;

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
  for (const { name, kind } of relations.rows) {
    statements.push(...(await (kind === 'table' ? refill(admin, name) : reset(admin, name))));
  }
  const { rows: clocks } = await admin.query<{ definition: string }>(
    `select pg_get_functiondef('flag_promotions.clock'::regproc) as definition`,
  );
  statements.push(...clocks.map(({ definition }) => definition));
  // Triggers keep the audit log from being changed.
  const restoring = ['begin', 'set local session_replication_role = replica', ...statements, 'commit'].join(';\n');
  const before = await schemaOf(admin);
  return {
    async restore() {
      const until = performance.now() + LEAVES_WITHIN_MS;
      while (await isInUse(admin)) {
        if (performance.now() > until) return false;
        await sleep(5);
      }
      if ((await bytesOf(admin)) > MOST_BYTES || (await schemaOf(admin)) !== before) return false;
      await admin.query(restoring);
      return true;
    },
  };
}

async function refill(admin: Pool, table: string): Promise<readonly string[]> {
  const found = await admin.query<{ rows: string | null }>(`select json_agg(t)::text as rows from ${table} as t`);
  const rows = found.rows[0]?.rows ?? null;
  const insert = `insert into ${table} overriding system value select * from json_populate_recordset(null::${table}, `;
  return [`delete from ${table}`, ...(rows === null ? [] : [`${insert}${escapeLiteral(rows)})`])];
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

async function bytesOf(admin: Pool): Promise<number> {
  const { rows } = await admin.query<{ bytes: string }>(
    `select sum(pg_relation_size(oid)) as bytes from pg_class where relkind = 'r' and oid >= 16384`,
  );
  return Number(rows[0]?.bytes);
}

/** Changes with each change of the schema. The clock is not part of it: it is a function that tests replace. */
async function schemaOf(admin: Pool): Promise<string> {
  const versions = CATALOGS.map((catalog) => `select count(*), max(xmin::text::bigint) from ${catalog}`);
  versions.push(`select count(*), max(xmin::text::bigint) from pg_proc where oid <> 'flag_promotions.clock'::regproc`);
  const { rows } = await admin.query(versions.join(' union all '));
  return JSON.stringify(rows);
}
