import * as z from 'zod';
import type { Knex } from './connection.js';
import { type Lease, leasedRows, NO_FAILURE, type Postponement, waited } from './leases.js';
import { parseRows } from './rows.js';

/** A home tab that somebody opened. */
export interface Home {
  readonly slackUserId: string;
  /** The fingerprint of what was last published there; null where nothing was. */
  readonly shown: string | null;
}

/** Who has opened the home tab, and what it shows them. */
export interface Homes {
  /** Somebody opened it: whatever it showed, it is to be published now. */
  opened(slackUserId: string, at: Date): Promise<void>;
  /** The tabs that were opened since, and that may be published to by now. */
  watched(since: Date, now: Date, limit: number): Promise<readonly Home[]>;
  /**
   * Takes the lease: how often in a row that was done in vain, this time included. null where another holds it, or the
   * tab was published to after `publishedBefore`.
   */
  claim(slackUserId: string, lease: Lease, publishedBefore: Date): Promise<number | null>;
  /** Each is fenced by the lease: false where it was lost, and nothing was written. */
  recordPublished(slackUserId: string, lease: Lease, shown: string, at: Date): Promise<boolean>;
  release(slackUserId: string, lease: Lease, postponement: Postponement): Promise<void>;
}

const homeRow = z
  .object({ slack_user_id: z.string(), shown: z.string().nullable() })
  .transform((row): Home => ({ slackUserId: row.slack_user_id, shown: row.shown }));

export function homes(knex: Knex): Homes {
  const leased = leasedRows(knex, 'flag_promotions.homes', 'h', 'slack_user_id');

  return {
    async opened(slackUserId, at) {
      await knex.raw(
        `insert into flag_promotions.homes (slack_user_id, opened_at) values (?, ?)
         on conflict (slack_user_id) do update
           set opened_at = excluded.opened_at, shown = null, published_at = null, next_attempt_at = null, updated_at = now()`,
        [slackUserId, at],
      );
    },
    async watched(since, now, limit) {
      const found = await knex.raw(
        `select h.slack_user_id, h.shown from flag_promotions.homes h
          where h.opened_at >= ? and ${waited('h')}
          order by h.opened_at desc limit ?`,
        [since, now, limit],
      );
      return parseRows(found, homeRow);
    },
    async claim(slackUserId, lease, publishedBefore) {
      const isDue = '(h.published_at is null or h.published_at <= ?)';
      const attemptsBefore = await leased.claim(slackUserId, lease, isDue, [publishedBefore]);
      return attemptsBefore === null ? null : attemptsBefore + 1;
    },
    recordPublished: (slackUserId, lease, shown, at) =>
      leased.fenced(
        knex,
        slackUserId,
        lease,
        `lease_owner = null, lease_until = null, shown = ?, published_at = ?, ${NO_FAILURE}`,
        [shown, at],
      ),
    release: leased.release,
  };
}
