import { nextOwnerStep, type OwnerLoss, type Ownership } from './ownership.js';
import { isOver, type Snooze } from './snooze.js';
import type { StuckPromotion } from './stuck-promotion.js';

export interface Attention {
  readonly ownership: Ownership | null;
  readonly snooze: Snooze | null;
  /** When an owner was last lost or a snooze last ended. A repetition due before that is skipped. */
  readonly resumedAt: Date | null;
}

export const NO_ATTENTION: ReadonlyMap<string, Attention> = new Map();

export type AttentionAction =
  | { readonly kind: 'ask_owner'; readonly promotionId: string; readonly owner: string }
  | { readonly kind: 'lose_owner'; readonly promotionId: string; readonly owner: string; readonly reason: OwnerLoss }
  | { readonly kind: 'end_snooze'; readonly promotionId: string };

/** Decides what is due about owners and snoozes. Pure; in the input's order. */
export function planAttention(
  stuck: readonly StuckPromotion[],
  attention: ReadonlyMap<string, Attention>,
  now: Date,
): AttentionAction[] {
  return stuck.flatMap(({ promotion: { id: promotionId }, criticalToldAt }): AttentionAction[] => {
    const { ownership = null, snooze = null, resumedAt = null } = attention.get(promotionId) ?? {};
    const ends = snooze !== null && isOver(snooze, now);
    const actions: AttentionAction[] = ends ? [{ kind: 'end_snooze', promotionId }] : [];
    if (ownership === null) return actions;
    const around = { criticalPostedAt: criticalToldAt, resumedAt, isSnoozed: snooze !== null };
    const step = nextOwnerStep(ownership, around, now);
    if (step === null) return actions;
    const { owner } = ownership;
    actions.push(
      step.kind === 'ask'
        ? { kind: 'ask_owner', promotionId, owner }
        : { kind: 'lose_owner', promotionId, owner, reason: step.reason },
    );
    return actions;
  });
}

/** Whether somebody is on it or snoozed it. */
export function isQuiet({ ownership, snooze }: Attention): boolean {
  return ownership !== null || snooze !== null;
}

/**
 * Whether to skip a critical's repetition: somebody is on it or snoozed it, or did when it was due; the thread says
 * when that ended.
 */
export function keepsBack(attention: Attention | undefined, dueAt: Date): boolean {
  if (attention === undefined) return false;
  const { resumedAt } = attention;
  return isQuiet(attention) || (resumedAt !== null && dueAt <= resumedAt);
}
