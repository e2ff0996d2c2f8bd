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

interface Asked {
  readonly at: Date;
  readonly operatorId: string;
  readonly promotionId: string | null;
  readonly attempted: string;
}

/**
 * Near the end of a transaction that decided about a promotion: audits the decision if it refuses a right or a code.
 * `held`: the promotion, null if there is none of the id that was asked for.
 */
export async function recordIfRefused<D extends { readonly kind: string }>(
  trx: Knex.Transaction,
  asked: Asked,
  held: { readonly id: string } | null,
  decision: D,
): Promise<void> {
  if (!isRefusal(decision)) return;
  const promotionId = decision.kind === 'code_refused' ? asked.promotionId : (held?.id ?? null);
  await recordRefusal(trx, { ...asked, promotionId }, decision);
}

const REFUSALS: ReadonlySet<string> = new Set<Refusal['kind']>([
  'not_operator',
  'not_superadmin',
  'same_person',
  'not_inviter',
  'code_refused',
]);

function isRefusal<D extends { readonly kind: string }>(decision: D): decision is Extract<D, Refusal> {
  return REFUSALS.has(decision.kind);
}

/** Audits a refusal, and counts a wrong code. */
export async function recordRefusal(trx: Knex.Transaction, asked: Asked, refusal: Refusal): Promise<void> {
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
