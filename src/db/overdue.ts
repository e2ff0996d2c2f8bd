import * as z from 'zod';
import type { Overdue } from '../promotions/overdue.js';
import type { Knex } from './connection.js';
import { CLOCK, isFree, mayTryAgain } from './leases.js';
import { OWED } from './messages.js';
import { OURS } from './promoting.js';
import { count, parseRows, STUCK_CLOCK } from './rows.js';

const overdueRow = z.object({ messages: count, promotions: count, seals: count, since: z.date().nullable() });

export interface OverdueOptions {
  readonly afterMs: number;
  readonly promoting: boolean;
  readonly witness?: string | null;
}

/** A deferred message is owed from its not-before time. A reply waits for its root, which counts itself. */
const MESSAGES = `
  select greatest(m.owed_since, m.not_before) as since
    from flag_promotions.messages m left join flag_promotions.messages r on r.id = m.root_id
   where ${OWED} and m.kind not in ('home', 'drill', 'drill_ended', 'drill_page', 'drill_webhook') and r.state is distinct from 'pending'`;

/** Promotions that a promoter could claim, and none has. An impossible start is ignored. */
const PROMOTIONS = `
  select coalesce(greatest(case when isfinite(${STUCK_CLOCK}) and ${STUCK_CLOCK} <= ${CLOCK} then ${STUCK_CLOCK} end,
                           p.lease_until, p.next_attempt_at), to_timestamp(0)) as since
    from {promotions} p
   where ${OURS} and ${isFree('p')} and ${mayTryAgain('p')}`;

/**
 * SQL: since when the witness is owed each seal. Without a start in its row, a seal's own time counts; if the row says
 * that more was sent than there is, all are owed. Somebody may have changed the row to silence the witness.
 */
const WITNESSED = `
  select case when w.owed_since <= ${CLOCK} then w.owed_since else coalesce(s.at, to_timestamp(0)) end as since
    from flag_promotions.audit_witnesses w
   cross join (select coalesce(max(number), 0) as number from flag_promotions.audit_seals) newest
    left join flag_promotions.audit_seals s on s.number > case when w.sent_to > newest.number then 0 else w.sent_to end
   where w.witness = ? and w.sent_to <> newest.number`;

/**
 * What is owed for longer than `afterMs`, tried or not. Home tabs, published when opened, and drills don't count.
 * `promoting`: does anybody promote here? `witness`: its address's hash.
 */
export async function findOverdue(
  knex: Knex,
  { afterMs, promoting, witness = null }: OverdueOptions,
): Promise<Overdue | null> {
  const found = await knex.raw(
    `select count(*) filter (where kind = 'message') as messages, count(*) filter (where kind = 'promotion') as promotions,
            count(*) filter (where kind = 'seal') as seals,
            min(since) as since
       from (select 'message' as kind, m.since from (${MESSAGES}) m
              union all select 'promotion', p.since from (${PROMOTIONS}) p where ?
              union all select 'seal', s.since from (${WITNESSED}) s) owed
      where since <= ${CLOCK} - ?::double precision * interval '1 millisecond'`,
    [promoting, witness, afterMs],
  );
  const [row] = parseRows(found, overdueRow);
  if (row === undefined || row.since === null) return null;
  const { seals, since, ...rest } = row;
  return { ...rest, ...(seals === 0 ? {} : { seals }), since };
}
