import * as z from 'zod';
import type { AuditAction } from '../promotions/audit-actions.js';
import type { Attention } from '../promotions/attention.js';
import {
  type AnswerRefusal,
  decideAnswer,
  decideTake,
  type OwnerAnswer,
  type OwnerLoss,
  type TakeRefusal,
} from '../promotions/ownership.js';
import type { MessageKind } from '../promotions/messages.js';
import type { Promotion } from '../promotions/promotion.js';
import {
  decideSnooze,
  decideUnsnooze,
  type HeldSnooze,
  type SnoozeRefusal,
  type UnsnoozeRefusal,
} from '../promotions/snooze.js';
import { SEVERITIES } from '../promotions/stuck.js';
import { requestAlertUpdate } from './alerts.js';
import { attentionOf, attentionsOf, everyAttention, settleQuestion } from './attention-rows.js';
import { appendAuditEvent, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { nameAgain } from './groups.js';
import { queueReplies } from './queueing.js';
import { lockOperator } from './operators.js';
import { lockPromotion } from './promotions.js';
import { recordRefusal } from './refusals.js';
import { parseRows, rowCount, stateRow } from './rows.js';

const severityRow = z.object({ severity: z.enum(SEVERITIES) });
const atRow = z.object({ at: z.date() });

export interface AttentionRequest {
  readonly promotionId: string;
  readonly operatorId: string;
  /** By the database's clock: it decides when repetitions go on. */
  readonly at: Date;
}

type TakeOutcome =
  | { readonly kind: 'taken_now'; readonly promotion: Promotion; readonly from: string | null }
  | TakeRefusal;
type AnswerOutcome = { readonly kind: 'done'; readonly promotion: Promotion } | AnswerRefusal;
type SnoozeOutcome = { readonly kind: 'snoozed'; readonly promotion: Promotion; readonly until: Date } | SnoozeRefusal;
type UnsnoozeOutcome = { readonly kind: 'done'; readonly promotion: Promotion } | UnsnoozeRefusal;

/**
 * Who is on what, and what is snoozed. A person's act is one transaction: lock, decision, row, message update, audit
 * event. The watchdog's acts change nothing if another replica was first.
 */
export interface AttentionRecords {
  of(promotionId: string): Promise<Attention | null>;
  /** By promotion id, only those that have any. */
  ofMany(promotionIds: readonly string[]): Promise<ReadonlyMap<string, Attention>>;
  /** By promotion id. */
  all(): Promise<ReadonlyMap<string, Attention>>;
  /** `over`: the owner to replace, as the person saw it; null: none. */
  take(asked: AttentionRequest & { readonly over: string | null }): Promise<TakeOutcome>;
  answer(asked: AttentionRequest & { readonly answer: OwnerAnswer }): Promise<AnswerOutcome>;
  /** `until` null: the user's time zone, on which it depends, is unknown. */
  snooze(asked: AttentionRequest & { readonly until: Date | null }): Promise<SnoozeOutcome>;
  unsnooze(asked: AttentionRequest): Promise<UnsnoozeOutcome>;
  /** Asks the owner, once, whether they are still on it. */
  askOwner(promotionId: string, owner: string, at: Date): Promise<void>;
  /** Nobody is on it any more. */
  loseOwner(promotionId: string, owner: string, reason: OwnerLoss, at: Date): Promise<void>;
  endSnooze(promotionId: string, at: Date): Promise<void>;
}

export const NO_OWNER = 'owner = null, owned_since = null, confirmed_at = null, asked_at = null, question = null';
export const NO_SNOOZE = 'snoozed_by = null, snoozed_at = null, snoozed_until = null';

type Values = readonly (string | Date | null)[];

export function attentionRecords(knex: Knex): AttentionRecords {
  /** One transaction for a person's act; refuses non-operators, and records that. */
  async function attempt<T extends { readonly kind: string }>(
    asked: AttentionRequest,
    attempted: string,
    decide: (held: HeldSnooze) => T,
    act: (trx: Knex.Transaction, decided: T, held: HeldSnooze) => Promise<void>,
  ): Promise<T> {
    return knex.transaction(async (trx) => {
      const held = await hold(trx, asked);
      const decided = decide(held);
      if (decided.kind === 'not_operator') {
        await recordRefusal(
          trx,
          { ...asked, attempted, promotionId: held.promotion?.id ?? null },
          { kind: 'not_operator' },
        );
      } else {
        await act(trx, decided, held);
      }
      return decided;
    });
  }

  return {
    of: (promotionId) => attentionOf(knex, promotionId),
    ofMany: (promotionIds) => attentionsOf(knex, promotionIds),
    all: () => everyAttention(knex),

    async take(asked) {
      const { operatorId, at, promotionId } = asked;
      const decided = await attempt(
        asked,
        'take',
        (held) => decideTake(held, operatorId, asked.over),
        async (trx, decision, { ownership }) => {
          if (decision.kind !== 'take') return;
          await settleQuestion(trx, promotionId);
          const taken = await trx.raw(
            `insert into flag_promotions.attention as t (promotion_id, owner, owned_since, confirmed_at) values (?, ?, ?, ?)
              on conflict (promotion_id) do update
                set owner = excluded.owner, owned_since = excluded.owned_since, confirmed_at = excluded.confirmed_at,
                    asked_at = null, question = null, updated_at = now()
              where t.owner is not distinct from ?`,
            [promotionId, operatorId, at, at, ownership?.owner ?? null],
          );
          mustHaveChanged(taken);
          await requestAlertUpdate(trx, promotionId);
          const event = await note(trx, asked, 'taken', { from: decision.from });
          if (decision.from !== null) await queue(trx, promotionId, 'taken_over', event);
        },
      );
      return decided.kind === 'take' ? { ...decided, kind: 'taken_now' } : decided;
    },

    async answer(asked) {
      const { operatorId, at, promotionId } = asked;
      const decided = await attempt(
        asked,
        asked.answer,
        (held) => decideAnswer(held, operatorId, asked.answer),
        async (trx, decision) => {
          if (decision.kind !== 'do') return;
          await settleQuestion(trx, promotionId);
          const confirms = asked.answer === 'confirm';
          await change(
            trx,
            promotionId,
            confirms ? 'confirmed_at = ?, asked_at = null, question = null' : `${NO_OWNER}, resumed_at = ?`,
            [at],
            'owner = ?',
            [operatorId],
          );
          await requestAlertUpdate(trx, promotionId);
          if (!confirms) await nameAgain(trx, promotionId);
          const event = await note(trx, asked, confirms ? 'owner_confirmed' : 'handed_over', {});
          if (!confirms) await queue(trx, promotionId, 'released', event);
        },
      );
      return decided.kind === 'do' ? { ...decided, kind: 'done' } : decided;
    },

    async snooze(asked) {
      const { operatorId, at, promotionId } = asked;
      const decided = await attempt(
        asked,
        'snooze',
        (held) => decideSnooze(held, asked.until),
        async (trx, decision, { snooze }) => {
          if (decision.kind !== 'snooze') return;
          // A snoozed thread asks nothing.
          await settleQuestion(trx, promotionId);
          await trx.raw(
            `insert into flag_promotions.attention (promotion_id, snoozed_by, snoozed_at, snoozed_until) values (?, ?, ?, ?)
              on conflict (promotion_id) do update
                set snoozed_by = excluded.snoozed_by, snoozed_at = excluded.snoozed_at,
                    snoozed_until = excluded.snoozed_until, asked_at = null, question = null, updated_at = now()`,
            [promotionId, operatorId, at, decision.until],
          );
          await requestAlertUpdate(trx, promotionId);
          await note(trx, asked, 'snoozed', { until: decision.until, instead_of: snooze?.until ?? null });
        },
      );
      return decided.kind === 'snooze' ? { ...decided, kind: 'snoozed' } : decided;
    },

    async unsnooze(asked) {
      const { at, promotionId } = asked;
      const decided = await attempt(asked, 'unsnooze', decideUnsnooze, async (trx, decision) => {
        if (decision.kind !== 'unsnooze') return;
        await change(trx, promotionId, `${NO_SNOOZE}, resumed_at = ?`, [at], 'snoozed_by is not null', []);
        await requestAlertUpdate(trx, promotionId);
        await note(trx, asked, 'snooze_ended', { reason: 'unsnoozed' });
      });
      return decided.kind === 'unsnooze' ? { ...decided, kind: 'done' } : decided;
    },

    async askOwner(promotionId, owner, at) {
      await knex.transaction(async (trx) => {
        if (!(await isDeployingStill(trx, promotionId))) return;
        const asked = await trx.raw(
          `update flag_promotions.attention set asked_at = ?, updated_at = now()
            where promotion_id = ? and owner = ? and asked_at is null and snoozed_by is null`,
          [at, promotionId, owner],
        );
        if (rowCount(asked) === 0) return;
        const event = await note(trx, { promotionId, operatorId: WATCHDOG, at }, 'owner_asked', { owner });
        await change(trx, promotionId, 'question = ?', [event], 'owner = ?', [owner]);
        await queue(trx, promotionId, 'owner_asked', event);
      });
    },

    async loseOwner(promotionId, owner, reason, at) {
      await knex.transaction(async (trx) => {
        if (!(await isDeployingStill(trx, promotionId))) return;
        await settleQuestion(trx, promotionId);
        // Check again: they may just have answered, or been enabled.
        const still =
          reason === 'silent'
            ? 'asked_at is not null'
            : 'not exists (select 1 from flag_promotions.operators o where o.slack_user_id = owner and o.disabled_at is null)';
        const lost = await trx.raw(
          `update flag_promotions.attention set ${NO_OWNER}, resumed_at = ?, updated_at = now()
            where promotion_id = ? and owner = ? and ${still}`,
          [at, promotionId, owner],
        );
        if (rowCount(lost) === 0) return;
        await requestAlertUpdate(trx, promotionId);
        await nameAgain(trx, promotionId);
        const event = await note(trx, { promotionId, operatorId: WATCHDOG, at }, 'owner_lost', { owner, reason });
        await queue(trx, promotionId, 'owner_lost', event);
      });
    },

    async endSnooze(promotionId, at) {
      await knex.transaction(async (trx) => {
        if (!(await isDeployingStill(trx, promotionId))) return;
        const ended = await trx.raw(
          `update flag_promotions.attention set ${NO_SNOOZE}, resumed_at = ?, updated_at = now()
            where promotion_id = ? and snoozed_until <= ?`,
          [at, promotionId, at],
        );
        if (rowCount(ended) === 0) return;
        await requestAlertUpdate(trx, promotionId);
        await nameAgain(trx, promotionId);
        const event = await note(trx, { promotionId, operatorId: WATCHDOG, at }, 'snooze_ended', { reason: 'over' });
        await queue(trx, promotionId, 'snooze_ended', event);
      });
    },
  };
}

/** Lock order: promotion, then operator. */
async function hold(trx: Knex.Transaction, { promotionId, operatorId }: AttentionRequest): Promise<HeldSnooze> {
  const promotion = await lockPromotion(trx, promotionId);
  const operator = await lockOperator(trx, operatorId);
  const attention = await attentionOf(trx, promotionId);
  const open = parseRows(
    await trx.raw(`select severity from flag_promotions.alerts where promotion_id = ?::bigint and closed_at is null`, [
      promotionId,
    ]),
    severityRow,
  );
  const isCritical = open.some(({ severity }) => severity === 'critical');
  return {
    promotion,
    operator,
    isAlerting: open.length > 0,
    criticalSince: isCritical ? await criticalSince(trx, promotionId) : null,
    ownership: attention?.ownership ?? null,
    snooze: attention?.snooze ?? null,
  };
}

/** From the audit log: posting a deleted message again doesn't make the critical newer. */
async function criticalSince(trx: Knex.Transaction, promotionId: string): Promise<Date | null> {
  const found = await trx.raw(
    `select at from flag_promotions.audit_log
      where promotion_id = ? and action = 'console.flag.promotion.stuck_critical' order by id desc limit 1`,
    [promotionId],
  );
  return parseRows(found, atRow)[0]?.at ?? null;
}

/** Lock order: promotion first. Somebody may be ending it. */
async function isDeployingStill(trx: Knex.Transaction, promotionId: string): Promise<boolean> {
  const held = await trx.raw(`select coalesce({p.state}, '') as state from {promotions} p where p.id = ? for update`, [
    promotionId,
  ]);
  return parseRows(held, stateRow)[0]?.state === 'deploying';
}

async function change(
  trx: Knex.Transaction,
  promotionId: string,
  assignments: string,
  values: Values,
  condition: string,
  given: Values,
): Promise<void> {
  mustHaveChanged(
    await trx.raw(
      `update flag_promotions.attention set ${assignments}, updated_at = now() where promotion_id = ? and ${condition}`,
      [...values, promotionId, ...given],
    ),
  );
}

function mustHaveChanged(updated: unknown): void {
  if (rowCount(updated) !== 1) throw new Error('Who is on a promotion changed while it was locked.');
}

type Noted = 'taken' | 'owner_confirmed' | 'handed_over' | 'owner_asked' | 'owner_lost' | 'snoozed' | 'snooze_ended';

/** Answers the audit event's id. */
function note(
  trx: Knex.Transaction,
  { promotionId, operatorId, at }: AttentionRequest,
  what: Noted,
  detail: Readonly<Record<string, unknown>>,
): Promise<string> {
  const action: AuditAction = `console.flag.promotion.${what}`;
  return appendAuditEvent(trx, { at, action, actor: operatorId, promotionId, detail });
}

/** Queues a reply in the alert's thread; its audit event's id makes it unique. */
async function queue(trx: Knex.Transaction, promotionId: string, kind: MessageKind, event: string): Promise<void> {
  await queueReplies(trx, [promotionId], kind, { ordinal: event });
}
