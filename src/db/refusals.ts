import { isLock, type RefusedCode, refusalWord } from '../operators/code-check.js';
import type { RoleRefusal } from '../operators/operator.js';
import { appendAuditEvent } from './audit.js';
import { queueNotices } from './operator-notices.js';
import { recordDenial } from './denials.js';
import { countWrongCode } from './codes.js';
import type { Knex } from './connection.js';

type Refusal =
  | { readonly kind: RoleRefusal | 'same_person' | 'not_inviter' }
  | { readonly kind: 'code_refused'; readonly check: RefusedCode };

/** Audits a refusal, and counts a wrong code. */
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
    await recordDenial(trx, { at, actor, promotionId, attempted, reason: refusal.kind });
    return;
  }
  const { check } = refusal;
  const action = 'console.flag.promotion.totp_rejected';
  const reason = refusalWord(check);
  const lock = check.kind === 'unreadable' ? {} : { locked_until: check.lockedUntil };
  // Nobody guesses with these, so no lock limits them: count them, or a stolen Slack account could fill the log.
  if (check.kind !== 'rejected' || check.reason !== 'wrong') {
    await recordDenial(trx, { at, action, actor, promotionId, attempted, reason, detail: lock });
    return;
  }
  const locks = await countWrongCode(trx, actor, check, at);
  const detail = { attempted, reason, ...lock, ...(isLock(check) ? { locks } : {}) };
  const event = await appendAuditEvent(trx, { at, action, actor, promotionId, detail });
  if (isLock(check)) await queueNotices(trx, event, [actor]);
}
