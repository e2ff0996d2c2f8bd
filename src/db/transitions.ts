import { presentableValue } from '../promotions/evidence.js';
import { INTENT } from '../promotions/promoting.js';
import type { Promotion } from '../promotions/promotion.js';
import { type CodeCheck, isOperator } from '../promotions/resolution.js';
import { decideTransition, type TransitionRefusal, type TransitionRequest } from '../promotions/transition.js';
import { appendAuditEvent } from './audit.js';
import type { Knex } from './connection.js';
import { announceDue } from './due.js';
import {
  lockAuthenticator,
  lockOperator,
  recordCodeCheck,
  recordRecoveryCode,
  type StoredAuthenticator,
} from './operators.js';
import { lockPromotion, neverAccepted } from './promotions.js';
import { recordRefusal } from './refusals.js';
import { PROMOTION_COLUMNS, parseRows, promotionRow } from './rows.js';

/** What is to be promoted later. */
export interface NewPromotion {
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly configVar: string;
  readonly targetValue: string;
}

export type MarkOutcome =
  | { readonly kind: 'marked'; readonly promotion: Promotion }
  /** One is marked or deploying already for this app and config var. */
  | { readonly kind: 'active'; readonly promotion: Promotion }
  | { readonly kind: 'not_operator' };

export type TransitionOutcome = { readonly kind: 'done'; readonly promotion: Promotion } | TransitionRefusal;

/** The operator's side of the promotions' table, until the promoter takes over. */
export interface Transitions {
  /** Marks a promotion, where none is active for its app and config var; takes an operator. */
  mark(asked: NewPromotion, operatorId: string, at: Date): Promise<MarkOutcome>;
  /**
   * Promotes or cancels what is marked: one transaction with the row's lock, the decision, the state, the operator's
   * time step and the audit event; a promotion is announced to every replica's promoter as it commits.
   */
  carryOut(
    request: TransitionRequest,
    at: Date,
    checkCode: (authenticator: StoredAuthenticator) => CodeCheck,
  ): Promise<TransitionOutcome>;
}

export function transitions(knex: Knex): Transitions {
  return {
    async mark(asked, operatorId, at) {
      return knex.transaction(async (trx) => {
        if (!isOperator(await lockOperator(trx, operatorId))) {
          const denied = { at, operatorId, promotionId: null, attempted: 'mark' };
          await recordRefusal(trx, denied, { kind: 'not_operator' });
          return { kind: 'not_operator' };
        }
        const marked = await insertMarked(trx, asked, operatorId, at);
        if (marked === null) return { kind: 'active', promotion: await activeOf(trx, asked) };
        await appendAuditEvent(trx, {
          at,
          action: 'console.flag.promotion.marked',
          actor: operatorId,
          promotionId: marked.id,
          detail: {
            heroku_app: marked.herokuApp,
            config_var: marked.configVar,
            target: presentableValue(marked.targetValue),
          },
        });
        return { kind: 'marked', promotion: marked };
      });
    },

    async carryOut(request, at, checkCode) {
      return knex.transaction(async (trx) => {
        const held = await lockPromotion(trx, request.promotionId);
        const person = await lockAuthenticator(trx, request.operatorId);
        const decision = decideTransition(request, { promotion: held, operator: person?.operator ?? null }, () =>
          person === null ? neverAccepted() : checkCode(person.authenticator),
        );
        const asked = { ...request, at, attempted: request.transition };
        switch (decision.kind) {
          case 'not_superadmin':
          case 'not_operator':
            await recordRefusal(trx, { ...asked, promotionId: held?.id ?? null }, decision);
            return decision;
          case 'code_refused':
            await recordRefusal(trx, asked, decision);
            return decision;
          case 'do': {
            await recordCodeCheck(trx, request.operatorId, decision.check);
            const promotion = await (request.transition === 'promote' ? promote : cancel)(trx, request, at);
            await recordRecoveryCode(trx, { ...request, at, for: request.transition }, decision.check);
            return { kind: 'done', promotion };
          }
          default:
            return decision;
        }
      });
    },
  };
}

async function insertMarked(
  trx: Knex.Transaction,
  asked: NewPromotion,
  operatorId: string,
  at: Date,
): Promise<Promotion | null> {
  const inserted = await trx.raw(
    `insert into console_flag_promotions as p (flag_key, heroku_app, config_var, target_value, state, marked_by, marked_at)
      values (?, ?, ?, ?, 'marked', ?, ?) on conflict do nothing returning ${PROMOTION_COLUMNS}`,
    [asked.flagKey, asked.herokuApp, asked.configVar, asked.targetValue, operatorId, at],
  );
  return parseRows(inserted, promotionRow)[0] ?? null;
}

/** The promotion that stands in the way of another one. */
async function activeOf(trx: Knex.Transaction, asked: NewPromotion): Promise<Promotion> {
  const found = await trx.raw(
    `select ${PROMOTION_COLUMNS} from console_flag_promotions p
      where p.heroku_app = ? and coalesce(p.config_var, 'FLAG_' || upper(p.flag_key)) = ? and p.state in ('marked', 'deploying')`,
    [asked.herokuApp, asked.configVar],
  );
  const [active] = parseRows(found, promotionRow);
  if (active === undefined) throw new Error('The promotion in the way ended at this very moment.');
  return active;
}

async function promote(trx: Knex.Transaction, request: TransitionRequest, at: Date): Promise<Promotion> {
  const promotion = await leaveMarked(
    trx,
    request.promotionId,
    `state = 'deploying', promoted_by = ?, promoted_at = ?, checkpoint = ?, attempts = 0, next_attempt_at = null,
     last_error = null, lease_owner = null, lease_until = null`,
    [request.operatorId, at, INTENT],
  );
  await announceDue(trx, promotion.id);
  await appendAuditEvent(trx, {
    at,
    action: 'console.flag.promotion.promoted',
    actor: request.operatorId,
    promotionId: promotion.id,
    detail: { from: 'marked', to: 'deploying', evidence_shown: request.shown, evidence_reread: request.reread },
  });
  return promotion;
}

async function cancel(trx: Knex.Transaction, request: TransitionRequest, at: Date): Promise<Promotion> {
  const promotion = await leaveMarked(trx, request.promotionId, `state = 'cancelled', resolved_by = ?`, [
    request.operatorId,
  ]);
  await appendAuditEvent(trx, {
    at,
    action: 'console.flag.promotion.cancelled',
    actor: request.operatorId,
    promotionId: promotion.id,
    detail: { from: 'marked', to: 'cancelled' },
  });
  return promotion;
}

async function leaveMarked(
  trx: Knex.Transaction,
  id: string,
  assignments: string,
  values: readonly (string | Date)[],
): Promise<Promotion> {
  const updated = await trx.raw(
    `update console_flag_promotions p set ${assignments}, updated_at = now()
      where p.id = ? and p.state = 'marked' returning ${PROMOTION_COLUMNS}`,
    [...values, id],
  );
  const [promotion] = parseRows(updated, promotionRow);
  if (promotion === undefined) throw new Error('A promotion left `marked` while it was locked.');
  return promotion;
}
