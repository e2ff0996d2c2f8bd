import * as z from 'zod';
import { parseRows } from '../rows.js';
import { judgeAccess } from './access.js';
import type { Ask } from './ask.js';
import { HeldTooLongError } from './brief-lock.js';
import { tryColumns, tryMigrations } from './ddl-trial.js';
import type { Inspected, ThereIsATable } from './ensure.js';
import { blocks, distinct, type Finding, limits } from './finding.js';
import { type Judged, type Parties, readJudged, readParties } from './judged.js';
import { sequencesOf } from './new-row.js';
import { consoleRefusals, newlyRefused, rehearse, rehearseAdded } from './rehearsal.js';
import { onTrial } from './trial.js';
import { judgeWrites, judgeMigration, judgeOwnTables } from './rights.js';
import { nextId, publicationsOf, publishedBy } from './lookups.js';
import { BEYOND_ALL_IDS, type Column, columnsOf, judgeShape } from './shape.js';

/** Whether the app can work, else why not and what to run. */
export interface Judgement {
  readonly parties: Parties;
  readonly findings: readonly Finding[];
}

export interface Judging {
  readonly inspected: Inspected;
  readonly lacksMigrations: boolean;
  /** The role that runs the app, unquoted, if it isn't the one that asks and migrates. */
  readonly role: string | null;
  /** Whether to rehearse the writes, which takes a moment; the catalog alone takes next to nothing. */
  readonly tries: boolean;
  /** Whether to add the missing columns on trial: it locks everybody out, so only if a migration is about to do the same. */
  readonly addsColumns?: boolean;
  /** What migrating will cure by itself. */
  readonly isCuredHere?: (finding: Finding) => boolean;
}

/**
 * Judges by the catalog, then by a rehearsal. Changes nothing.
 * @throws if the table is locked for long, or the database doesn't answer
 */
export async function judge(ask: Ask, judging: Judging): Promise<Judgement> {
  const { inspected, lacksMigrations, role } = judging;
  const table = inspected.kind === 'missing' ? { oid: null, schema: inspected.schema } : inspected.facts.table;
  const parties = await readParties(ask, table, role);
  const database = await judgeWrites(ask);
  const asking = role === null ? parties : await readParties(ask, table, null);
  const migration = await judgeMigration(ask, asking, inspected, lacksMigrations);
  const mayTry = judging.tries && database.length === 0;
  const refusedDdl = mayTry && migration.length === 0 ? await tryMigrations(ask, inspected, lacksMigrations) : [];
  const promotions =
    inspected.kind === 'missing'
      ? NONE
      : await judgeTable(ask, inspected, judging, {
          mayTry,
          mayAlter: mayTry && judging.addsColumns === true && migration.length + refusedDdl.length === 0,
          isLeftToOwner: migration.some(({ by }) => by === 'table owner'),
        });
  const own = await judgeOwnTables(ask, parties);
  // In an order in which the cures can be run.
  const findings = [...database, ...promotions.fitness, ...migration, ...refusedDdl, ...promotions.access, ...own];
  return { parties, findings: distinct(findings) };
}

interface TableJudgement {
  readonly fitness: readonly Finding[];
  readonly access: readonly Finding[];
}
const NONE: TableJudgement = { fitness: [], access: [] };

