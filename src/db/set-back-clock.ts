import { LONGEST_WAIT_MS, SETTLE_MS } from '../promotions/back-off.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { OWED } from './messages.js';
import { IS_OURS } from './rows.js';

/**
 * After a failover to a server whose clock is behind, stored times are hours ahead: nothing would be tried, and nothing
 * would look overdue. Each tick shortens what no writer could have set; what people set (quiet hours, snoozes) stays.
 */
export interface SetBackClock {
  /** `longestLeaseMs`: a holder may live, so its lease still lasts this long. */
  shortenWaits(longestLeaseMs: number): Promise<void>;
}

const MS = `?::double precision * interval '1 millisecond'`;
const inMs = (ms: number) => `${CLOCK} + ${ms}::double precision * interval '1 millisecond'`;
/** SQL: later than any writer waits. `infinity` means: not before its promotion ends. */
const isFar = (column: string) => `(${column} > ${inMs(LONGEST_WAIT_MS)} and isfinite(${column}))`;
/** SQL: one parameter, the longest lease. */
const isFarLease = (alias: string) => `${alias}.lease_until > ${inMs(LONGEST_WAIT_MS)} + ${MS}`;
const isOwedLater = (alias: string) => `${alias}.owed_since > ${CLOCK} + interval '1 minute'`;
/** SQL: between its updates, a message rests for seconds. */
const RESTS_FAR = `(m.state = 'posted' and ${isFar('m.not_before')})`;

const MESSAGES = `${OWED} and (${isFarLease('m')} or ${isFar('m.next_attempt_at')} or ${isOwedLater('m')} or ${RESTS_FAR})`;
/** Another system may hold a row of its own for as long as it likes. */
const PROMOTIONS = `{p.state} = 'deploying' and ${IS_OURS} and (${isFarLease('p')} or ${isFar('p.next_attempt_at')})`;
const WITNESSES = `(${isFarLease('w')} or ${isFar('w.next_attempt_at')} or ${isOwedLater('w')})`;

/** SQL: whether there is anything to shorten. Three parameters, each the longest lease. */
export const ANY_FAR = `exists (select from flag_promotions.messages m where ${MESSAGES})
  or exists (select from {promotions} p where ${PROMOTIONS}) or exists (select from flag_promotions.audit_witnesses w where ${WITNESSES})`;

/** SQL: one parameter, the longest lease. An attempt before may yet take effect, so the next one isn't at once. */
const shortened = (alias: string) => `
  lease_until = case when ${alias}.lease_until is not null then least(${alias}.lease_until, ${CLOCK} + ${MS}) end,
  next_attempt_at = case when ${isFar(`${alias}.next_attempt_at`)} then ${inMs(SETTLE_MS)} else ${alias}.next_attempt_at end`;

export function setBackClock(knex: Knex): SetBackClock {
  return {
    async shortenWaits(longestLeaseMs) {
      const values = [longestLeaseMs, longestLeaseMs];
      // What is locked is being worked on: the next tick finds it.
      await knex.raw(
        `with far as (select p.id from {promotions} p where ${PROMOTIONS} order by p.id for no key update skip locked)
         update {promotions} p set ${shortened('p')} from far where p.id = far.id`,
        values,
      );
      await knex.raw(
        `with far as (select m.id from flag_promotions.messages m where ${MESSAGES} order by m.id for no key update skip locked)
         update flag_promotions.messages m
            set ${shortened('m')}, owed_since = least(m.owed_since, ${CLOCK}), not_before = case when not ${RESTS_FAR} then m.not_before end
           from far where m.id = far.id`,
        values,
      );
      await knex.raw(
        `update flag_promotions.audit_witnesses w set ${shortened('w')}, owed_since = least(w.owed_since, ${CLOCK}) where ${WITNESSES}`,
        values,
      );
    },
  };
}
