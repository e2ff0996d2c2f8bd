import * as z from 'zod';
import { asRefusal, type Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import type { Inspected } from './ensure.js';
import { blocks, type Finding } from './finding.js';

const triggerRow = z.object({ name: z.string(), function: z.string() });

/**
 * Tries a migration's DDL, rolled back, if an event trigger may refuse it: one refused half-way would leave half a
 * schema.
 */
export async function judgeEventTriggers(
  ask: Ask,
  inspected: Inspected,
  lacksMigrations: boolean,
): Promise<readonly Finding[]> {
  const steps = inspected.kind === 'missing' ? [] : inspected.steps;
  if (!lacksMigrations && steps.length === 0) return [];
  const triggers = parseRows(
    await ask(
      `select quote_ident(e.evtname) as name, f.proname::text as function from pg_event_trigger e join pg_proc f on f.oid = e.evtfoid
        where e.evtenabled in ('O', 'A') and e.evtevent <> 'login' order by 1`,
    ),
    triggerRow,
  );
  if (triggers.length === 0) return [];
  const statements = [
    'create schema if not exists flag_promotions',
    'create table flag_promotions.rehearsal (id integer primary key)',
    'create index on flag_promotions.rehearsal (id)',
    'create function flag_promotions.rehearsal() returns integer language sql as $$ select 1 $$',
    ...steps.flatMap((step) => (step.kind === 'add_columns' ? step.sql : [])),
  ];
  await ask('begin');
  try {
    await ask("set local lock_timeout = '2s'");
    for (const statement of statements) await ask(statement);
    return [];
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === null) throw error;
    return [explained(refusal, triggers)];
  } finally {
    await ask('rollback');
  }
}

function explained({ words, where }: Refusal, triggers: readonly z.output<typeof triggerRow>[]): Finding {
  const named = triggers.filter((trigger) => (where ?? '').includes(`${trigger.function}(`));
  const [only] = named.length > 0 ? named : triggers;
  const name = only?.name ?? '';
  return blocks(
    `The event trigger ${name} does not let the app migrate: “${words}”.`,
    [`alter event trigger ${name} disable`],
    'superuser',
  );
}
