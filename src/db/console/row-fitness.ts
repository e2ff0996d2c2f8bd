import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { COLUMNS, CONFIG_VAR, configVarFor } from './columns.js';
import { type Dialect, TIMES } from './dialect.js';
import { ConsoleTableError } from './refusal.js';
import { type ConsoleTable, hasOptionalId } from './table.js';

/* Rows that an index of ours can't hold, or that nobody can read: named before anything is changed. */

const UNCHANGED = 'The table was not changed.';
/** Of an index row's bytes. PostgreSQL's limit is 2,704, and upper() may lengthen a key. */
const MOST_BYTES = 2_000;
const KEYS = ['flag_key', 'heroku_app', 'config_var', 'state'];
/** Beyond these, no time without a zone is sure to be a time with one. */
const FIRST_AND_LAST = [`timestamp '4714-11-27 BC'`, `timestamp '294276-12-28'`] as const;
/** Of bytes, as a database without an encoding sees them: https://www.rfc-editor.org/rfc/rfc3629#section-4 */
const UTF8 = String.raw`^([\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$`;
const NAMED = 10;

interface Fault {
  /** SQL: the column's value is at fault. */
  readonly condition: string;
  readonly says: string;
  /** SQL of what to write instead. */
  readonly instead: string;
}

/**
 * Reads the whole table once.
 * @throws ConsoleTableError if there are such rows
 */
export async function refuseUnfitRows(ask: Ask, table: ConsoleTable): Promise<void> {
  const faults = faultsOf(table);
  const found = await ask(
    `select id::text as id, fault from ${table.name},
       lateral (select case ${faults.map(({ condition }, at) => `when ${condition} then ${at}`).join(' ')} end as fault) one
      where fault is not null limit ${NAMED}`,
    [UTF8],
  );
  const rows = parseRows(found, z.object({ id: z.string().nullable(), fault: z.number() }));
  const [first] = rows;
  const fault = faults[first?.fault ?? -1];
  if (first === undefined || fault === undefined) return;
  const ids = rows.filter((row) => row.fault === first.fault).flatMap(({ id }) => id ?? []);
  throw new ConsoleTableError(
    `The table ${table.name} has rows ${fault.says}: ${ids.join(', ')}. ${UNCHANGED} Correct them, then migrate again. To do so, run: update ${table.name} set ${fault.instead} where id in (${ids.join(', ')})`,
  );
}

function faultsOf({ columns }: ConsoleTable): readonly Fault[] {
  const keys = columns.filter(({ name }) => KEYS.includes(name));
  const bytes = (name: string): string => `coalesce(octet_length(${name}::text), 0)`;
  const all = keys.map(({ name }) => bytes(name)).join(' + ');
  const ours = new Set(COLUMNS.map(({ name }) => name));
  return [
    ...columns
      .filter(({ name, kind }) => kind === 'text' && ours.has(name))
      .map(({ name }) => ({
        condition: `getdatabaseencoding() = 'SQL_ASCII' and ${name}::text !~ $1`,
        says: `whose ${name} isn’t encoded in UTF-8, so nobody can read them`,
        instead: `${name} = convert_from(convert(convert_to(${name}, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')`,
      })),
    ...keys.map(({ name }) => ({
      condition: `${all} > ${MOST_BYTES} and ${bytes(name)} >= ${MOST_BYTES / keys.length}`,
      says: `whose ${name} is too long for an index`,
      instead: `${name} = left(${name}, 100)`,
    })),
    ...columns
      .filter(({ name, kind }) => kind === 'timestamp' && TIMES.some((time) => time === name))
      .map(({ name }) => ({
        condition: `isfinite(${name}) and ${name} not between ${FIRST_AND_LAST.join(' and ')}`,
        says: `whose ${name} is no time in any time zone`,
        instead: `${name} = 'infinity'`,
      })),
  ];
}

/**
 * Finds rows that a unique index can't hold, to name them instead of failing. `soFar`: what was done until then.
 * @throws ConsoleTableError if there are some
 */
export async function refuseRows(
  ask: Ask,
  table: ConsoleTable,
  dialect: Dialect,
  lacks: { readonly oneActive: boolean; readonly uniqueId: boolean },
  soFar = UNCHANGED,
): Promise<void> {
  await refuseIds(ask, table, lacks.uniqueId, soFar);
  if (lacks.oneActive) await refuseTwoActive(ask, table, dialect, soFar);
}

async function refuseIds(ask: Ask, table: ConsoleTable, maybeShared: boolean, soFar: string): Promise<void> {
  if (!maybeShared && !hasOptionalId(table)) return;
  const found = await ask(
    maybeShared
      ? `select id::text from ${table.name} group by id having count(*) > 1 or id is null order by id limit ${NAMED}`
      : `select id::text from ${table.name} where id is null limit 1`,
  );
  const ids = parseRows(found, z.object({ id: z.string().nullable() })).map(({ id }) => id ?? 'null');
  if (ids.length === 0) return;
  throw new ConsoleTableError(
    `The table ${table.name} has rows that their id doesn’t tell apart: ${ids.join(', ')}. ${soFar} Give each row an id of its own, then migrate again.`,
  );
}

const twoRow = z.object({ heroku_app: z.string().nullable(), config_var: z.string().nullable(), ids: z.string() });

/** Two active rows for one config var would make every later step ambiguous. */
async function refuseTwoActive(ask: Ask, table: ConsoleTable, dialect: Dialect, soFar: string): Promise<void> {
  const hasConfigVar = table.columns.some(({ name }) => name === 'config_var');
  const configVar = hasConfigVar ? CONFIG_VAR : configVarFor('flag_key');
  const found = await ask(
    `select heroku_app::text, (${configVar})::text as config_var, string_agg(id::text, ', ' order by id) as ids from ${table.name}
      where ${dialect.state} in ('marked', 'deploying') and heroku_app is not null and ${configVar} is not null
      group by 1, 2 having count(*) > 1 order by 1, 2 limit ${NAMED}`,
  );
  const rows = parseRows(found, twoRow);
  if (rows.length === 0) return;
  const list = rows.map((row) => `${row.config_var} on ${row.heroku_app} (rows ${row.ids})`).join('; ');
  throw new ConsoleTableError(
    `More than one active promotion stands for ${list}. ${soFar} Keep one of them active: set the others to cancelled or failed, then migrate again.`,
  );
}
