import * as z from 'zod';
import type { Promotion } from '../promotions/promotion.js';
import { FORGOTTEN } from '../promotions/webhook.js';
import { requestAlertUpdate } from './alerts.js';
import { NO_OWNER, NO_SNOOZE } from './attention.js';
import { settleQuestion } from './attention-rows.js';
import { appendAuditEvent, appendAuditEvents } from './audit.js';
import type { Knex } from './connection.js';
import { lockDrills, requestDrillUpdate } from './drills.js';
import { nameAgain } from './groups.js';
import { type Doer, isLastSuperadmin, lockAdministration, lockOperator } from './operators.js';
import { queueNotices } from './operator-notices.js';
import { lockPromotion } from './promotions.js';
import { queueReplies } from './queueing.js';
import { idRow, parseRows, promotionIdRow, rowCount } from './rows.js';

type ForgetOutcome =
  | 'forgotten'
  /** Nothing was stored about them, so nothing was written. */
  | 'nothing'
  /** They acknowledge or snooze alerts all the time. Nothing was written. */
  | 'never_still'
  /** Refused: nobody would be left to enrol, promote or resolve. */
  | 'last_superadmin';

export interface Forgetting {
  /**
   * Deletes a person's data with an audit event: role, secret, recovery codes, links to and by them, home tab; their
   * alerts become free, their snoozes end. Webhooks, drills and accepted drifts lose the id. The audit log and the
   * promotions they acted on keep it, as the record of what was done.
   */
  forget(slackUserId: string, by: Doer, options: { readonly keepLast: boolean }): Promise<ForgetOutcome>;
}

/** They may acknowledge another alert between two looks. */
const MOST_LOOKS = 3;

export function forgetting(knex: Knex): Forgetting {
  return {
    async forget(slackUserId, by, { keepLast }) {
      for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
        const outcome = await knex.transaction((trx) => forgetWithin(trx, slackUserId, by, keepLast));
        if (outcome !== 'look_again') return outcome;
      }
      return 'never_still';
    },
  };
}

async function forgetWithin(
  trx: Knex.Transaction,
  slackUserId: string,
  by: Doer,
  keepLast: boolean,
): Promise<ForgetOutcome | 'look_again'> {
  await lockAdministration(trx);
  if (keepLast && (await isLastSuperadmin(trx, slackUserId))) return 'last_superadmin';
  const attended = await attendedBy(trx, slackUserId);
  const promotions: Promotion[] = [];
  for (const id of attended) {
    const promotion = await lockPromotion(trx, id);
    if (promotion?.state === 'deploying') promotions.push(promotion);
  }
  await lockDrills(trx);
  const drills = await leaveDrills(trx, slackUserId);
  const person = await lockOperator(trx, slackUserId);
  if ((await attendedBy(trx, slackUserId)).some((id) => !attended.includes(id))) return 'look_again';

  const links = await deleteEnrolments(trx, slackUserId);
  const homes = rowCount(
    await trx.raw(`delete from flag_promotions.messages where kind = 'home' and subject = ?`, [slackUserId]),
  );
  await trx.raw(`delete from flag_promotions.messages where kind = 'operator_notice' and subject = ?`, [slackUserId]);
  for (const id of drills.running) await requestDrillUpdate(trx, id);
  const traces = drills.count + (await removeTraces(trx, slackUserId));
  // Deletes their recovery codes too (cascade).
  await trx.raw('delete from flag_promotions.operators where slack_user_id = ?', [slackUserId]);
  await leaveAlerts(
    trx,
    slackUserId,
    promotions.map(({ id }) => id),
    by,
  );
  if (person === null && links + homes + attended.length + traces === 0) return 'nothing';
  const event = await appendAuditEvent(trx, {
    ...by,
    action: 'console.flag.operator.forgotten',
    promotionId: null,
    detail: { operator: slackUserId, role: person?.role ?? null, links },
  });
  await queueNotices(trx, event);
  return 'forgotten';
}

/** The promotions that they own or snoozed, in lock order. */
async function attendedBy(trx: Knex.Transaction, slackUserId: string): Promise<readonly string[]> {
  const found = await trx.raw(
    'select promotion_id from flag_promotions.attention where owner = ? or snoozed_by = ? order by promotion_id',
    [slackUserId, slackUserId],
  );
  return parseRows(found, promotionIdRow).map(({ promotion_id: id }) => id);
}

