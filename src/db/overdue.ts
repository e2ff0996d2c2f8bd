import * as z from 'zod';
import type { Overdue } from '../promotions/overdue.js';
import type { Knex } from './connection.js';
import { CLOCK, isFree, mayTryAgain } from './leases.js';
import { OWED } from './messages.js';
import { OURS } from './promoting.js';
import { count, parseRows, STUCK_CLOCK } from './rows.js';

const overdueRow = z.object({ messages: count, promotions: count, since: z.date().nullable() });

/** What is being held back is owed from then on. A reply waits for its root, which counts itself. */
const MESSAGES = `
  select greatest(m.owed_since, m.not_before) as since
    from flag_promotions.messages m left join flag_promotions.messages r on r.id = m.root_id
   where ${OWED} and m.kind <> 'home' and r.state is distinct from 'pending'`;

/** What a promoter could take up, and none has. A start that can't be true says nothing. */
const PROMOTIONS = `
  select coalesce(greatest(case when isfinite(${STUCK_CLOCK}) and ${STUCK_CLOCK} <= ${CLOCK} then ${STUCK_CLOCK} end,
                           p.lease_until, p.next_attempt_at), to_timestamp(0)) as since
    from {promotions} p
   where ${OURS} and ${isFree('p')} and ${mayTryAgain('p')}`;

/**
 * What has been owed for longer than `afterMs`, whether or not anybody tried; null where nothing is. Home tabs don't count:
 * they tell nobody anything, and are published anew as they are opened. `promoting`: whether anybody promotes here at all.
 */
export async function findOverdue(
  knex: Knex,
  { afterMs, promoting }: { readonly afterMs: number; readonly promoting: boolean },
): Promise<Overdue | null> {
  const found = await knex.raw(
    `select count(*) filter (where kind = 'message') as messages, count(*) filter (where kind = 'promotion') as promotions,
            min(since) as since
       from (select 'message' as kind, m.since from (${MESSAGES}) m
              union all select 'promotion', p.since from (${PROMOTIONS}) p where ?) owed
      where since <= ${CLOCK} - ?::double precision * interval '1 millisecond'`,
    [promoting, afterMs],
  );
  const [row] = parseRows(found, overdueRow);
  return row === undefined || row.since === null ? null : { ...row, since: row.since };
}
