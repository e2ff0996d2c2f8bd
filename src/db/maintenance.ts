import * as z from 'zod';
import type { Knex } from './connection.js';
import { CLOCK, isAhead } from './leases.js';
import { count, parseRows } from './rows.js';

/** The newest maintenance round that any replica completed. */
interface MaintenanceRecord {
  readonly completedAt: Date;
  readonly deploying: number;
  readonly stuck: number;
}

export interface MaintenanceRecords {
  last(): Promise<MaintenanceRecord | null>;
  record(counts: Omit<MaintenanceRecord, 'completedAt'>): Promise<void>;
}

export function maintenanceRecords(knex: Knex): MaintenanceRecords {
  return {
    async last() {
      const found = await knex.raw('select completed_at, deploying, stuck from flag_promotions.maintenance');
      const row = z
        .object({ completed_at: z.date(), deploying: count, stuck: count })
        .transform((r): MaintenanceRecord => ({ completedAt: r.completed_at, deploying: r.deploying, stuck: r.stuck }));
      return parseRows(found, row)[0] ?? null;
    },
    async record({ deploying, stuck }) {
      await knex.raw(
        // A time ahead shows that the clock was set back: it stays until all waits are shortened (set-back-clock.ts).
        `insert into flag_promotions.maintenance as t (completed_at, deploying, stuck) values (${CLOCK}, ?, ?)
         on conflict (only_row) do update
           set completed_at = case when ${isAhead('t.completed_at')} then t.completed_at else excluded.completed_at end,
               deploying = excluded.deploying, stuck = excluded.stuck`,
        [deploying, stuck],
      );
    },
  };
}

/**
 * The cheapest write that shows whether writing works: one unchanged row, flushed to disk. INSERT and UPDATE: a
 * provider that guards a full disk may forbid only one.
 */
export async function rewriteMaintenance(knex: Knex): Promise<void> {
  await knex.raw(
    `insert into flag_promotions.maintenance (completed_at, deploying, stuck)
     select completed_at, deploying, stuck from flag_promotions.maintenance
     on conflict (only_row) do update set only_row = excluded.only_row`,
  );
}
