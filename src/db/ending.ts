import type { MessageKind } from '../promotions/messages.js';
import { QUESTION } from './attention-rows.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { GROUP_PAGES, OF_REPLACED, WITH_BUTTONS } from './queueing.js';
import { after, inOne, type Part } from './parts.js';
import { parseRows, promotionIdRow } from './rows.js';

/* What the end of a promotion causes: its alerts close, and Slack shows it. */

/** What the part `changed` ended, and who ended it. */
export const ENDED: Part = { name: 'ended', sql: 'select id, resolved_by from changed', values: [] };

/** The same for a group's single reply, which names nobody. */
export const ENDED_TOGETHER: Part = {
  name: 'ended',
  sql: 'select id, null::text as resolved_by from changed',
  values: [],
};

/** The same for rows that have ended already, or are gone. */
const endedRows = (promotionIds: readonly string[]): Part => ({
  name: 'ended',
  sql: `select i.id, p.resolved_by::text from unnest(?::bigint[]) as i (id)
          left join {promotions} p on p.id = i.id`,
  values: [[...promotionIds]],
});

const IDS = 'array(select id from ended)';

/**
 * Parts that follow `ended`: nobody is on them, messages of these kinds, their groups' and those of what they replaced
 * are updated, alerts close, a reply says so. Lock order: messages before alerts.
 */
export const ending = (updated: readonly MessageKind[]): readonly Part[] => [
  lockedMessages(updated),
  UPDATED,
  UNATTENDED,
  CLOSED,
  TOLD,
];

/**
 * Locked by id, so that two such transactions can't deadlock; read after the lock, since a delivery may be under way.
 */
const lockedMessages = (kinds: readonly MessageKind[]): Part => ({
  name: 'held',
  sql: `select m.id, m.kind, m.promotion_id, m.state, m.attempts from flag_promotions.messages m
         where m.id = any(array(
           select t.id from flag_promotions.messages t where t.promotion_id = any(${IDS}) and t.kind = any(?::text[])
            union all
           select a.group_id from flag_promotions.alerts a where a.promotion_id = any(${IDS})
            union all
           select (select q.id ${QUESTION}) from flag_promotions.attention t where t.promotion_id = any(${IDS})
            union all
           ${OF_REPLACED(IDS)}
            union all
           ${GROUP_PAGES(`a.promotion_id = any(${IDS})`)}))
         order by m.id for no key update`,
  values: [[...kinds, 'page']],
});

/** A started alert stays pending: Slack may have its message. */
const NEVER_BEGUN = `h.kind = 'alert' and h.state = 'pending' and h.attempts = 0`;

/** A message that Slack refused is tried again with its new text. */
const UPDATED: Part = {
  name: 'updated',
  sql: `update flag_promotions.messages m
           set wanted = m.wanted + 1, state = case when ${NEVER_BEGUN} then 'closed' else m.state end,
               next_attempt_at = nullif(m.next_attempt_at, 'infinity'),
               updated_at = case when ${NEVER_BEGUN} then ${CLOCK} else m.updated_at end
          from held h where m.id = h.id returning 1`,
  values: [],
};

const UNATTENDED: Part = {
  name: 'unattended',
  sql: `delete from flag_promotions.attention where promotion_id = any(${IDS}) and ${after('updated')} returning 1`,
  values: [],
};

const CLOSED: Part = {
  name: 'closed',
  sql: `update flag_promotions.alerts set closed_at = ${CLOCK}
         where promotion_id = any(${IDS}) and closed_at is null and ${after('updated')} returning promotion_id`,
  values: [],
};

/**
 * In its own alert's thread, else in its newest group's; there only for a person's act, since hundreds may end at once.
 */
const TOLD: Part = {
  name: 'told',
  sql: `insert into flag_promotions.messages (kind, subject, promotion_id, root_id)
        select 'resolved', e.id::text, e.id, e.root_id from (
          select e.id, e.resolved_by, coalesce(
                   (select h.id from held h where h.promotion_id = e.id and h.kind = 'alert' and (h.state = 'posted' or h.attempts > 0)),
                   (select max(h.id) from flag_promotions.alerts a join held h on h.id = a.group_id
                     where a.promotion_id = e.id and h.state = 'posted')) as root_id
            from ended e) e
         where e.root_id is not null and (e.resolved_by is not null
            or not exists (select 1 from flag_promotions.alerts a where a.promotion_id = e.id and a.group_id is not null))
         order by e.id on conflict do nothing returning 1`,
  values: [],
};

/**
 * Inside the transaction that ended promotions, or noticed it: closes their alerts (and answers which), updates Slack.
 */
export async function showThatItEnded(trx: Knex.Transaction, ...promotionIds: string[]): Promise<readonly string[]> {
  const { sql, values } = inOne([endedRows(promotionIds), ...ending([...WITH_BUTTONS, 'progress'])], {
    sql: 'select distinct promotion_id from closed',
    values: [],
  });
  return parseRows(await trx.raw(sql, [...values]), promotionIdRow).map((row) => row.promotion_id);
}
