import { CONFIG_VAR } from './console/columns.js';
import * as z from 'zod';
import type { Seal } from '../audit/seal.js';
import { type ClockReading, compareClocks } from '../promotions/clock.js';
import { connect, type Knex } from './connection.js';
import { type Ask, askOf } from './console/ask.js';
import { refuseWithoutBasics } from './console/basics.js';
import { describeOddities } from './console/describe.js';
import { type Inspected, inspectConsole, type ThereIsATable } from './console/ensure.js';
import { describeFinding } from './console/finding.js';
import { findOddStates } from './console/odd-states.js';
import { ConsoleTableError } from './console/refusal.js';
import { judgeOrAsk } from './console/refuse.js';
import { type ConsoleSettings, USUAL_CONSOLE } from './console/settings.js';
import { namesakesOf } from './console/table.js';
import { findOddStarts, findTimeHints } from './console/time-hints.js';
import { installation } from './installation.js';
import { MIGRATION_NAMES, MIGRATIONS_TABLE, progressOf, SCHEMA } from './migrate.js';
import { operators } from './operators.js';
import type { PrimaryClient } from './primary-client.js';
import { countRow, parseRows } from './rows.js';
import { SEAL_COLUMNS, sealRow } from './stored-audit.js';

interface PromotionsInspection {
  /** Qualified and quoted; null if there is none, or none usable. */
  readonly name: string | null;
  /** Why it can't be used, and what to do; null if it can, or is missing. */
  readonly problem: string | null;
  /** What in it needs a look, in lines for people. */
  readonly oddities: readonly string[];
}

/** A problem, with what to run, on one line. */
interface InspectedFinding {
  readonly isOfPromotions: boolean;
  /** Otherwise something fails now and then. */
  readonly blocks: boolean;
  readonly says: string;
}

export interface DatabaseInspection {
  readonly serverVersion: string;
  readonly isReadOnly: boolean;
  /** This host's clock against the server's. */
  readonly clock: ClockReading;
  /** This version's migrations that it lacks, and a newer version's that it has. */
  readonly missingMigrations: readonly string[];
  readonly unknownMigrations: readonly string[];
  readonly promotions: PromotionsInspection;
  /** What stops all or part of the app here, with what to run; empty if the database is read-only. */
  readonly findings: readonly InspectedFinding[];
  /** The audit log's protection against rewriting is off. */
  readonly auditUnguarded: boolean;
  readonly superadmins: number;
  readonly sealedSecrets: readonly { readonly slackUserId: string; readonly sealedSecret: string }[];
  /** null: none yet. */
  readonly slackTeamId: string | null;
  /** What the witness got; null: none was asked about, or its rows can't be read. */
  readonly witness: WitnessInspection | null;
  /** The last promotions' apps, each with one config var. */
  readonly apps: readonly { readonly app: string; readonly configVar: string }[];
}

export interface WitnessInspection {
  /** The last seal that it accepted; null: none. */
  readonly accepted: Seal | null;
  /** Why the app's last attempt failed; null: it didn't. */
  readonly lastError: string | null;
}

const APPS_TRIED = 5;
const GUARDS = ['audit_log_append_only', 'audit_log_no_truncate', 'audit_seals_append_only', 'audit_seals_no_truncate'];

/**
 * Reads a database's state without changing it. `witness`: its address's hash.
 * @throws if it can't be reached or read
 */
export async function inspectDatabase(
  connectionString: string,
  settings: ConsoleSettings = USUAL_CONSOLE,
  now: () => Date = () => new Date(),
  witness: string | null = null,
): Promise<DatabaseInspection> {
  const knex = connect(connectionString, { maxConnections: 1, acceptsStandby: true, console: null });
  try {
    const server = await serverFacts(knex, now);
    const { findings, ...promotions } = await inspectPromotions(knex, settings, server.isReadOnly);
    const names = await tablesOf(knex);
    const ran = names.has('migrations') ? await migrationsRun(knex) : [];
    const hasOperators = names.has('operators');
    // Accounts that may read none are told so; the contents stay unknown.
    const mayLook = names.size > 0 || !(await hasSchema(knex));
    return {
      ...server,
      missingMigrations: mayLook ? MIGRATION_NAMES.filter((name) => !ran.includes(name)) : [],
      unknownMigrations: ran.filter((name) => !MIGRATION_NAMES.includes(name)),
      findings,
      promotions,
      auditUnguarded: names.has('audit_seals') && !(await isAuditGuarded(knex)),
      superadmins: hasOperators ? (await operators(knex).superadmins()).length : 0,
      sealedSecrets: hasOperators ? await operators(knex).sealedSecrets() : [],
      apps: ran.length > 0 && promotions.name !== null ? await appsOf(knex, promotions.name) : [],
      slackTeamId: names.has('installation') ? await installation(knex).workspace() : null,
      witness:
        witness !== null && names.has('audit_witnesses') && names.has('audit_seals')
          ? await witnessOf(knex, witness)
          : null,
    };
  } finally {
    await knex.destroy();
  }
}

type Inspection = PromotionsInspection & Pick<DatabaseInspection, 'findings'>;

