import * as z from 'zod';
import type { OperatorEvent } from '../operators/operator-event.js';
import type { Knex } from './connection.js';
import { count, parseRows } from './rows.js';

export interface OperatorNotices {
  /** The audit event it is about. */
  find(eventId: string): Promise<OperatorEvent | null>;
}

const role = z.enum(['superadmin', 'engineer']).nullish().catch(null);
const eventRow = z
  .object({
    action: z.string(),
    actor: z.string(),
    detail: z.object({
      operator: z.string().optional(),
      role,
      former_role: role,
      invited_by: z.string().optional(),
      locked_until: z.coerce.date().nullish().catch(null),
      locks: count.optional(),
    }),
  })
  .transform(
    ({ action, actor, detail }): OperatorEvent => ({
      action,
      actor,
      operator: detail.operator ?? actor,
      role: detail.role ?? null,
      formerRole: detail.former_role ?? null,
      invitedBy: detail.invited_by ?? null,
      lockedUntil: detail.locked_until ?? null,
      locks: detail.locks ?? 1,
    }),
  );

export function operatorNotices(knex: Knex): OperatorNotices {
  return {
    async find(eventId) {
      const found = await knex.raw('select action, actor, detail from flag_promotions.audit_log where id = ?::bigint', [
        eventId,
      ]);
      return parseRows(found, eventRow)[0] ?? null;
    },
  };
}

/** Inside the transaction that recorded an event about an operator: notifies all superadmins, and `also`. */
export async function queueNotices(trx: Knex, eventId: string, also: readonly string[] = []): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages (kind, subject, ordinal)
     select 'operator_notice', person, ?::bigint
       from (select slack_user_id as person from flag_promotions.operators where role = 'superadmin' and disabled_at is null
              union select unnest(?::text[])) told
      order by person on conflict do nothing`,
    [eventId, [...also]],
  );
}
