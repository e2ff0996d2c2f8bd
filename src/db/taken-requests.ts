import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type Knex, runPrepared } from './connection.js';
import { CLOCK } from './leases.js';
import { parseRows, rowCount } from './rows.js';

/** What Slack asked and the app took, so that no replica takes it again. */
export interface TakenRequests {
  /** Remembers names; which of them nobody had taken. */
  take(names: readonly string[]): Promise<ReadonlySet<string>>;
  /** Whether there are any that can be forgotten. */
  hasOld(): Promise<boolean>;
  forgetOld(): Promise<void>;
}

/** As long as a signature may be good: five minutes before its time, and five after. */
const IS_OLD = `taken_at < ${CLOCK} - interval '10 minutes'`;

/** A name in the table: of one length, and nothing to read in a copy of the database. */
const keyOf = (name: string): string => createHash('sha256').update(name).digest('base64url');

const keyRow = z.object({ key: z.string() });

export function takenRequests(knex: Knex): TakenRequests {
  return {
    async take(names) {
      const byKey = new Map(names.map((name) => [keyOf(name), name]));
      // Nobody waits for the disk: a server that crashes forgets the last half second, and the handlers still act once.
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
    async hasOld() {
      return rowCount(await knex.raw(`select 1 from flag_promotions.taken_requests where ${IS_OLD} limit 1`)) > 0;
    },
    async forgetOld() {
      await knex.raw(`delete from flag_promotions.taken_requests where ${IS_OLD}`);
    },
  };
}