async function inspectPromotions(knex: Knex, settings: ConsoleSettings, isReadOnly: boolean): Promise<Inspection> {
  const connection: PrimaryClient = await knex.client.acquireConnection();
  const problem = (error: ConsoleTableError): Inspection => ({
    name: null,
    problem: error.message,
    oddities: [],
    findings: [],
  });
  try {
    const ask = askOf(connection);
    await refuseWithoutBasics(ask);
    const inspected = await inspectConsole(ask, settings);
    const findings = isReadOnly ? [] : await findingsOf(ask, inspected);
    const canRead = inspected.kind === 'there' && (await mayRead(ask, inspected.facts.table.oid));
    return {
      name: canRead ? inspected.facts.table.name : null,
      problem: null,
      oddities: canRead ? await odditiesOf(ask, inspected, settings.table !== null) : [],
      findings,
    };
  } catch (error) {
    if (!(error instanceof ConsoleTableError)) throw error;
    return problem(error);
  } finally {
    await knex.client.releaseConnection(connection);
  }
}

async function findingsOf(ask: Ask, inspected: Inspected): Promise<readonly InspectedFinding[]> {
  const lacksMigrations = (await progressOf(ask)) === 'behind';
  const { findings, parties } = await judgeOrAsk(ask, { inspected, lacksMigrations, role: null, tries: true });
  return findings.map((finding) => ({
    isOfPromotions: finding.by === 'table owner',
    blocks: finding.weight === 'blocks',
    says: describeFinding(finding, parties.curers),
  }));
}

const yesRow = z.object({ yes: z.boolean() });

async function mayRead(ask: Ask, oid: string): Promise<boolean> {
  const found = await ask(
    `select has_any_column_privilege($1::oid, 'SELECT') and has_schema_privilege(relnamespace, 'USAGE') as yes from pg_class where oid = $1::oid`,
    [oid],
  );
  return parseRows(found, yesRow)[0]?.yes === true;
}

async function hasSchema(knex: Knex): Promise<boolean> {
  const found = await knex.raw('select exists (select from pg_namespace where nspname = ?) as yes', [SCHEMA]);
  return parseRows(found, yesRow)[0]?.yes === true;
}

async function odditiesOf(
  ask: Ask,
  { facts, dialect, steps }: ThereIsATable,
  isNamed: boolean,
): Promise<readonly string[]> {
  if (steps.some(({ kind }) => kind === 'add_columns')) return [];
  const { states, withoutId } = await findOddStates((sql) => ask(dialect.translate(sql)));
  const timeHints = await findTimeHints(ask, facts.table);
  const namesakes = isNamed ? [] : await namesakesOf(ask, facts.table);
  const oddStarts = await findOddStarts(ask, facts.table, dialect);
  return describeOddities({ oddStates: states, withoutId, timeHints, oddStarts, namesakes });
}

async function serverFacts(knex: Knex, now: () => Date) {
  const sentAt = now();
  const found = await knex.raw(
    `select current_setting('server_version') as version, current_setting('transaction_read_only') = 'on' as read_only,
            clock_timestamp() as at`,
  );
  const [facts] = parseRows(found, z.object({ version: z.string(), read_only: z.boolean(), at: z.date() }));
  if (facts === undefined) throw new Error('PostgreSQL told nothing of itself.');
  const clock = compareClocks(facts.at, sentAt, now());
  return { serverVersion: facts.version, isReadOnly: facts.read_only, clock };
}

async function tablesOf(knex: Knex): Promise<ReadonlySet<string>> {
  const found = await knex.raw(
    `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = ? and c.relkind = 'r' and has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE')`,
    [SCHEMA],
  );
  return new Set(parseRows(found, z.object({ name: z.string() })).map(({ name }) => name));
}

async function migrationsRun(knex: Knex): Promise<readonly string[]> {
  const found = await knex.raw('select name from ?? order by id', [MIGRATIONS_TABLE]);
  return parseRows(found, z.object({ name: z.string() })).map(({ name }) => name);
}

async function isAuditGuarded(knex: Knex): Promise<boolean> {
  const found = await knex.raw(
    `select count(*) as n from pg_trigger
      where tgrelid = any(array[to_regclass('flag_promotions.audit_log'), to_regclass('flag_promotions.audit_seals')]) and tgenabled <> 'D' and tgname = any(array(select jsonb_array_elements_text(?::jsonb)))`,
    [JSON.stringify(GUARDS)],
  );
  return parseRows(found, countRow)[0]?.n === GUARDS.length;
}

async function witnessOf(knex: Knex, witness: string): Promise<WitnessInspection> {
  const accepted = await knex.raw(
    `select ${SEAL_COLUMNS} from flag_promotions.audit_seals s
      where s.number = (select w.sent_to from flag_promotions.audit_witnesses w where w.witness = ?)`,
    [witness],
  );
  const last = await knex.raw('select last_error from flag_promotions.audit_witnesses where witness = ?', [witness]);
  return {
    accepted: parseRows(accepted, sealRow)[0] ?? null,
    lastError: parseRows(last, z.object({ last_error: z.string().nullable() }))[0]?.last_error ?? null,
  };
}

async function appsOf(knex: Knex, promotions: string) {
  const found = await knex.raw(
    `select distinct on (heroku_app) heroku_app::text as app, ${CONFIG_VAR}::text as var
       from (select id, heroku_app, config_var, flag_key from ${promotions} order by id desc limit 200) newest
      where heroku_app is not null and coalesce(config_var, flag_key) is not null order by heroku_app, id desc limit ?`,
    [APPS_TRIED],
  );
  return parseRows(found, z.object({ app: z.string(), var: z.string() })).map(({ app, var: configVar }) => ({
    app,
    configVar,
  }));
}
