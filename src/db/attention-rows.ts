import * as z from 'zod';
import type { Attention } from '../promotions/attention.js';
import { appendAuditEvents, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { idColumn, parseRows, promotionIdRow } from './rows.js';

/* Owner and snooze, as other transactions read and end them. */

/** SQL: the reply that asks the owner of `t` whether they are still on it. */
export const QUESTION = `from flag_promotions.messages q
  where q.kind = 'owner_asked' and q.subject = t.promotion_id::text and q.ordinal = t.question`;

/** The select list that `attentionRow` parses, under the alias `t`. */
export const ATTENTION_COLUMNS = `
         t.promotion_id, t.owner, t.owned_since, t.confirmed_at, t.asked_at, t.question, (select q.posted_at ${QUESTION}) as question_posted_at,
         t.snoozed_by, t.snoozed_at, t.snoozed_until, t.resumed_at,
         exists (select 1 from flag_promotions.operators o where o.slack_user_id = t.owner and o.disabled_at is null) as is_operator`;
const SELECT = `select ${ATTENTION_COLUMNS} from flag_promotions.attention t`;

const instant = z.date().nullable();
export const attentionRow = z
  .object({
    promotion_id: idColumn,
    owner: z.string().nullable(),
    owned_since: instant,
    confirmed_at: instant,
    asked_at: instant,
    question: idColumn.nullable(),
    question_posted_at: instant,
    snoozed_by: z.string().nullable(),
    snoozed_at: instant,
    snoozed_until: instant,
    resumed_at: instant,
    is_operator: z.boolean(),
  })
  .transform((row) => {
    const { owner, owned_since: since, confirmed_at: confirmedAt, asked_at: askedAt, question: id } = row;
    const { snoozed_by: by, snoozed_at: at, snoozed_until: until } = row;
    const attention: Attention = {
      ownership:
        owner === null || since === null || confirmedAt === null
          ? null
          : {
              owner,
              since,
              confirmedAt,
              question: askedAt === null || id === null ? null : { id, askedAt, postedAt: row.question_posted_at },
              isOperator: row.is_operator,
            },
      snooze: by === null || at === null || until === null ? null : { by, at, until },
      resumedAt: row.resumed_at,
    };
    return { promotionId: row.promotion_id, attention };
  });

/** Null: nobody was ever on it, and nobody snoozed it. */
export async function attentionOf(knex: Knex, promotionId: string): Promise<Attention | null> {
  const found = parseRows(await knex.raw(`${SELECT} where t.promotion_id = ?::bigint`, [promotionId]), attentionRow);
  return found[0]?.attention ?? null;
}

export async function attentionsOf(
  knex: Knex,
  promotionIds: readonly string[],
): Promise<ReadonlyMap<string, Attention>> {
  return byPromotion(await knex.raw(`${SELECT} where t.promotion_id = any(?::bigint[])`, [[...promotionIds]]));
}

/** All rows: each is deleted when its promotion ends. */
export async function everyAttention(knex: Knex): Promise<ReadonlyMap<string, Attention>> {
  return byPromotion(await knex.raw(SELECT));
}

function byPromotion(found: unknown): ReadonlyMap<string, Attention> {
  return new Map(parseRows(found, attentionRow).map(({ promotionId, attention }) => [promotionId, attention]));
}

/** Inside a transaction that answers questions, or ends their promotions: removes the buttons. */
export async function settleQuestion(trx: Knex.Transaction, ...promotionIds: string[]): Promise<void> {
  await trx.raw(
    `update flag_promotions.messages m set wanted = m.wanted + 1
      where m.id = any(array(
        select (select q.id ${QUESTION}) from flag_promotions.attention t where t.promotion_id = any(?::bigint[])))`,
    [promotionIds],
  );
}

/** Inside the transaction that opened criticals: a snooze of a warning mustn't hide them. */
export async function endSnoozesOfWarnings(
  trx: Knex.Transaction,
  promotionIds: readonly string[],
  at: Date,
): Promise<void> {
  const ended = await trx.raw(
    `update flag_promotions.attention
        set snoozed_by = null, snoozed_at = null, snoozed_until = null, resumed_at = ?, updated_at = now()
      where promotion_id = any(?::bigint[]) and snoozed_by is not null returning promotion_id`,
    [at, [...promotionIds]],
  );
  await appendAuditEvents(
    trx,
    parseRows(ended, promotionIdRow).map(({ promotion_id: promotionId }) => ({
      at,
      action: 'console.flag.promotion.snooze_ended',
      actor: WATCHDOG,
      promotionId,
      detail: { reason: 'critical' },
    })),
  );
}
