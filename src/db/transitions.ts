import { configVarOf } from './console/columns.js';
import { isOperator } from '../operators/operator.js';
import { INTENT } from '../promotions/promoting.js';
import type { Promotion, RowChanged } from '../promotions/promotion.js';
import {
  type Authorised,
  decideTransition,
  type TransitionRefusal,
  type TransitionRequest,
} from '../promotions/transition.js';
import { changeAudited, targetOf } from './audit.js';
import { authorisedTarget } from './authorised.js';
import { IS_SPENT, lockToDecide, neverAccepted, recoveryCodeEvents, spending, type TypedCode } from './codes.js';
import type { Knex } from './connection.js';
import { makeDue } from './due.js';
import { takenBy } from './errors.js';
import { IS_OPERATOR, lockOperator } from './operators.js';
import { recordIfRefused, recordRefusal } from './refusals.js';
import { PROMOTION_COLUMNS, parseRows, promotionRow, type Sql, type Value } from './rows.js';

export interface NewPromotion {
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly configVar: string;
  readonly targetValue: string;
}

export type MarkOutcome =
  | { readonly kind: 'marked'; readonly promotion: Promotion }
  /** Another is marked or deploying for this app and config var. */
  | { readonly kind: 'active'; readonly promotion: Promotion }
  | { readonly kind: 'not_operator' };

export type TransitionOutcome =
  | { readonly kind: 'done'; readonly promotion: Promotion }
  | TransitionRefusal
  | RowChanged;

/** The operator's side of the promotions' table, until the promoter takes over. */
export interface Transitions {
  /** Marks it if none is active for its app and config var; needs an operator. */
  mark(asked: NewPromotion, operatorId: string, at: Date): Promise<MarkOutcome>;
  /**
   * Promotes or cancels a marked promotion in one transaction: lock, decision, state, time step, audit event. Promoters
   * are notified on commit.
   */
  carryOut(request: TransitionRequest, at: Date, code: TypedCode): Promise<TransitionOutcome>;
}

const MOST_LOOKS = 3;

export function transitions(knex: Knex): Transitions {
  return {
    async mark(asked, operatorId, at) {
      // Most succeed here. The reason why not is found under locks.
      const marked = await insertMarked(knex, asked, operatorId, at).catch(nullIfTaken);
      if (marked !== null) return { kind: 'marked', promotion: marked };
      for (let looks = 1; ; looks += 1) {
        try {
          return await knex.transaction((trx) => markUnderLock(trx, asked, operatorId, at));
        } catch (error) {
          // The other promotion may end between a look and the next. After that, another index refuses this one.
          if (takenBy(error) === null || looks === MOST_LOOKS) throw error;
        }
      }
    },

    async carryOut(request, at, code) {
      return knex.transaction(async (trx) => {
        const { promotion: held, person } = await lockToDecide(trx, request.promotionId, request.operatorId, code);
        const decision = decideTransition(request, { promotion: held, operator: person?.operator ?? null }, () =>
          person === null ? neverAccepted() : code.check(person.authenticator),
        );
        if (decision.kind === 'do') {
          const write = request.transition === 'promote' ? promote : cancel;
          return { kind: 'done', promotion: await write(trx, request, at, decision) };
        }
        await recordIfRefused(trx, { ...request, at, attempted: request.transition }, held, decision);
        return decision;
      });
    },
  };
}

function nullIfTaken(error: unknown): null {
  if (takenBy(error) === null) throw error;
  return null;
}

async function markUnderLock(
  trx: Knex.Transaction,
  asked: NewPromotion,
  operatorId: string,
  at: Date,
): Promise<MarkOutcome> {
  if (!isOperator(await lockOperator(trx, operatorId))) {
    const denied = { at, operatorId, promotionId: null, attempted: 'mark' };
    await recordRefusal(trx, denied, { kind: 'not_operator' });
    return { kind: 'not_operator' };
  }
  const active = await activeOf(trx, asked);
  if (active !== null) return { kind: 'active', promotion: active };
  const promotion = await insertMarked(trx, asked, operatorId, at);
  if (promotion === null) throw new Error('The operator is locked, and yet was not one.');
  return { kind: 'marked', promotion };
}

