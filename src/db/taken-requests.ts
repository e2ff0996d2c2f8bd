import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type Knex, runPrepared } from './connection.js';
import { CLOCK } from './leases.js';
import { parseRows } from './rows.js';

/** So that no replica handles a request twice. */
export interface TakenRequests {
  /** Remembers names; answers those that are new. */
  take(names: readonly string[]): Promise<ReadonlySet<string>>;
  forgetOld(): Promise<void>;
}

/** How long a signature may be valid: from five minutes before its time to five after. */
export const IS_OLD_REQUEST = `taken_at < ${CLOCK} - interval '10 minutes'`;

/** Of fixed length, and unreadable in a copy of the database. */
const keyOf = (name: string): string => createHash('sha256').update(name).digest('base64url');

const keyRow = z.object({ key: z.string() });

export function takenRequests(knex: Knex): TakenRequests {
  return {
    async take(names) {
      const byKey = new Map(names.map((name) => [keyOf(name), name]));
      // Don't wait for the disk: a crash forgets half a second, and the handlers still act only once.
      const found = await runPrepared(knex, {
        sql: `insert into flag_promotions.taken_requests (key, taken_at)
              select key, ${CLOCK} from unnest(?::text[]) key
               where set_config('synchronous_commit', 'off', true) is not null
               order by key
              on conflict do nothing returning key`,
        values: [[...byKey.keys()]],
      });
      return new Set(parseRows(found, keyRow).flatMap(({ key }) => byKey.get(key) ?? []));
    },
    async forgetOld() {
      await knex.raw(`delete from flag_promotions.taken_requests where ${IS_OLD_REQUEST}`);
    },
  };
}