async function judgeTable(
  ask: Ask,
  inspected: ThereIsATable,
  { role, isCuredHere = () => false }: Pick<Judging, 'role' | 'isCuredHere'>,
  {
    mayTry,
    mayAlter,
    isLeftToOwner,
  }: { readonly mayTry: boolean; readonly mayAlter: boolean; readonly isLeftToOwner: boolean },
): Promise<TableJudgement> {
  const { facts, dialect, steps } = inspected;
  const table = await readJudged(ask, facts.table, dialect, role);
  const columns = await columnsOf(ask, table.oid);
  const added = isLeftToOwner ? steps.flatMap((step) => (step.kind === 'add_columns' ? step.columns : [])) : [];
  const access = await judgeAccess(ask, table, undefined, added);
  const rules = await judgeRules(ask, table);
  // The migrating role reads the table.
  const asker = role === null ? table : await readJudged(ask, facts.table, dialect, null);
  const toMigrate = role === null ? [] : await judgeAccess(ask, asker, ['SELECT']);
  const shape = await numbered(ask, table, judgeShape(table, columns));
  // After a known refusal, trying shows nothing new.
  const isGenerated = columns.some(({ name, generated }) => name === 'state' && generated !== '');
  const tries = mayTry && !isGenerated && rules.length === 0 && access.every(isCuredHere);
  const writer = tries ? await writerOf(ask, { table, asker, role, access }) : null;
  const tried = writer === null ? [] : writer.judged(await rehearse(ask, writer.table, columns, writer.role));
  const unread = role === null ? access : toMigrate;
  const isRefused = [...shape, ...rules, ...tried, ...unread].some(({ weight }) => weight === 'blocks');
  const widened = mayAlter && !isRefused ? await tryAdding(ask, inspected, { table, columns, writer }) : [];
  // It reads the table, so skip it if the rehearsal is off: somebody may hold an exclusive lock.
  const behind = mayTry && access.length === 0 ? await onTrial(ask, () => judgeSequences(ask, table)) : [];
  const subscribed = await judgeSubscribers(ask, inspected, table);
  return {
    fitness: [...shape, ...rules, ...tried, ...widened.map(unscripted), ...behind, ...subscribed],
    access: [...toMigrate, ...access],
  };
}

const unscripted = (finding: Finding): Finding => ({ ...finding, isUnscripted: true });

/** Who tries the writes; `role` is null for the asking one. */
interface Writer {
  readonly table: Judged;
  readonly role: string | null;
  /** What the findings mean for the role that runs the app. */
  judged(found: readonly Finding[]): readonly Finding[];
}

/**
 * The role that runs the app, else the asking one: most of what the one can't write, the other can't either. null if
 * neither can try.
 */
async function writerOf(
  ask: Ask,
  who: {
    readonly table: Judged;
    readonly asker: Judged;
    readonly role: string | null;
    readonly access: readonly Finding[];
  },
): Promise<Writer | null> {
  const { table, asker, role, access } = who;
  if (access.length === 0 && (role === null || (await maySetRole(ask, role)))) {
    return { table, role, judged: (found) => found };
  }
  const isAble = role !== null && (await judgeAccess(ask, asker)).length === 0;
  const inItsPlace = (finding: Finding): Finding =>
    finding.dependsOnRole === true
      ? limits(`${finding.says} That was tried as ${asker.role}: as ${table.role}, it may pass.`)
      : finding;
  return isAble ? { table: asker, role: null, judged: (found) => found.map(inItsPlace) } : null;
}

/** Adds the columns on trial. Triggers pass whole rows on, so with the columns all writes are tried anew. */
async function tryAdding(
  ask: Ask,
  inspected: ThereIsATable,
  {
    table,
    columns,
    writer,
  }: { readonly table: Judged; readonly columns: readonly Column[]; readonly writer: Writer | null },
): Promise<readonly Finding[]> {
  if (!inspected.steps.some(({ kind }) => kind === 'add_columns')) return [];
  if (!(await hasTriggers(ask, table))) return tryColumns(ask, inspected);
  const before = await onTrial(ask, () => consoleRefusals(ask, table, columns));
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      return await tryColumns(ask, inspected, async (briefly) => {
        // A function that has run keeps its plan with the former columns, which another session doesn't have.
        await briefly('discard plans');
        const broken = await newlyRefused(briefly, table, columns, before);
        if (broken.length > 0 || writer === null) return broken;
        return writer.judged(await rehearseAdded(briefly, writer.table, writer.role));
      });
    } catch (error) {
      if (!(error instanceof HeldTooLongError)) throw error;
    }
  }
  return [
    limits(
      `The triggers of ${table.name} were not tried with the new columns: they took so long that the console would have waited. Ask their author whether more columns break them.`,
    ),
  ];
}

/** The machine may have been busy. */
const TRIES = 3;

