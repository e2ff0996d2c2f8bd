import type { Promotion } from '../promotions/promotion.js';
import { type Resolvable, type ResolutionRequest, terminalStateOf } from '../promotions/resolution.js';
import { appendAuditEvents, changeAudited, type NewAuditEvent, targetOf } from './audit.js';
import { IS_SPENT, recoveryCodeEvents, spending } from './codes.js';
import type { Knex } from './connection.js';
import { ENDED, ending } from './ending.js';
import { WITH_BUTTONS } from './queueing.js';
import { PROMOTION_COLUMNS, parseRows, promotionRow, type Sql } from './rows.js';
import { promoteBack } from './set-back.js';

export interface WrittenResolution {
  readonly promotion: Promotion;
  /** The revert, if it was requested and the value is known. */
  readonly back: Promotion | null;
}

/**
 * Inside the transaction that locked and decided: writes the resolution and its consequences in one statement. A
 * requested revert, and then the events, follow.
 */
export async function writeResolution(
  trx: Knex.Transaction,
  request: ResolutionRequest,
  at: Date,
  { promotion: locked, check }: Resolvable,
): Promise<WrittenResolution> {
  const setsBack = request.setBack && request.action === 'failed';
  const eventsWith = (back: Promotion | null): readonly NewAuditEvent[] => [
    resolutionEvent(request, at, locked, back),
    ...rcaEvents(request, at, locked),
    ...recoveryCodeEvents({ ...request, at, for: request.action }, check),
  ];
  const written = await changeAudited(trx, {
    promotionId: request.promotionId,
    before: spending(request.operatorId, check),
    change: endByHand(request, at),
    alongside: [ENDED, ...ending([...WITH_BUTTONS, 'progress'])],
    events: setsBack ? [] : eventsWith(null),
  });
  const [promotion] = parseRows(written, promotionRow);
  // Can't happen: the decider holds the locks of both.
  if (promotion === undefined) throw new Error('A code had been used already, or its promotion left `deploying`.');
  if (!setsBack) return { promotion, back: null };
  const back = await promoteBack(trx, promotion, { ...request, at });
  await appendAuditEvents(trx, eventsWith(back));
  return { promotion, back };
}

function endByHand({ promotionId, action, operatorId, note, rcaUrl }: ResolutionRequest, at: Date): Sql {
  const ended =
    action === 'completed'
      ? { state: "{'deployed'}", sql: 'deployed_at = ?::timestamptz', values: [at] }
      : { state: "{'failed'}", sql: 'failed_at = ?::timestamptz, failure_reason = ?', values: [at, note] };
  return {
    sql: `update {promotions} p
             set state = ${ended.state}, ${ended.sql}, resolved_by = ?, resolution_note = ?, rca_url = coalesce(?, p.rca_url), updated_at = now()
           where p.id = ?::bigint and {p.state} = 'deploying' and ${IS_SPENT} returning ${PROMOTION_COLUMNS}`,
    values: [...ended.values, operatorId, note, rcaUrl, promotionId],
  };
}

function resolutionEvent(
  request: ResolutionRequest,
  at: Date,
  locked: Promotion,
  back: Promotion | null,
): NewAuditEvent {
  return {
    at,
    action:
      request.action === 'completed' ? 'console.flag.promotion.ops_complete' : 'console.flag.promotion.ops_failed',
    actor: request.operatorId,
    promotionId: request.promotionId,
    detail: {
      from: 'deploying',
      to: terminalStateOf(request.action),
      ...targetOf(locked),
      note: request.note,
      evidence_shown: request.shown,
      evidence_reread: request.reread,
      contradiction_confirmed: request.confirmedContradiction,
      set_back_by: back?.id ?? null,
    },
  };
}

/** The resolution's reply names the RCA, so it needs no message of its own. */
function rcaEvents(
  { rcaUrl, operatorId, promotionId }: ResolutionRequest,
  at: Date,
  locked: Promotion,
): readonly NewAuditEvent[] {
  if (rcaUrl === null || rcaUrl === locked.rcaUrl) return [];
  return [
    {
      at,
      action: 'console.flag.promotion.rca_linked',
      actor: operatorId,
      promotionId,
      detail: { url: rcaUrl, previous_url: locked.rcaUrl },
    },
  ];
}
