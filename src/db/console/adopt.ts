import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { codeOf, messageOf } from '../embedded/errors.js';
import { parseRows } from '../rows.js';
import { ServerError } from '../server/trouble.js';
import type { Ask } from './ask.js';
import { alterBriefly } from './brief-lock.js';
import type { Dialect } from './dialect.js';
import { refuseRows } from './row-fitness.js';
import type { WantedIndex } from './indexes.js';
import type { Step } from './plan.js';
import { ConsoleTableError } from './refusal.js';
import type { ConsoleTable } from './table.js';

/** Called with progress, in lines for people. */
export type Say = (line: string) => void;

/** A step's progress: a line that the next one replaces. */
export const detail = (text: string): string => `  ${text}`;
export const isDetail = (line: string): boolean => line.startsWith('  ');

/** SQLSTATEs of transient errors: deadlock_detected, serialization_failure, lock_not_available. */
const PASSES = new Set(['40P01', '40001', '55P03']);
const BUILD_TRIES = 5;
const BUILDER_LOOK_EVERY_MS = 1_000;

/**
 * Runs the steps. A kill at any point leaves a working table, and the next call continues. The table's users wait only
 * for a moment.
 */
export async function takeSteps(
  ask: Ask,
  table: ConsoleTable,
  dialect: Dialect,
  steps: readonly Step[],
  say: Say,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    say(`${index + 1} of ${steps.length}: ${describe(step, table)}`);
    switch (step.kind) {
      case 'add_columns':
        await alterBriefly(ask, table.oid, step.sql, say);
        break;
      case 'drop_index':
        await ask(step.sql);
        break;
      case 'build_index':
        await build(ask, table, dialect, step);
    }
  }
  // Without statistics of the new expressions, PostgreSQL takes every state for rare.
  if (steps.some(({ kind }) => kind === 'build_index')) await analyze(ask, table);
}

/**
 * PostgreSQL goes on with an index after its client was killed: wait for it, don't drop it. Answers whether there was
 * one.
 */
export async function waitForBuilders(ask: Ask, oid: string, say: Say): Promise<boolean> {
  for (let waited = false; ; waited = true) {
    const found = await ask('select pid from pg_stat_progress_create_index where relid = $1::oid limit 1', [oid]);
    const [builder] = parseRows(found, z.object({ pid: z.number() }));
    if (builder === undefined) return waited;
    say(`Process ${builder.pid} of PostgreSQL is building an index of the table: waiting for it.`);
    await sleep(BUILDER_LOOK_EVERY_MS);
  }
}

function describe(step: Step, table: ConsoleTable): string {
  switch (step.kind) {
    case 'add_columns':
      return `adding to ${table.name}: ${step.columns.join(', ')}`;
    case 'drop_index':
      return `dropping the index ${step.name}`;
    case 'build_index':
      return `building the index ${step.index.name}`;
  }
}

async function build(
  ask: Ask,
  table: ConsoleTable,
  dialect: Dialect,
  { index, sql }: { readonly index: WantedIndex; readonly sql: string },
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await ask(sql);
      return;
    } catch (error) {
      // A half-built index would slow down every write and serve nothing.
      await dropHalfBuilt(ask, table, index).catch(() => undefined);
      await refuseUnlessItPasses(ask, table, dialect, index, error);
      if (tries === BUILD_TRIES) throw error;
      await sleep(1_000 * tries);
    }
  }
}

/** Not by its name alone: another table's index may have it. */
async function dropHalfBuilt(ask: Ask, table: ConsoleTable, { name }: WantedIndex): Promise<void> {
  const found = await ask(
    `select from pg_index x join pg_class i on i.oid = x.indexrelid
      where x.indrelid = $1::oid and i.relname = $2 and not x.indisvalid`,
    [table.oid, name],
  );
  if (parseRows(found, z.object({})).length > 0) await ask(`drop index concurrently ${schemaOf(table)}.${name}`);
}

/** @throws what failed, in words, unless trying again may help */
async function refuseUnlessItPasses(
  ask: Ask,
  table: ConsoleTable,
  dialect: Dialect,
  index: WantedIndex,
  error: unknown,
): Promise<void> {
  const code = codeOf(error) ?? '';
  if (PASSES.has(code)) return;
  // query_canceled, or the migration lock was lost: no fault of the index.
  if (code === '57014' || error instanceof ServerError) throw error;
  if (code === '23505') {
    const isId = index.base === 'id';
    await refuseRows(ask, table, dialect, { oneActive: !isId, uniqueId: isId }, 'The table works as before.');
    // The duplicates are gone again.
    return;
  }
  throw new ConsoleTableError(
    `PostgreSQL could not build the index ${index.name} on ${table.name}: ${messageOf(error)}. The table works as before; migrate again once that is mended.`,
  );
}

const schemaOf = ({ schema }: ConsoleTable): string => `"${schema.replaceAll('"', '""')}"`;

async function analyze(ask: Ask, table: ConsoleTable): Promise<void> {
  // Autovacuum would do it later.
  await ask(`analyze ${table.name}`).catch(() => undefined);
}
