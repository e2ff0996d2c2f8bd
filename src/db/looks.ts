import * as z from 'zod';
import type { WatchedPromotion } from '../promotions/notice.js';
import type { Knex } from './connection.js';
import { CLOCK, fromNow, isReached } from './leases.js';
import { PROMOTION_COLUMNS, parseManyRows, parseRows, promotionRow, rowCount, STUCK_CLOCK } from './rows.js';

/** Which promotions to look at before they are stuck, by when they were promoted. */
export interface LookedAt {
  /** `noticeAfterMs` ago. */
  readonly promotedBy: Date;
  readonly noticeAfterMs: number;
  /** Older ones are stuck. */
  readonly promotedAfter: Date;
}

export interface DueLook {
  readonly herokuApp: string;
  /** When the newest of its promotions was promoted, or our promoter was first held up on one. */
  readonly newest: Date;
}

/** When to ask Heroku about promotions without an alert: one app at a time, by any replica. */
export interface Looks {
  /** The due apps, the longest waiting first. */
  due(which: LookedAt, limit: number): Promise<readonly DueLook[]>;
  /** Sets the app's next look; empty if another replica claimed it. */
  claim(app: DueLook, which: LookedAt, againAfterMs: number): Promise<readonly WatchedPromotion[]>;
  /** No app is due before. */
  postpone(waitMs: number): Promise<void>;
}

/** SQL: `p` is deploying on a named app between `LookedAt`'s two times (parameters), without an open alert. */
const LOOKED_AT = `{p.state} = 'deploying' and {p.promoted_at} is not null and coalesce(p.heroku_app::text, '') <> ''
  and ${STUCK_CLOCK} <= ?::timestamptz and ${STUCK_CLOCK} > ?::timestamptz
  and not exists (select 1 from flag_promotions.alerts a where a.promotion_id = p.id and a.closed_at is null)`;

const IS_DUE = isReached('l.due_at');
/** Milliseconds: one parameter. */
const MS = `?::double precision * interval '1 millisecond'`;
/** One app may have thousands of the console's rows. */
const MOST_OF_AN_APP = 100;

const dueRow = z
  .object({ heroku_app: z.string(), newest: z.date() })
  .transform((row): DueLook => ({ herokuApp: row.heroku_app, newest: row.newest }));
const instant = z.date().nullable();
const watchedRow = z.object({ leased_until: instant, next_attempt: instant, held_up_since: instant });

export function looks(knex: Knex): Looks {
  return {
    async due({ promotedBy, promotedAfter, noticeAfterMs }, limit) {
      const found = await knex.raw(
        `select c.heroku_app, c.newest from (
           select p.heroku_app::text as heroku_app,
                  max(greatest(${STUCK_CLOCK}, case when h.since <= ?::timestamptz then h.since end)) as newest
             from {promotions} p left join flag_promotions.held_up h on h.promotion_id = p.id
            where ${LOOKED_AT} group by 1) c
           left join flag_promotions.looks l on l.heroku_app = c.heroku_app
          where l.heroku_app is null or ${IS_DUE} or l.looked_at < c.newest + ${MS}
          order by coalesce(l.due_at, c.newest), c.heroku_app limit ?`,
        [promotedBy, promotedBy, promotedAfter, noticeAfterMs, limit],
      );
      return parseManyRows(found, dueRow);
    },

    async claim({ herokuApp, newest }, { promotedBy, promotedAfter, noticeAfterMs }, againAfterMs) {
      const taken = await knex.raw(
        `insert into flag_promotions.looks as l (heroku_app, looked_at, due_at)
         select c.heroku_app, ${CLOCK}, ${fromNow()} from (select ?::text as heroku_app) c
             on conflict (heroku_app) do update set looked_at = excluded.looked_at, due_at = excluded.due_at
          where ${IS_DUE} or l.looked_at < ?::timestamptz + ${MS}`,
        [againAfterMs, herokuApp, newest, noticeAfterMs],
      );
      if (rowCount(taken) === 0) return [];
      await forgetOld(knex);
      const found = await knex.raw(
        `select ${PROMOTION_COLUMNS}, p.lease_until::timestamptz as leased_until, p.next_attempt_at::timestamptz as next_attempt,
                h.since as held_up_since
           from {promotions} p left join flag_promotions.held_up h on h.promotion_id = p.id
          where ${LOOKED_AT} and p.heroku_app::text = ? order by p.id limit ${MOST_OF_AN_APP}`,
        [promotedBy, promotedAfter, herokuApp],
      );
      const promotions = await parseManyRows(found, promotionRow);
      const watched = parseRows(found, watchedRow);
      return promotions.map((promotion, index) => ({
        promotion,
        leasedUntil: watched[index]?.leased_until ?? null,
        nextAttemptAt: watched[index]?.next_attempt ?? null,
        heldUpSince: watched[index]?.held_up_since ?? null,
      }));
    },

    async postpone(waitMs) {
      await knex.raw(`update flag_promotions.looks l set due_at = greatest(l.due_at, ${fromNow()})`, [waitMs]);
    },
  };
}

/** Looks at apps with nothing deploying, and the records of ended promotions. */
async function forgetOld(knex: Knex): Promise<void> {
  await knex.raw(`delete from flag_promotions.looks where due_at < ${CLOCK} - interval '1 day'`);
  await knex.raw(
    `delete from flag_promotions.held_up h
      where not exists (select 1 from {promotions} p where p.id = h.promotion_id and {p.state} = 'deploying')`,
  );
}

/** Inside the transaction that wrote why the promoter is held up: records since when. `isFirst` starts anew. */
export async function noteHeldUp(trx: Knex, promotionId: string, isFirst: boolean): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.held_up as h (promotion_id, since) values (?::bigint, ${CLOCK})
     on conflict (promotion_id) do update set since = excluded.since where ?::boolean`,
    [promotionId, isFirst],
  );
}
