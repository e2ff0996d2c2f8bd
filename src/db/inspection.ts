import * as z from 'zod';
import { connect, type Knex } from './connection.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, SCHEMA } from './migrate.js';
import { operators } from './operators.js';
import { countRow, parseRows } from './rows.js';

/** What a database is like, as this app finds it. */
export interface DatabaseInspection {
  readonly serverVersion: string;
  readonly isReadOnly: boolean;
  /** Migrations of this version that it lacks, and those of a newer one that it has. */
  readonly missingMigrations: readonly string[];
  readonly unknownMigrations: readonly string[];
  readonly mayCreate: boolean;
  /** `table: right`, for each right that the app needs and its account has not. */
  readonly missingRights: readonly string[];
  /** What keeps the audit log from being rewritten is switched off. */
  readonly auditUnguarded: boolean;
  readonly superadmins: number;
  readonly sealedSecrets: readonly { readonly slackUserId: string; readonly sealedSecret: string }[];
  /** Where it was promoted last, each app with one config var. */
  readonly apps: readonly { readonly app: string; readonly configVar: string }[];
}

/** What the app does to its tables. */
const RIGHTS: Readonly<Record<string, string>> = {
  console_flag_promotions: 'SELECT,INSERT,UPDATE',
  'flag_promotions.operators': 'SELECT,INSERT,UPDATE',
  'flag_promotions.enrolments': 'SELECT,INSERT,UPDATE',
  'flag_promotions.recovery_codes': 'SELECT,INSERT,UPDATE,DELETE',
  'flag_promotions.audit_log': 'SELECT,INSERT',
  'flag_promotions.audit_head': 'SELECT,UPDATE',
  'flag_promotions.alerts': 'SELECT,INSERT,UPDATE,DELETE',
  'flag_promotions.messages': 'SELECT,INSERT,UPDATE,DELETE',
  'flag_promotions.maintenance': 'SELECT,INSERT,UPDATE',
  'flag_promotions.taken_requests': 'SELECT,INSERT,DELETE',
  'flag_promotions.attention': 'SELECT,INSERT,UPDATE,DELETE',
  'flag_promotions.channel_slots': 'SELECT,INSERT,UPDATE',
  'flag_promotions.installation': 'SELECT,UPDATE',
};
const APPS_TRIED = 5;
const GUARDS = ['audit_log_chain', 'audit_log_append_only', 'audit_log_no_truncate'];

/** Looks at a database, and changes nothing in it. @throws where it cannot be reached or read */
export async function inspectDatabase(connectionString: string): Promise<DatabaseInspection> {
  const knex = connect(connectionString, { maxConnections: 1, acceptsStandby: true });
  try {
    const names = await tablesOf(knex);
    const ran = names.has(MIGRATIONS_TABLE) ? await migrationsRun(knex) : [];
    const hasOperators = names.has('flag_promotions.operators');
    return {
      ...(await serverFacts(knex)),
      missingMigrations: MIGRATION_NAMES.filter((name) => !ran.includes(name)),
      unknownMigrations: ran.filter((name) => !MIGRATION_NAMES.includes(name)),
      missingRights: await missingRights(knex, names),
      auditUnguarded: names.has('flag_promotions.audit_log') && !(await isAuditGuarded(knex)),
      superadmins: hasOperators ? (await operators(knex).superadmins()).length : 0,
      sealedSecrets: hasOperators ? await operators(knex).sealedSecrets() : [],
      apps: ran.length > 0 && names.has('console_flag_promotions') ? await appsOf(knex) : [],
    };
  } finally {
    await knex.destroy();
  }
}

async function serverFacts(knex: Knex) {
  const found = await knex.raw(
    `select current_setting('server_version') as version, current_setting('transaction_read_only') = 'on' as read_only,
            (select bool_or(has_schema_privilege(s, 'CREATE')) from unnest(current_schemas(false)) s where s <> ?)
              and case when to_regnamespace(?) is null then has_database_privilege(current_database(), 'CREATE')
                       else has_schema_privilege(?, 'CREATE') end as may_create`,
    [SCHEMA, SCHEMA, SCHEMA],
  );
  const row = z.object({ version: z.string(), read_only: z.boolean(), may_create: z.boolean().nullable() });
  const [facts] = parseRows(found, row);
  if (facts === undefined) throw new Error('PostgreSQL told nothing of itself.');
  return {
    serverVersion: facts.version,
    isReadOnly: facts.read_only,
    mayCreate: facts.may_create ?? false,
  };
}

async function tablesOf(knex: Knex): Promise<ReadonlySet<string>> {
  const found = await knex.raw(
    'select name from jsonb_array_elements_text(?::jsonb) as name where to_regclass(name) is not null',
    [JSON.stringify([...Object.keys(RIGHTS), MIGRATIONS_TABLE])],
  );
  return new Set(parseRows(found, z.object({ name: z.string() })).map(({ name }) => name));
}

async function migrationsRun(knex: Knex): Promise<readonly string[]> {
  const found = await knex.raw('select name from ?? order by id', [MIGRATIONS_TABLE]);
  return parseRows(found, z.object({ name: z.string() })).map(({ name }) => name);
}

async function missingRights(knex: Knex, tables: ReadonlySet<string>): Promise<readonly string[]> {
  const wanted = Object.entries(RIGHTS).flatMap(([table, rights]) =>
    tables.has(table) ? rights.split(',').map((right) => ({ table, right })) : [],
  );
  const found = await knex.raw(
    `select w ->> 'table' as "table", w ->> 'right' as "right" from jsonb_array_elements(?::jsonb) as w
      where not has_table_privilege(w ->> 'table', w ->> 'right')`,
    [JSON.stringify(wanted)],
  );
  return parseRows(found, z.object({ table: z.string(), right: z.string() })).map(
    ({ table, right }) => `${right} on ${table}`,
  );
}

async function isAuditGuarded(knex: Knex): Promise<boolean> {
  const found = await knex.raw(
    `select count(*) as n from pg_trigger
      where tgrelid = 'flag_promotions.audit_log'::regclass and tgenabled <> 'D' and tgname = any(array(select jsonb_array_elements_text(?::jsonb)))`,
    [JSON.stringify(GUARDS)],
  );
  return parseRows(found, countRow)[0]?.n === GUARDS.length;
}

async function appsOf(knex: Knex) {
  const found = await knex.raw(
    `select distinct on (heroku_app) heroku_app::text as app, coalesce(config_var, 'FLAG_' || upper(flag_key))::text as var
       from (select * from console_flag_promotions order by id desc limit 200) newest order by heroku_app, id desc limit ?`,
    [APPS_TRIED],
  );
  return parseRows(found, z.object({ app: z.string(), var: z.string() })).map(({ app, var: configVar }) => ({
    app,
    configVar,
  }));
}
