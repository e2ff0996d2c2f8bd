import * as z from 'zod';
import {
  type Completable,
  type CompletionRefusal,
  type CompletionRequest,
  decideCompletion,
  type LeftOut,
} from '../promotions/completion.js';
import type { Promotion } from '../promotions/promotion.js';
import { appendAuditEvents, changeAudited, type NewAuditEvent, targetOf } from './audit.js';
import { IS_SPENT, lockAuthenticator, neverAccepted, recoveryCodeEvents, spending, type TypedCode } from './codes.js';
import type { Knex } from './connection.js';
import { ENDED_TOGETHER, ending } from './ending.js';
import { WITH_BUTTONS } from './queueing.js';
import { recordRefusal } from './refusals.js';
import { PROMOTION_COLUMNS, parseRows, promotionRow } from './rows.js';

interface CompletedTogether {
  readonly kind: 'completed';
  /** The audit events of one decision share it. */
  readonly decisionId: string;
  readonly completed: readonly Promotion[];
  readonly leftOut: readonly LeftOut[];
}
export type CompletionOutcome = CompletedTogether | CompletionRefusal;

const ATTEMPTED = 'complete_live';
const decisionRow = z.object({ id: z.string() });

/**
 * Completes a group's list in one transaction: locks in order of ids, decision, one code, all states, an audit event a
 * row, and one reply in the group's thread.
 */
export async function completeTogether(
  knex: Knex,
  request: CompletionRequest,
  at: Date,
  code: TypedCode,
): Promise<CompletionOutcome> {
  return knex.transaction(async (trx) => {
    const promotions = await lockAll(
      trx,
      request.rows.map(({ promotionId }) => promotionId),
    );
    const person = await lockAuthenticator(trx, request.operatorId, code);
    const decision = decideCompletion(request, { promotions, operator: person?.operator ?? null }, () =>
      person === null ? neverAccepted() : code.check(person.authenticator),
    );
    const asked = { at, operatorId: request.operatorId, attempted: ATTEMPTED };
    switch (decision.kind) {
      case 'complete': {
        const decisionId = await newDecision(trx);
        const completed = await write(trx, request, at, decision, decisionId);
        await recordSamePerson(trx, asked, decision.leftOut);
        return { kind: 'completed', decisionId, completed, leftOut: decision.leftOut };
      }
      case 'nothing_left':
        await recordSamePerson(trx, asked, decision.leftOut);
        return decision;
      default:
        await recordRefusal(trx, { ...asked, promotionId: null }, decision);
        return decision;
    }
  });
}

/** What takes a second person is refused, not only left out. */
async function recordSamePerson(
  trx: Knex.Transaction,
  asked: Omit<Parameters<typeof recordRefusal>[1], 'promotionId'>,
  leftOut: readonly LeftOut[],
): Promise<void> {
  for (const { promotionId, why } of leftOut) {
    if (why === 'same_person') await recordRefusal(trx, { ...asked, promotionId }, { kind: why });
  }
}

async function lockAll(trx: Knex.Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, Promotion>> {
  const found = await trx.raw(
    `select ${PROMOTION_COLUMNS} from {promotions} p where p.id = any(?::bigint[]) order by p.id for update`,
    [[...ids]],
  );
  return new Map(parseRows(found, promotionRow).map((promotion) => [promotion.id, promotion]));
}

async function newDecision(trx: Knex.Transaction): Promise<string> {
  const [row] = parseRows(await trx.raw('select gen_random_uuid()::text as id'), decisionRow);
  if (row === undefined) throw new Error('A value had no row.');
  return row.id;
}

async function write(
  trx: Knex.Transaction,
  { operatorId, groupId }: CompletionRequest,
  at: Date,
  { rows, check }: Pick<Extract<ReturnType<typeof decideCompletion>, { kind: 'complete' }>, 'rows' | 'check'>,
  decisionId: string,
): Promise<readonly Promotion[]> {
  const ids = rows.map(({ promotion }) => promotion.id);
  const written = await changeAudited(trx, {
    promotionId: null,
    before: spending(operatorId, check),
    change: {
      sql: `update {promotions} p
               set state = {'deployed'}, deployed_at = ?::timestamptz, resolved_by = ?, updated_at = now()
             where p.id = any(?::bigint[]) and {p.state} = 'deploying' and ${IS_SPENT} returning ${PROMOTION_COLUMNS}`,
      values: [at, operatorId, ids],
    },
    alongside: [ENDED_TOGETHER, ...ending([...WITH_BUTTONS, 'progress'])],
    events: [],
  });
  const completed = parseRows(written, promotionRow);
  // Can't happen: the decider holds all their locks.
  if (completed.length !== ids.length)
    throw new Error('A code had been used already, or a promotion left `deploying`.');
  await trx.raw(
    `insert into flag_promotions.messages (kind, subject, root_id, detail) values ('completed_together', ?, ?::bigint, ?::jsonb)`,
    [decisionId, groupId, JSON.stringify({ operator: operatorId, promotions: ids })],
  );
  await appendAuditEvents(trx, [
    ...rows.map((row) => completionEvent(row, { at, operatorId, decisionId, of: rows.length })),
    ...recoveryCodeEvents({ operatorId, at, promotionId: null, for: ATTEMPTED }, check),
  ]);
  return completed;
}

function completionEvent(
  { promotion, shown, reread }: Completable,
  made: { readonly at: Date; readonly operatorId: string; readonly decisionId: string; readonly of: number },
): NewAuditEvent {
  return {
    at: made.at,
    action: 'console.flag.promotion.ops_complete',
    actor: made.operatorId,
    promotionId: promotion.id,
    detail: {
      from: 'deploying',
      to: 'deployed',
      ...targetOf(promotion),
      evidence_shown: shown,
      evidence_reread: reread,
      decision: made.decisionId,
      decided_together: made.of,
    },
  };
}
