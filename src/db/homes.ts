import type { Knex } from './connection.js';
import { CLOCK, mayTryAgain } from './leases.js';
import { idRow, parseRows, rowCount } from './rows.js';

/** People's home tabs: outbox messages, always posted, updated on changes. */
export interface Homes {
  /** Publishes it now, whatever it showed. Answers its message's id. */
  open(slackUserId: string): Promise<string>;
  anyIsWatched(): Promise<boolean>;
  /** Answers the messages' ids. */
  requestUpdates(): Promise<readonly string[]>;
}

/** For a day after it was opened: Slack doesn't tell when it is closed. */
const IS_WATCHED = `m.kind = 'home' and m.posted_at > ${CLOCK} - interval '24 hours'`;
/** How many are updated: no more people are on call. */
const MOST = 100;

export function homes(knex: Knex): Homes {
  return {
    async open(slackUserId) {
      const opened = await knex.raw(
        `insert into flag_promotions.messages as m (kind, subject, state, wanted, posted_at) values ('home', ?, 'posted', 1, ${CLOCK})
          on conflict (kind, subject, ordinal) do update
            set state = 'posted', posted_at = excluded.posted_at, wanted = m.wanted + 1, shown_as = null, not_before = null, next_attempt_at = null
         returning m.id`,
        [slackUserId],
      );
      const [home] = parseRows(opened, idRow);
      if (home === undefined) throw new Error('An insert had no row.');
      return home.id;
    },
    async anyIsWatched() {
      const found = await knex.raw(`select 1 from flag_promotions.messages m where ${IS_WATCHED} limit 1`);
      return rowCount(found) > 0;
    },
    async requestUpdates() {
      const due = await knex.raw(
        `with held as (
           select m.id from flag_promotions.messages m
            where ${IS_WATCHED} and ${mayTryAgain('m')} order by m.id limit ${MOST} for no key update)
         update flag_promotions.messages m set wanted = m.wanted + 1 from held where m.id = held.id returning m.id`,
      );
      return parseRows(due, idRow).map(({ id }) => id);
    },
  };
}
