import * as z from 'zod';
import type { Knex } from './connection.js';
import type { Lease, Postponement } from './leases.js';
import { attemptsRow, parseRows, rowCount } from './rows.js';

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
  release(slackUserId: string, lease: Lease, postponement: Postponement): Promise<boolean>;
}

const homeRow = z
  .object({ slack_user_id: z.string(), shown: z.string().nullable() })
  .transform((row): Home => ({ slackUserId: row.slack_user_id, shown: row.shown }));

export function homes(knex: Knex): Homes {
  async function fenced(id: string, lease: Lease, assignments: string, values: readonly (string | Date)[]) {
    const updated = await knex.raw(
      `update flag_promotion_homes set lease_owner = null, lease_until = null, updated_at = now(), ${assignments}
        where slack_user_id = ? and lease_owner = ?`,
      [...values, id, lease.owner],
    );
    return rowCount(updated) === 1;
  }

  return {
    async opened(slackUserId, at) {
      await knex.raw(
        `insert into flag_promotion_homes (slack_user_id, opened_at) values (?, ?)
         on conflict (slack_user_id) do update
           set opened_at = excluded.opened_at, shown = null, published_at = null, next_attempt_at = null, updated_at = now()`,
        [slackUserId, at],
      );
    },
    async watched(since, now, limit) {
      const found = await knex.raw(
        `select h.slack_user_id, h.shown from flag_promotion_homes h
          where h.opened_at >= ? and (h.next_attempt_at is null or h.next_attempt_at <= ?)
          order by h.opened_at desc limit ?`,
        [since, now, limit],
      );
      return parseRows(found, homeRow);
    },
    async claim(slackUserId, lease, publishedBefore) {
      const updated = await knex.raw(
        `update flag_promotion_homes
            set lease_owner = ?, lease_until = clock_timestamp() + ? * interval '1 millisecond', attempts = attempts + 1
          where slack_user_id = ? and (lease_until is null or lease_until <= clock_timestamp())
            and (published_at is null or published_at <= ?)
          returning attempts`,
        [lease.owner, lease.durationMs, slackUserId, publishedBefore],
      );
      return parseRows(updated, attemptsRow)[0]?.attempts ?? null;
    },
    recordPublished: (id, lease, shown, at) =>
      fenced(id, lease, 'shown = ?, published_at = ?, attempts = 0, next_attempt_at = null, last_error = null', [
        shown,
        at,
      ]),
    release: (id, lease, { nextAttemptAt, lastError }) =>
      fenced(id, lease, 'next_attempt_at = ?, last_error = ?', [nextAttemptAt, lastError]),
  };
}