/**
 * Takes their id out of drills, whose steps and times stay. Before the operator is locked, as a click does. Answers how
 * many, and the running one if they were on it.
 */
async function leaveDrills(trx: Knex.Transaction, slackUserId: string) {
  const left = await trx.raw(
    `update flag_promotions.drills d
        set started_by = case when d.started_by = who then ? else d.started_by end,
            acknowledged_by = nullif(d.acknowledged_by, who), resolved_by = nullif(d.resolved_by, who)
       from (select ?::text as who) forgotten
      where who in (d.started_by, d.acknowledged_by, d.resolved_by)
      returning d.id, d.ended_at is null as is_running`,
    [FORGOTTEN, slackUserId],
  );
  const rows = parseRows(left, leftDrillRow);
  return { count: rows.length, running: rows.flatMap(({ id, is_running: isRunning }) => (isRunning ? [id] : [])) };
}

const leftDrillRow = idRow.extend({ is_running: z.boolean() });

/**
 * Takes their id out of webhooks and accepted drifts. The rows stay: they say what was done already. A webhook that is
 * still owed goes out without the id. Answers how many.
 */
async function removeTraces(trx: Knex.Transaction, slackUserId: string): Promise<number> {
  const webhooks = await trx.raw(
    `with held as (
       select m.id from flag_promotions.messages m
        where m.kind in ('webhook', 'drill_webhook')
          and ?::text in (m.detail #>> '{event,data,by}', m.detail #>> '{event,data,instead_of}')
        order by m.id for no key update)
     update flag_promotions.messages m
        set detail = jsonb_set(m.detail, '{event,data}', (
              select jsonb_object_agg(key, case when key in ('by', 'instead_of') and value = to_jsonb(?::text)
                                                then to_jsonb(?::text) else value end)
                from jsonb_each(m.detail #> '{event,data}')))
       from held where m.id = held.id`,
    [slackUserId, slackUserId, FORGOTTEN],
  );
  const drifts = await trx.raw('update flag_promotions.drifts set accepted_by = null where accepted_by = ?', [
    slackUserId,
  ]);
  return rowCount(webhooks) + rowCount(drifts);
}

/** Also links that they sent: without its inviter an open one can't be confirmed. Answers how many. */
async function deleteEnrolments(trx: Knex.Transaction, slackUserId: string): Promise<number> {
  const deleted = await trx.raw(
    'delete from flag_promotions.enrolments where slack_user_id = ? or invited_by = ? returning id',
    [slackUserId, slackUserId],
  );
  const ids = parseRows(deleted, idRow).map(({ id }) => id);
  await trx.raw(
    `delete from flag_promotions.messages where kind in ('confirm_enrolment', 'link_used', 'enrolment_ended') and subject = any(?::text[])`,
    [ids],
  );
  return ids.length;
}

/** `deploying`: the locked promotions whose messages need an update. */
async function leaveAlerts(
  trx: Knex.Transaction,
  slackUserId: string,
  deploying: readonly string[],
  by: Doer,
): Promise<void> {
  await settleQuestion(trx, ...deploying);
  const left = async (nobody: string, who: string): Promise<readonly string[]> => {
    const changed = await trx.raw(
      `update flag_promotions.attention set ${nobody}, resumed_at = ?, updated_at = now() where ${who} = ? returning promotion_id`,
      [by.at, slackUserId],
    );
    const ids = new Set(parseRows(changed, promotionIdRow).map(({ promotion_id: id }) => id));
    return deploying.filter((id) => ids.has(id));
  };
  const unowned = await left(NO_OWNER, 'owner');
  const woken = await left(NO_SNOOZE, 'snoozed_by');
  await requestAlertUpdate(trx, ...deploying);
  for (const id of deploying) await nameAgain(trx, id);
  const replies = [
    ...unowned.map((id) => ({ id, kind: 'owner_lost', detail: { owner: slackUserId, reason: 'disabled' } }) as const),
    ...woken.map((id) => ({ id, kind: 'snooze_ended', detail: { reason: 'forgotten' } }) as const),
  ];
  const events = await appendAuditEvents(
    trx,
    replies.map(({ id, kind, detail }) => ({
      ...by,
      action: `console.flag.promotion.${kind}`,
      promotionId: id,
      detail,
    })),
  );
  for (const [index, { id, kind }] of replies.entries()) {
    await queueReplies(trx, [id], kind, { ordinal: events[index] ?? '0' });
  }
}
