import * as z from 'zod';
import { type Knex, runPrepared } from './connection.js';
import { PAGED_LATELY } from './drills.js';
import { anyDrift } from './drifts.js';
import { anythingToPrune } from './pruning.js';
import { parseRows } from './rows.js';
import { WAS_SET_BACK } from './set-back-clock.js';
import { IS_DUE } from './verifications.js';

/** Whether a tick has any rare work, in one statement: an idle replica should ask little. */
export interface Chores {
  due(now: Date, pruneBefore: Date, longestLeaseMs: number): Promise<ChoresDue>;
}

export interface ChoresDue {
  /** Whether deployed flags are to be verified. */
  readonly verify: boolean;
  readonly drift: boolean;
  readonly drills: boolean;
  readonly prune: boolean;
  /** The database's clock was set back. */
  readonly shortenWaits: boolean;
}

const dueRow = z.object({
  verify: z.boolean(),
  drift: z.boolean(),
  drills: z.boolean(),
  prune: z.boolean(),
  shortenWaits: z.boolean(),
});

export function chores(knex: Knex): Chores {
  return {
    async due(now, pruneBefore, longestLeaseMs) {
      const prune = anythingToPrune(now, pruneBefore);
      const found = await runPrepared(knex, {
        sql: `select exists (select from flag_promotions.verifications v where ${IS_DUE}) as verify,
                     (${anyDrift.sql}) as drift, exists (select from flag_promotions.drills d where d.ended_at is null or not ${PAGED_LATELY}) as drills, (${prune.sql}) as prune,
                     (${WAS_SET_BACK}) as "shortenWaits"`,
        values: [...anyDrift.values, ...prune.values, longestLeaseMs, longestLeaseMs, longestLeaseMs],
      });
      const [row] = parseRows(found, dueRow);
      if (row === undefined) throw new Error('The chores had no row.');
      // If the clock was set back, every look becomes due.
      return { ...row, verify: row.verify || row.shortenWaits, drift: row.drift || row.shortenWaits };
    },
  };
}
