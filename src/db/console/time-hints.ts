import * as z from 'zod';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { ADDED_BY_US } from './columns.js';
import { type Dialect, quotedName, type Time } from './dialect.js';
import type { ConsoleTable } from './table.js';

/* Times that the console keeps under other names, and starts that can't be true. */

/** Likely names for our times, ignoring case, underscores, a final `_at`, `at` or `_on`, and a zone after it. */
const ALIKE: Readonly<Record<Time, RegExp>> = {
  promoted_at:
    /^(?:(?:promotion|promote|deploy|deployment|deploying|rollout)?(?:start|started|begin|began|begun)|promotiondate|promoted|deploying|deployingsince|startedsince|inprogresssince|since)(?:time|date|timestamp|ts)?$/u,
  marked_at: /^(?:marked|queued|enqueued|requested|scheduled|submitted)(?:time|date|timestamp|ts)?$/u,
  deployed_at:
    /^(?:(?:promotion|deploy|deployment|rollout)?(?:finish|finished|complete|completed|completion|end|ended|done|succeeded)|deployed|live|livesince)(?:time|date|timestamp|ts)?$/u,
  failed_at: /^(?:failed|failure|errored|broken)(?:time|date|timestamp|ts)?$/u,
  created_at: /^(?:create|created|creation|inserted|added|datecreated)(?:time|date|timestamp|ts)?$/u,
  updated_at:
    /^(?:update|updated|modified|lastmodified|lastupdated|changed|lastchanged|dateupdated)(?:time|date|timestamp|ts)?$/u,
};

/** A column that seems to hold what an added, empty column of ours lacks. */
export interface TimeHint {
  readonly column: string;
  readonly ours: Time;
  /** Copies it. */
  readonly sql: string;
}

const bare = (name: string): string =>
  name
    .replace(/_(?:utc|tz)$/iu, '')
    .replace(/(?:at|_on|At|On)$/u, '')
    .replaceAll(/[_\s-]/gu, '')
    .toLowerCase();

const isTime = (name: string): name is Time => Object.hasOwn(ALIKE, name);

/** How many of the newest rows are read. */
const LOOKED_AT = 1_000;

/** Columns that look like ours under another name, if rows have a time there and none in ours. */
export async function findTimeHints(ask: Ask, table: ConsoleTable): Promise<readonly TimeHint[]> {
  const added = table.columns.flatMap(({ name, comment }) => (comment === ADDED_BY_US && isTime(name) ? [name] : []));
  const others = table.columns.filter(({ name, type }) => !isTime(name) && /^(?:timestamp|date)/u.test(type));
  const pairs = added.flatMap((ours) =>
    others
      .filter(({ name }) => ALIKE[ours].test(bare(name)))
      .map(({ name }) => ({ ours, column: quotedIfNeeded(name) })),
  );
  if (pairs.length === 0) return [];
  const found = await ask(
    `select ${pairs.map(({ ours, column }, n) => `coalesce(bool_or(${ours} is null and ${column} is not null), false) as "${n}"`).join(', ')}
       from (select * from ${table.name} order by id desc limit ${LOOKED_AT}) newest`,
  );
  const [lacks = {}] = parseRows(found, z.record(z.string(), z.boolean()));
  return pairs
    .filter((_, n) => lacks[n] === true)
    .map(({ ours, column }) => ({
      ours,
      column,
      sql: `update ${table.name} set ${ours} = ${column} where ${ours} is null and ${column} is not null;`,
    }));
}

const quotedIfNeeded = (name: string): string => (/^[a-z_][a-z0-9_]*$/u.test(name) ? name : quotedName(name));

export interface OddStartRow {
  readonly id: string;
  /** The recorded start; null: none. */
  readonly recorded: string | null;
}

const NAMED = 10;

/** By the index on deploying rows: without a start, or with one in the future or infinite. */
export async function findOddStarts(ask: Ask, table: ConsoleTable, dialect: Dialect): Promise<readonly OddStartRow[]> {
  const { time, state } = dialect;
  const clock = `coalesce(${time('promoted_at')}, ${time('marked_at')}, ${time('created_at')}, '-infinity'::timestamptz)`;
  const found = await ask(
    `select id::text, coalesce(promoted_at, marked_at, created_at)::text as recorded from ${table.name} where ${state} = 'deploying'
        and (${clock} = '-infinity' or ${clock} > (select flag_promotions.clock() + interval '10 minutes')) order by id limit ${NAMED}`,
  );
  return parseRows(found, z.object({ id: z.string(), recorded: z.string().nullable() }));
}
