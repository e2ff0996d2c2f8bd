import { LONGEST_WAIT_MS, SETTLE_MS } from '../promotions/back-off.js';
import type { Knex } from './connection.js';
import { CLOCK, isAhead, presentOf } from './leases.js';
import { OWED } from './messages.js';
import { IS_OURS } from './rows.js';

/**
 * After a failover to a server whose clock is behind, stored times are ahead: nothing would be tried, and nothing would
 * look overdue. The next tick notices and ends each wait of the app's own; what people set (quiet hours, snoozes) stays.
 * Nothing else doubts stored times, except the promoter: when it announced a PATCH can't be changed (promoting.ts). If
 * the clock was ahead only between two ticks, nothing shows it: what was postponed meanwhile waits up to an hour longer.
 */
export interface SetBackClock {
  /** `longestLeaseMs`: a holder may live, so its lease still lasts this long. */
  shortenWaits(longestLeaseMs: number): Promise<void>;
}

const MS = `?::double precision * interval '1 millisecond'`;
const isFarLease = (alias: string) => isAhead(`${alias}.lease_until - ${MS}`);
/** SQL: later than any writer waits. `infinity` means: not before its promotion ends. */
const isFar = (column: string) => `(${isAhead(column, LONGEST_WAIT_MS)} and isfinite(${column}))`;

/** Another system may hold a row of its own for as long as it likes. */
const PROMOTIONS = `{p.state} = 'deploying' and ${IS_OURS}`;
/** SQL: between its updates, a home tab rests for seconds; before a post, people may sleep. */
const RESTS = `(m.kind = 'home' and m.state = 'posted' and m.not_before > ${CLOCK})`;
/** SQL: slots go by the server's own clock. A pause is no longer than any other wait. */
const FAR_SLOT = `s.free_at > clock_timestamp() + ${60_000 + LONGEST_WAIT_MS} * interval '1 millisecond'`;

/**
 * SQL: whether the clock was set back: a time of the past lies ahead, or a wait is longer than any that we ask for.
 * Three parameters, each the longest lease.
 */
export const WAS_SET_BACK = `
  exists (select from flag_promotions.maintenance t where ${isAhead('t.completed_at')})
  or exists (select from flag_promotions.messages m where ${OWED} and (${isFarLease('m')} or ${isFar('m.next_attempt_at')}
    or ${isAhead('m.owed_since')} or (m.state = 'posted' and ${isFar('m.not_before')})))
  or exists (select from {promotions} p where ${PROMOTIONS} and (${isFarLease('p')} or ${isFar('p.next_attempt_at')}))
  or exists (select from flag_promotions.audit_witnesses w
    where ${isFarLease('w')} or ${isFar('w.next_attempt_at')} or ${isAhead('w.owed_since')})
  or exists (select from flag_promotions.verifications v where ${isFar('v.due_at')})
  or exists (select from flag_promotions.looks l where ${isFar('l.due_at')})
  or exists (select from flag_promotions.alerts a where a.closed_at is null and ${isFar('a.evidence_due_at')})
  or exists (select from flag_promotions.channel_slots s where ${FAR_SLOT})`;

/** An earlier attempt may still take effect, so the next one comes later. */
const SOON = `${CLOCK} + ${SETTLE_MS} * interval '1 millisecond'`;
/** SQL: one parameter, the longest lease. */
const shortened = (alias: string) => `
  lease_until = case when ${alias}.lease_until is not null then least(${alias}.lease_until, ${CLOCK} + ${MS}) end,
  next_attempt_at = case when isfinite(${alias}.next_attempt_at) then least(${alias}.next_attempt_at, ${SOON})
                         else ${alias}.next_attempt_at end`;

/** Times that looks and slots wait for or count from become now: being early does no harm. */
const NOW: readonly {
  readonly table: string;
  readonly key: string;
  readonly columns: readonly string[];
  /** SQL: the rows that still wait, if most no longer do. */
  readonly among?: string;
}[] = [
  { table: 'alerts', key: 'id', columns: ['evidence_due_at'], among: 't.closed_at is null' },
  { table: 'channel_slots', key: 'channel', columns: ['free_at'] },
  { table: 'drift_looks', key: 'heroku_app', columns: ['due_at'] },
  { table: 'held_up', key: 'promotion_id', columns: ['since'] },
  { table: 'looks', key: 'heroku_app', columns: ['due_at', 'looked_at'] },
  {
    table: 'verifications',
    key: 'promotion_id',
    columns: ['due_at', 'since', 'answered_since'],
    among: 't.due_at is not null',
  },
];

export function setBackClock(knex: Knex): SetBackClock {
  return {
    async shortenWaits(longestLeaseMs) {
      const began = await presentOf(knex);
      // What is locked is left out, and still waits for an hour at most: if it is more, the next tick finds that.
      await knex.raw(
        `with far as (select p.id from {promotions} p where ${PROMOTIONS} and (p.lease_until > ${CLOCK} + ${MS} or p.next_attempt_at > ${SOON})
                       order by p.id for no key update skip locked)
         update {promotions} p set ${shortened('p')} from far where p.id = far.id`,
        [longestLeaseMs, longestLeaseMs],
      );
      await knex.raw(
        `with far as (select m.id from flag_promotions.messages m where ${OWED} order by m.id for no key update skip locked)
         update flag_promotions.messages m set ${shortened('m')}, owed_since = least(m.owed_since, ${CLOCK})
           from far where m.id = far.id`,
        [longestLeaseMs],
      );
      await knex.raw(
        `with far as (select m.id from flag_promotions.messages m where ${RESTS} order by m.id for no key update skip locked)
         update flag_promotions.messages m set not_before = null from far where m.id = far.id`,
      );
      await knex.raw(
        `update flag_promotions.audit_witnesses w
            set ${shortened('w')}, owed_since = case when w.owed_since is not null then least(w.owed_since, ${CLOCK}) end`,
        [longestLeaseMs],
      );
      for (const { table, key, columns, among = 'true' } of NOW) {
        await knex.raw(
          `with far as (select t.${key} from flag_promotions.${table} t where ${among} and (${columns.map((column) => `t.${column} > ${CLOCK}`).join(' or ')})
                         order by t.${key} for no key update skip locked)
           update flag_promotions.${table} t
              set ${columns.map((column) => `${column} = case when t.${column} > ${CLOCK} then ${CLOCK} else t.${column} end`).join(', ')}
             from far where t.${key} = far.${key}`,
        );
      }
      // Last, because this is what shows that the clock was set back: what failed before is tried again. If it was set
      // back once more since this began, the next tick has to notice that, too.
      await knex.raw('update flag_promotions.maintenance set completed_at = least(completed_at, ?)', [began]);
    },
  };
}
