import * as z from 'zod';
import { type Knex, runPrepared } from './connection.js';
import { CLOCK } from './leases.js';
import { count, parseRows } from './rows.js';

/** By all replicas in the last hour, by the database's clock. */
export interface HerokuRequests {
  /** Adds to the count unless that exceeds `limit`, even concurrently. Answers the new count; null: not counted. */
  count(requests: number, limit: number): Promise<number | null>;
  ofLastHour(): Promise<number>;
}

const MINUTE = `floor(extract(epoch from ${CLOCK}) / 60)::bigint`;
/** Only the last hour's minutes: a clock that ran ahead leaves nothing that counts for long. */
const IS_RECENT = `m.key::bigint > (select ${MINUTE}) - 60 and m.key::bigint <= (select ${MINUTE})`;
const sumOf = (minutes: string) =>
  `(select coalesce(sum(m.value::int), 0) from jsonb_each_text(${minutes}) m where ${IS_RECENT})`;
const row = z.object({ n: count });

export function herokuRequests(knex: Knex): HerokuRequests {
  return {
    async count(requests, limit) {
      const counted = await runPrepared(knex, {
        // Whoever waited here for another replica's row lock sees its count.
        sql: `insert into flag_promotions.heroku_requests as r (minutes)
              select jsonb_build_object((${MINUTE})::text, ?::int) where ?::int <= ?::int
              on conflict (only_row) do update
                set minutes = (select jsonb_object_agg(m.key, m.value::int) from (
                      select key, sum(value::int) as value from (
                        select m.key, m.value from jsonb_each_text(r.minutes) m where ${IS_RECENT}
                         union all select m.key, m.value from jsonb_each_text(excluded.minutes) m) a group by key) m)
              where ${sumOf('r.minutes')} + ?::int <= ?::int
              returning ${sumOf('r.minutes')} as n`,
        values: [requests, requests, limit, requests, limit],
      });
      return parseRows(counted, row)[0]?.n ?? null;
    },
    async ofLastHour() {
      const found = await knex.raw(`select ${sumOf('r.minutes')} as n from flag_promotions.heroku_requests r`);
      return parseRows(found, row)[0]?.n ?? 0;
    },
  };
}
