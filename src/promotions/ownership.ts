import { isOperator, type Operator } from '../operators/operator.js';
import { isDeploying, type Promotion } from './promotion.js';

export interface Ownership {
  /** A Slack user's id. */
  readonly owner: string;
  readonly since: Date;
  /** When they last said so: on acknowledging, or when asked. */
  readonly confirmedAt: Date;
  /** The open question whether they are still on it; null: none. */
  readonly question: OwnerQuestion | null;
  /** Whether the owner is still an enabled operator. */
  readonly isOperator: boolean;
}

interface OwnerQuestion {
  /** The id of the audit event that recorded it. */
  readonly id: string;
  readonly askedAt: Date;
  /** When it appeared in Slack; null: not yet. */
  readonly postedAt: Date | null;
}

const MINUTE_MS = 60_000;
/** How long a critical isn't repeated after somebody said they are on it. */
const OWNED_FOR_MS = 45 * MINUTE_MS;
/** How long the owner has to answer, from when they could see the question. */
const ANSWER_WITHIN_MS = 10 * MINUTE_MS;
/** If Slack doesn't accept the question, a critical stays silent no longer than this. */
const POST_QUESTION_WITHIN_MS = 30 * MINUTE_MS;

export type OwnerLoss = 'silent' | 'disabled';
export type OwnerStep = { readonly kind: 'ask' } | { readonly kind: 'lose'; readonly reason: OwnerLoss };

/**
 * Whether to ask an owner, or take them off. Without a posted critical (`criticalPostedAt` null) nobody is asked; else
 * the wait begins at the latest of: their last answer, the critical, and `resumedAt`.
 */
export function nextOwnerStep(
  ownership: Ownership,
  around: { readonly criticalPostedAt: Date | null; readonly resumedAt: Date | null; readonly isSnoozed: boolean },
  now: Date,
): OwnerStep | null {
  if (!ownership.isOperator) return { kind: 'lose', reason: 'disabled' };
  if (around.isSnoozed || around.criticalPostedAt === null) return null;
  const { question } = ownership;
  if (question === null) {
    const since = Math.max(
      ownership.confirmedAt.getTime(),
      around.criticalPostedAt.getTime(),
      around.resumedAt?.getTime() ?? 0,
    );
    return now.getTime() - since >= OWNED_FOR_MS ? { kind: 'ask' } : null;
  }
  const deadline =
    question.postedAt === null
      ? question.askedAt.getTime() + POST_QUESTION_WITHIN_MS
      : question.postedAt.getTime() + ANSWER_WITHIN_MS;
  return now.getTime() >= deadline ? { kind: 'lose', reason: 'silent' } : null;
}

/** Locked rows, for acknowledging, releasing or snoozing. */
export interface HeldAlert {
  readonly promotion: Promotion | null;
  readonly operator: Operator | null;
  readonly isAlerting: boolean;
  readonly ownership: Ownership | null;
}

/** Why the operator can't do it: expected answers, not faults. */
export type AttentionRefusal =
  | { readonly kind: 'not_operator' }
  | { readonly kind: 'unknown_promotion' }
  | { readonly kind: 'ended'; readonly promotion: Promotion }
  | { readonly kind: 'not_alerting'; readonly promotion: Promotion };

/**
 * The promotion, if an operator (of any role) may act on its alert; else why not. Takes no code: nothing is lost by it.
 */
export function admit(
  held: Omit<HeldAlert, 'ownership'>,
): { kind: 'admitted'; promotion: Promotion } | AttentionRefusal {
  const { promotion, operator } = held;
  if (!isOperator(operator)) return { kind: 'not_operator' };
  if (promotion === null) return { kind: 'unknown_promotion' };
  if (promotion.state === 'marked') return { kind: 'not_alerting', promotion };
  if (!isDeploying(promotion)) return { kind: 'ended', promotion };
  return held.isAlerting ? { kind: 'admitted', promotion } : { kind: 'not_alerting', promotion };
}

export type TakeRefusal =
  | AttentionRefusal
  | { readonly kind: 'yours_already' | 'taken'; readonly promotion: Promotion; readonly ownership: Ownership };
export type TakeDecision =
  | { readonly kind: 'take'; readonly promotion: Promotion; readonly from: string | null }
  | TakeRefusal;

/** Decides an acknowledgement. `over`: the owner whom the person saw and takes over from; null: they saw none. */
export function decideTake(held: HeldAlert, by: string, over: string | null): TakeDecision {
  const admitted = admit(held);
  if (admitted.kind !== 'admitted') return admitted;
  const { promotion } = admitted;
  const { ownership } = held;
  // A disabled owner can be replaced without asking.
  if (ownership === null || !ownership.isOperator) return { kind: 'take', promotion, from: ownership?.owner ?? null };
  if (ownership.owner === by) return { kind: 'yours_already', promotion, ownership };
  return ownership.owner === over
    ? { kind: 'take', promotion, from: ownership.owner }
    : { kind: 'taken', promotion, ownership };
}

export type OwnerAnswer = 'confirm' | 'hand_over';
export type AnswerRefusal =
  | AttentionRefusal
  /** The promotion is theirs, but no question is open. */
  | { readonly kind: 'not_asked'; readonly promotion: Promotion; readonly ownership: Ownership }
  | { readonly kind: 'not_owner'; readonly promotion: Promotion; readonly ownership: Ownership | null };
export type AnswerDecision = { readonly kind: 'do'; readonly promotion: Promotion } | AnswerRefusal;

/** Decides the owner's answer: still on it, or not. Only the owner can give it. */
export function decideAnswer(held: HeldAlert, by: string, answer: OwnerAnswer): AnswerDecision {
  const admitted = admit(held);
  if (admitted.kind !== 'admitted') return admitted;
  const { promotion } = admitted;
  const { ownership } = held;
  if (ownership?.owner !== by) return { kind: 'not_owner', promotion, ownership };
  if (answer === 'confirm' && ownership.question === null) return { kind: 'not_asked', promotion, ownership };
  return { kind: 'do', promotion };
}
