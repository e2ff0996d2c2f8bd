import type { RefusedCode } from '../operators/code-check.js';
import type { RoleRefusal } from '../operators/operator.js';
import { appendAuditEvent } from './audit.js';
import { recordRefusedCode } from './codes.js';
import type { Knex } from './connection.js';

type Refusal =
  | { readonly kind: RoleRefusal | 'same_person' }
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

/** What a refusal leaves behind although nothing else is written: its audit event, and the count of a wrong code. */
export async function recordRefusal(
  trx: Knex.Transaction,
  asked: {
    readonly at: Date;
    readonly operatorId: string;
    readonly promotionId: string | null;
    readonly attempted: string;
  },
  refusal: Refusal,
): Promise<void> {
  const { at, attempted, operatorId: actor, promotionId } = asked;
  if (refusal.kind !== 'code_refused') {
    const detail = { attempted, reason: refusal.kind };
    await appendAuditEvent(trx, { at, action: 'console.flag.promotion.denied', actor, promotionId, detail });
    return;
  }
  const { check } = refusal;
  await recordRefusedCode(trx, actor, check);
  await appendAuditEvent(trx, {
    at,
    action: 'console.flag.promotion.totp_rejected',
    actor,
    promotionId,
    detail: {
      attempted,
      reason: check.kind === 'locked' ? 'locked' : check.reason,
      locked_until: check.lockedUntil,
    },
  });
}