async function hasTriggers(ask: Ask, { oid }: Judged): Promise<boolean> {
  const found = await ask(
    `select exists (select from pg_trigger where tgrelid = $1::oid and not tgisinternal and tgenabled <> 'D') as yes`,
    [oid],
  );
  return parseRows(found, yesRow)[0]?.yes === true;
}

const yesRow = z.object({ yes: z.boolean() });

/** A subscriber whose table lacks a published column stops: https://www.postgresql.org/docs/current/logical-replication-restrictions.html */
async function judgeSubscribers(ask: Ask, { steps }: ThereIsATable, table: Judged): Promise<readonly Finding[]> {
  if (!steps.some(({ kind }) => kind === 'add_columns')) return [];
  const whole = (await publicationsOf(ask, table)).filter(({ lists_columns }) => !lists_columns);
  if (whole.length === 0) return [];
  return [
    limits(
      `${publishedBy(table, whole)}. A PostgreSQL that subscribes stops at its next row until its own table has the new columns, too: flag-promotions migrate --sql prints them.`,
    ),
  ];
}

/** An account that can't read the rows must find the number by hand. */
async function numbered(ask: Ask, table: Judged, findings: readonly Finding[]): Promise<readonly Finding[]> {
  if (!findings.some(({ sql }) => sql.join().includes(BEYOND_ALL_IDS))) return findings;
  const beyond = await nextId(ask, table).catch(() => '…');
  return findings.map((finding) => ({
    ...finding,
    sql: finding.sql.map((one) => one.replace(BEYOND_ALL_IDS, beyond)),
  }));
}

/** Since PostgreSQL 16, a member can lack the right to SET ROLE: the role's creator does. */
async function maySetRole(ask: Ask, role: string): Promise<boolean> {
  const found = await ask(
    `select pg_has_role(oid, case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end) as yes
       from pg_roles where rolname = $1`,
    [role],
  );
  return parseRows(found, yesRow)[0]?.yes === true;
}

const behindRow = z.object({ behind: z.boolean() });

/**
 * A sequence behind its column, as after a copy, hands out ids that are taken. Skipped for an account without rights on
 * it: another check reports those, and PostgreSQL before 17 refuses to tell the last value.
 */
async function judgeSequences(ask: Ask, table: Judged): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  // Not by name: defaults hold the sequence itself, and work without a right on its schema.
  const sequences = await sequencesOf(ask, table);
  for (const { column, quoted, oid, sequence } of sequences.filter(({ is_number }) => is_number)) {
    const found = await ask(
      `select coalesce((select max(${quoted}) from ${table.name})
          > coalesce(pg_sequence_last_value($1::oid), (select seqstart - 1 from pg_sequence where seqrelid = $1::oid)), false) as behind
        where has_sequence_privilege($1::oid, 'USAGE, SELECT')
          and exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                       where i.indrelid = $2::oid and i.indisunique and i.indnkeyatts = 1 and a.attname = $3)`,
      [oid, table.oid, column],
    );
    if (parseRows(found, behindRow)[0]?.behind !== true) continue;
    findings.push(
      limits(
        `The default of ${column} gives numbers that are taken, so promotions can’t be marked or reverted at first.`,
        [`select setval('${sequence.replaceAll("'", "''")}', (select max(${quoted}) from ${table.name}))`],
      ),
    );
  }
  return findings;
}

const ruleRow = z.object({ name: z.string() });

/** PostgreSQL refuses most of our statements on a table with rewrite rules, and the rest would do something else. */
async function judgeRules(ask: Ask, { oid, name }: Judged): Promise<readonly Finding[]> {
  const found = await ask(
    `select quote_ident(rulename) as name from pg_rewrite
      where ev_class = $1::oid and ev_type in ('2', '3') and ev_enabled <> 'D' order by 1`,
    [oid],
  );
  return parseRows(found, ruleRow).map((rule) =>
    blocks(`The rule ${rule.name} on ${name} rewrites what the app writes.`, [`drop rule ${rule.name} on ${name}`]),
  );
}
