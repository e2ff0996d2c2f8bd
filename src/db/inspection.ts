import * as z from 'zod';
import { connect, type Knex } from './connection.js';
import { type Ask, askOf } from './console/ask.js';
import { describeOddities } from './console/describe.js';
import { inspectConsole, type ThereIsATable } from './console/ensure.js';
import { findOddStates } from './console/odd-states.js';
import { ConsoleTableError } from './console/refusal.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { findOddStarts, findTimeHints } from './console/time-hints.js';
import { installation } from './installation.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, SCHEMA } from './migrate.js';
import { operators } from './operators.js';
import type { PrimaryClient } from './primary-client.js';
import { countRow, parseRows } from './rows.js';

/** The table of promotions, as this account finds it. */
export interface PromotionsInspection {
  /** Qualified and quoted; null where there is none, or none that can be worked with. */
  readonly name: string | null;
  /** Why it can't be worked with, and what to do; null where it can, or where there is none yet. */
  readonly problem: string | null;
  /** What in it needs a look, in lines for people. */
  readonly oddities: readonly string[];
}

/** What a database is like, as this app finds it. */
export interface DatabaseInspection {
  readonly serverVersion: string;
  readonly isReadOnly: boolean;
  /** Migrations of this version that it lacks, and those of a newer one that it has. */
  readonly missingMigrations: readonly string[];
  readonly unknownMigrations: readonly string[];
  readonly mayCreate: boolean;
  readonly promotions: PromotionsInspection;
  /** `table: right`, for each right that the app needs and its account has not. */
  readonly missingRights: readonly string[];
  /** What keeps the audit log from being rewritten is switched off. */
  readonly auditUnguarded: boolean;
  readonly superadmins: number;
  readonly sealedSecrets: readonly { readonly slackUserId: string; readonly sealedSecret: string }[];
  /** The Slack workspace that it belongs to; null: none yet. */
  readonly slackTeamId: string | null;
  /** Where it was promoted last, each app with one config var. */
  readonly apps: readonly { readonly app: string; readonly configVar: string }[];
}

/** What the app does to its tables. */
const RIGHTS: Readonly<Record<string, string>> = {
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
export async function inspectDatabase(
  connectionString: string,
  settings: ConsoleSettings = USUAL_CONSOLE,
): Promise<DatabaseInspection> {
  const knex = connect(connectionString, { maxConnections: 1, acceptsStandby: true, console: null });
  try {
    const promotions = await inspectPromotions(knex, settings);
    const names = await tablesOf(knex);
    const ran = names.has(MIGRATIONS_TABLE) ? await migrationsRun(knex) : [];
    const hasOperators = names.has('flag_promotions.operators');
    return {
      ...(await serverFacts(knex)),
      missingMigrations: MIGRATION_NAMES.filter((name) => !ran.includes(name)),
      unknownMigrations: ran.filter((name) => !MIGRATION_NAMES.includes(name)),
      missingRights: await missingRights(knex, names, promotions.name),
      promotions,
      auditUnguarded: names.has('flag_promotions.audit_log') && !(await isAuditGuarded(knex)),
      superadmins: hasOperators ? (await operators(knex).superadmins()).length : 0,
      sealedSecrets: hasOperators ? await operators(knex).sealedSecrets() : [],
      apps: ran.length > 0 && promotions.name !== null ? await appsOf(knex, promotions.name) : [],
      slackTeamId: names.has('flag_promotions.installation') ? await installation(knex).workspace() : null,
    };
  } finally {
    await knex.destroy();
  }
}

async function inspectPromotions(knex: Knex, settings: ConsoleSettings): Promise<PromotionsInspection> {
  const connection: PrimaryClient = await knex.client.acquireConnection();
  try {
    const ask = askOf(connection);
    const inspected = await inspectConsole(ask, settings);
    if (inspected.kind === 'missing') return { name: null, problem: null, oddities: [] };
    return { name: inspected.facts.table.name, problem: null, oddities: await odditiesOf(ask, inspected) };
  } catch (error) {
    if (!(error instanceof ConsoleTableError)) throw error;
    return { name: null, problem: error.message, oddities: [] };
  } finally {
    await knex.client.releaseConnection(connection);
  }
}

async function odditiesOf(ask: Ask, { facts, dialect, steps }: ThereIsATable): Promise<readonly string[]> {
  if (steps.some(({ kind }) => kind === 'add_columns')) return [];
  const { states } = await findOddStates((sql) => ask(dialect.translate(sql)));
  const timeHints = await findTimeHints(ask, facts.table);
  return describeOddities({ oddStates: states, timeHints, oddStarts: await findOddStarts(ask, facts.table, dialect) });
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

async function missingRights(
  knex: Knex,
  tables: ReadonlySet<string>,
  promotions: string | null,
): Promise<readonly string[]> {
  const all = Object.entries(RIGHTS).filter(([table]) => tables.has(table));
  if (promotions !== null) all.unshift([promotions, 'SELECT,INSERT,UPDATE']);
  const wanted = all.flatMap(([table, rights]) => rights.split(',').map((right) => ({ table, right })));
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

async function appsOf(knex: Knex, promotions: string) {
  const found = await knex.raw(
    `select distinct on (heroku_app) heroku_app::text as app, coalesce(config_var, 'FLAG_' || upper(flag_key))::text as var
       from (select * from ${promotions} order by id desc limit 200) newest order by heroku_app, id desc limit ?`,
    [APPS_TRIED],
  );
  return parseRows(found, z.object({ app: z.string(), var: z.string() })).map(({ app, var: configVar }) => ({
    app,
    configVar,
  }));
}
