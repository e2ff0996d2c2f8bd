import * as z from 'zod';
import { parseRows } from '../rows.js';
import { type Say, takeSteps, waitForBuilders } from './adopt.js';
import type { Ask } from './ask.js';
import { ADDED_BY_US } from './columns.js';
import type { Dialect } from './dialect.js';
import { type ConsoleFacts, readConsole, writeRecord } from './facts.js';
import { creation, planAdoption, type Step } from './plan.js';
import type { ConsoleSettings } from './settings.js';
import { type Survey, surveyTable } from './survey.js';
import { refuseRows, refuseUnfitRows } from './row-fitness.js';
import { type ConsoleTable, namesakesOf, readTable, refuseMistaken } from './table.js';
import { onTrial } from './trial.js';
import { findOddStarts, findTimeHints, type OddStartRow, type TimeHint } from './time-hints.js';

export interface AdoptedTable extends Survey {
  /** `created`: just now; `own`: by an earlier call; `adopted`: somebody else made it. */
  readonly kind: 'created' | 'own' | 'adopted';
  /** Qualified and quoted. */
  readonly name: string;
  readonly owner: string;
  readonly timeHints: readonly TimeHint[];
  readonly oddStarts: readonly OddStartRow[];
  /** Other tables with its name, unless CONSOLE_TABLE names it. */
  readonly namesakes: readonly string[];
}

const isMadeByUs = ({ comment }: ConsoleTable): boolean => comment === ADDED_BY_US;

export type Inspected = { readonly kind: 'missing'; readonly schema: string } | ThereIsATable;
export interface ThereIsATable {
  readonly kind: 'there';
  readonly facts: ConsoleFacts;
  readonly dialect: Dialect;
  readonly steps: readonly Step[];
}

/**
 * Call it outside a transaction.
 * @throws ConsoleTableError if it can't be used; nothing was changed then
 */
export async function inspectConsole(ask: Ask, settings: ConsoleSettings): Promise<Inspected> {
  const facts = await readConsole(ask, settings, (read) => onTrial(ask, read));
  if (facts.table === null) return { kind: 'missing', schema: facts.schema };
  if (settings.table === null && isMadeByUs(facts.table)) await refuseMistaken(ask, facts.table);
  const dialect = facts.dialect(await timeZoneOf(ask));
  return { kind: 'there', facts, dialect, steps: planAdoption(facts.table, dialect) };
}

/** The same, but if it lacks something, only once no index of it is being built. */
export async function inspectToMigrate(ask: Ask, settings: ConsoleSettings, say: Say): Promise<Inspected> {
  const first = await inspectConsole(ask, settings);
  const isToWait = first.kind === 'there' && first.steps.length > 0;
  return isToWait && (await waitForBuilders(ask, first.facts.table.oid, say)) ? inspectConsole(ask, settings) : first;
}

/** Whether it lacks nothing, and its rows were surveyed under these settings. */
export function isAdopted(inspected: Inspected, settings: ConsoleSettings): boolean {
  if (inspected.kind === 'missing' || inspected.steps.length > 0) return false;
  const { record, table } = inspected.facts;
  return record?.table === table.name && JSON.stringify(record.stateMap) === JSON.stringify(settings.stateMap);
}

/** @throws ConsoleTableError if rows prevent it; nothing was changed then */
export async function refuseItsRows(ask: Ask, inspected: Inspected, say: Say): Promise<void> {
  if (inspected.kind === 'missing') return;
  const { facts, dialect, steps } = inspected;
  if (steps.length > 0) say(`reading the rows of ${facts.table.name}`);
  await refuseUnfitRows(ask, facts.table);
  const builds = (base: string) => steps.some((step) => step.kind === 'build_index' && step.index.base === base);
  await refuseRows(ask, facts.table, dialect, { oneActive: builds('one_active'), uniqueId: builds('id') });
}

/** Creates or completes the table, and records its survey. Call it under the migration lock. */
export async function ensureConsole(ask: Ask, settings: ConsoleSettings, say: Say): Promise<AdoptedTable> {
  const before = await inspectToMigrate(ask, settings, say);
  if (before.kind === 'missing') await create(ask, before.schema);
  const inspected = before.kind === 'missing' ? await inspectConsole(ask, settings) : before;
  if (inspected.kind === 'missing') throw new Error('The table of promotions was made and is not there.');
  const { facts, dialect, steps } = inspected;
  const { table } = facts;
  await takeSteps(ask, table, dialect, steps, before.kind === 'missing' ? () => undefined : say);
  const survey = await surveyTable(ask, table, settings);
  await writeRecord(ask, { table: table.name, words: survey.words, stateMap: settings.stateMap });
  const kind = before.kind === 'missing' ? 'created' : isMadeByUs(table) ? 'own' : 'adopted';
  // Read again, with the added columns.
  const adopted = await readTable(ask, table.oid);
  const timeHints = await findTimeHints(ask, adopted);
  const oddStarts = await findOddStarts(ask, adopted, dialect);
  const namesakes = settings.table === null ? await namesakesOf(ask, table) : [];
  return { ...survey, kind, name: table.name, owner: table.owner, timeHints, oddStarts, namesakes };
}

async function create(ask: Ask, schema: string): Promise<void> {
  await ask('begin');
  try {
    for (const statement of creation(schema)) await ask(statement);
    await ask('commit');
  } catch (error) {
    await ask('rollback');
    throw error;
  }
}

const zoneRow = z.object({ zone: z.string() });

async function timeZoneOf(ask: Ask): Promise<string> {
  const [row] = parseRows(await ask(`select current_setting('TimeZone') as zone`), zoneRow);
  if (row === undefined) throw new Error('The server has no time zone.');
  return row.zone;
}
