import * as z from 'zod';
import { codeOf, messageOf } from '../embedded/errors.js';
import { parseRows } from '../rows.js';
import type { Say } from './adopt.js';
import type { Ask } from './ask.js';
import { alterBriefly } from './brief-lock.js';
import { ADDED_BY_US } from './columns.js';
import { readRecord } from './facts.js';
import { baseOf } from './indexes.js';
import { ConsoleTableError } from './refusal.js';
import type { ConsoleSettings } from './settings.js';
import { HOLDS_CONSTRAINT, tableToUndo } from './table.js';
import { refuseOthersTables } from './undoers.js';

const foundRow = z.object({
  oid: z.string(),
  name: z.string(),
  schema: z.string(),
  is_ours: z.boolean(),
  columns: z.array(z.string()).nullable(),
  indexes: z.array(z.string()).nullable(),
});

/**
 * Removes what was added to promotions' tables, wherever they are and whatever is set now. One that this app made is
 * dropped; any other keeps its rows and its own columns. A copy (`create table … like`) has our comments on its columns,
 * but no index of ours, and stays.
 * @throws ConsoleTableError if a table is another role's, or something of its owner's depends on what was added; that
 * table stays as it is
 */
export async function takeBack(ask: Ask, settings: ConsoleSettings, say: Say): Promise<void> {
  const adopted = await tableToUndo(ask, settings, (await readRecord(ask))?.table ?? null);
  const found = await ask(
    `select * from (
       select c.oid::text as oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name, quote_ident(n.nspname) as schema,
              coalesce(obj_description(c.oid, 'pg_class') = $1, false) as is_ours,
              (select json_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) = $1) as columns,
              (select json_agg(i.relname order by i.relname) from pg_index x join pg_class i on i.oid = x.indexrelid
                where x.indrelid = c.oid and i.relname like 'flag\\_promotions\\_%'
                  and not ${HOLDS_CONSTRAINT}) as indexes
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname !~ '^pg_') tables
      where is_ours or columns is not null or indexes is not null`,
    [ADDED_BY_US],
  );
  const changes = parseRows(found, foundRow)
    .map((table) => ({ ...table, statements: statementsFor(table, adopted) }))
    .filter(({ statements }) => statements.length > 0);
  await refuseOthersTables(
    ask,
    changes.map(({ oid }) => oid),
  );
  for (const { oid, name, statements } of changes) {
    say(`taking back what was added to ${name}`);
    try {
      await alterBriefly(ask, oid, statements, say);
    } catch (error) {
      // dependent_objects_still_exist
      if (codeOf(error) !== '2BP01') throw error;
      throw new ConsoleTableError(
        `What migrate added to ${name} is used by something else (${messageOf(error)}). It was not changed. Drop that first.`,
      );
    }
  }
}

function statementsFor(table: z.output<typeof foundRow>, adopted: string | null): readonly string[] {
  const { oid, name, schema } = table;
  if (table.is_ours) return [`drop table ${name}`];
  const indexes = (table.indexes ?? []).filter((index) => baseOf(index) !== null);
  const columns = oid === adopted || indexes.length > 0 ? (table.columns ?? []) : [];
  const dropped = columns.map((one) => `drop column ${one}`);
  return [
    ...indexes.map((index) => `drop index ${schema}.${index}`),
    ...(dropped.length === 0 ? [] : [`alter table ${name} ${dropped.join(', ')}`]),
  ];
}
