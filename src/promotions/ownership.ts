import { isOperator, type Operator } from '../operators/operator.js';
import { isDeploying, type Promotion } from './promotion.js';

/** Who is on a stuck promotion. */
export interface Ownership {
  /** A Slack user's id. */
  readonly owner: string;
  readonly since: Date;
  /** When they last said so: on taking it, or on being asked. */
  readonly confirmedAt: Date;
  /** Whether they are still on it, as it was asked; null while nobody asks. */
  readonly question: OwnerQuestion | null;
  /** Whether the owner is an enabled operator still. */
  readonly isOperator: boolean;
}

export interface OwnerQuestion {
  /** Of the audit event that recorded it. */
  readonly id: string;
  readonly askedAt: Date;
  /** When it appeared in Slack; null where it did not (yet). */
  readonly postedAt: Date | null;
}

const MINUTE_MS = 60_000;
/** How long a critical is not repeated after somebody said that they are on it. */
export const OWNED_FOR_MS = 45 * MINUTE_MS;
/** How long the owner has to answer, counted from when the question was to be seen. */
export const ANSWER_WITHIN_MS = 10 * MINUTE_MS;
/** A question that Slack does not take keeps a critical silent for no longer than this. */
export const POST_QUESTION_WITHIN_MS = 30 * MINUTE_MS;

export type OwnerLoss = 'silent' | 'disabled';
export type OwnerStep = { readonly kind: 'ask' } | { readonly kind: 'lose'; readonly reason: OwnerLoss };

/**
 * What is due about an owner: the question, or that nobody has it any more. `quietSince`: the moments from which on it may
 * count as quiet, beside the owner's own word; `criticalPostedAt` null where nothing critical was posted, which asks nobody.
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

/** What an operator finds when they take, hand over or snooze: rows that the caller holds locked. */
export interface HeldAlert {
  readonly promotion: Promotion | null;
  readonly operator: Operator | null;
  /** Whether an alert of it is open. */
  readonly isAlerting: boolean;
  readonly ownership: Ownership | null;
}

/** Why nothing of that can be done. Each is an expected answer, not a fault. */
export type AttentionRefusal =
  | { readonly kind: 'not_operator' }
  | { readonly kind: 'unknown_promotion' }
  | { readonly kind: 'ended'; readonly promotion: Promotion }
  | { readonly kind: 'not_alerting'; readonly promotion: Promotion };

/** The promotion, where an operator of any role may act on its alert; else why not. Takes no code: nothing is lost by it. */
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

/** Decides a taking. `over`: the owner from whom it is taken over, as the person who asks saw it; null where they saw none. */
export function decideTake(held: HeldAlert, by: string, over: string | null): TakeDecision {
  const admitted = admit(held);
  if (admitted.kind !== 'admitted') return admitted;
  const { promotion } = admitted;
  const { ownership } = held;
  // Whoever was disabled has nothing to be asked for.
  if (ownership === null || !ownership.isOperator) return { kind: 'take', promotion, from: ownership?.owner ?? null };
  if (ownership.owner === by) return { kind: 'yours_already', promotion, ownership };
  return ownership.owner === over
    ? { kind: 'take', promotion, from: ownership.owner }
    : { kind: 'taken', promotion, ownership };
}

export type OwnerAnswer = 'confirm' | 'hand_over';
export type AnswerRefusal =
  | AttentionRefusal
  /** Nobody asks (any more), and it is theirs. */
  | { readonly kind: 'not_asked'; readonly promotion: Promotion; readonly ownership: Ownership }
  | { readonly kind: 'not_owner'; readonly promotion: Promotion; readonly ownership: Ownership | null };
export type AnswerDecision = { readonly kind: 'do'; readonly promotion: Promotion } | AnswerRefusal;

/** Decides what the owner said: that they are still on it, or not any more. Nobody else can say so for them. */
export function decideAnswer(held: HeldAlert, by: string, answer: OwnerAnswer): AnswerDecision {
  const admitted = admit(held);
  if (admitted.kind !== 'admitted') return admitted;
  const { promotion } = admitted;
  const { ownership } = held;
  if (ownership?.owner !== by) return { kind: 'not_owner', promotion, ownership };
  if (answer === 'confirm' && ownership.question === null) return { kind: 'not_asked', promotion, ownership };
  return { kind: 'do', promotion };
}