/**
 * Null if the person is no operator. Without `on conflict do nothing`, which PostgreSQL refuses where the console has a
 * deferrable unique constraint.
 * @throws if an index holds another for it: see takenBy
 */
async function insertMarked(
  runner: Knex,
  asked: NewPromotion,
  operatorId: string,
  at: Date,
): Promise<Promotion | null> {
  const { flagKey, herokuApp, configVar, targetValue } = asked;
  const marked = await changeAudited(runner, {
    promotionId: null,
    change: {
      sql: `insert into {promotions} as p (flag_key, heroku_app, config_var, target_value, state, marked_by, marked_at)
            select ?, ?, ?, ?, {'marked'}, o.slack_user_id, ?::timestamptz from flag_promotions.operators o
             where o.slack_user_id = ? and ${IS_OPERATOR} for share
            returning ${PROMOTION_COLUMNS}`,
      values: [flagKey, herokuApp, configVar, targetValue, at, operatorId],
    },
    events: [
      {
        at,
        action: 'console.flag.promotion.marked',
        actor: operatorId,
        detail: targetOf({ herokuApp, configVar, targetValue }),
      },
    ],
  });
  return parseRows(marked, promotionRow)[0] ?? null;
}

/** Of that app and config var. */
async function activeOf(trx: Knex.Transaction, asked: NewPromotion): Promise<Promotion | null> {
  const found = await trx.raw(
    `select ${PROMOTION_COLUMNS} from {promotions} p
      where p.heroku_app = ? and ${configVarOf('p')} = ? and {p.state} in ('marked', 'deploying')`,
    [asked.herokuApp, asked.configVar],
  );
  return parseRows(found, promotionRow)[0] ?? null;
}

async function promote(
  trx: Knex.Transaction,
  request: TransitionRequest,
  at: Date,
  { promotion: locked, check }: Authorised,
): Promise<Promotion> {
  const { operatorId, shown, reread } = request;
  const promotion = await makeDue(trx, {
    promotionId: request.promotionId,
    before: spending(operatorId, check),
    change: leavingMarked(
      request,
      `state = {'deploying'}, promoted_by = ?, promoted_at = ?::timestamptz, checkpoint = ?, attempts = 0, next_attempt_at = null,
       last_error = null, lease_owner = null, lease_until = null`,
      [operatorId, at, INTENT],
    ),
    events: [
      {
        at,
        action: 'console.flag.promotion.promoted',
        actor: operatorId,
        detail: {
          from: 'marked',
          to: 'deploying',
          ...authorisedTarget(trx, locked),
          evidence_shown: shown,
          evidence_reread: reread,
        },
      },
      ...recoveryCodeEvents({ ...request, at, for: request.transition }, check),
    ],
  });
  if (promotion === null) throw new Error(LEFT_MEANWHILE);
  return promotion;
}

async function cancel(
  trx: Knex.Transaction,
  request: TransitionRequest,
  at: Date,
  { promotion: locked, check }: Authorised,
): Promise<Promotion> {
  const { operatorId: actor } = request;
  const cancelled = await changeAudited(trx, {
    promotionId: request.promotionId,
    before: spending(actor, check),
    change: leavingMarked(request, `state = {'cancelled'}, resolved_by = ?`, [actor]),
    events: [
      {
        at,
        action: 'console.flag.promotion.cancelled',
        actor,
        detail: { from: 'marked', to: 'cancelled', ...targetOf(locked) },
      },
      ...recoveryCodeEvents({ ...request, at, for: request.transition }, check),
    ],
  });
  const [promotion] = parseRows(cancelled, promotionRow);
  if (promotion === undefined) throw new Error(LEFT_MEANWHILE);
  return promotion;
}

/** Can't happen: the decider holds the locks of both. */
const LEFT_MEANWHILE = 'A code had been used already, or its promotion left `marked`.';

function leavingMarked(request: TransitionRequest, assignments: string, values: readonly Value[]): Sql {
  return {
    sql: `update {promotions} p set ${assignments}, updated_at = now()
           where p.id = ?::bigint and {p.state} = 'marked' and ${IS_SPENT} returning ${PROMOTION_COLUMNS}`,
    values: [...values, request.promotionId],
  };
}
