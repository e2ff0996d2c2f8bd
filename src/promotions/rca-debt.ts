import { endedAt, isDeploying, type Promotion } from './promotion.js';

/** Milliseconds until a missing RCA is reminded of in its thread: three days. */
export const REMIND_AFTER_MS = 3 * 24 * 3_600_000;

/** Whether a promotion that alerted has ended without an RCA. */
export function isMissingRca(promotion: Promotion): boolean {
  return !isDeploying(promotion) && promotion.rcaUrl === null;
}

/** A closed critical for which the reminder is not yet decided. */
export interface UnsettledCritical {
  readonly alertId: string;
  /** Whether it has a thread to be reminded in. */
  readonly wasPosted: boolean;
  readonly promotion: Promotion;
}

export type RcaDebtAction =
  | { readonly kind: 'remind_of_rca'; readonly promotionId: string; readonly alertId: string }
  /** It needs no reminder, and never will. */
  | { readonly kind: 'settle_rca'; readonly promotionId: string; readonly alertId: string };

/**
 * Decides which threads to remind of a missing RCA: each once, three days after the end. Pure; in the input's order.
 */
export function planRcaDebt(unsettled: readonly UnsettledCritical[], now: Date): RcaDebtAction[] {
  return unsettled.flatMap(({ alertId, wasPosted, promotion }): RcaDebtAction[] => {
    const about = { promotionId: promotion.id, alertId };
    // Set to deploying again by hand: its alert will open again.
    if (isDeploying(promotion)) return [];
    const at = endedAt(promotion);
    // Another system's state gives no end to count three days from.
    if (!wasPosted || !isMissingRca(promotion) || at === null) return [{ kind: 'settle_rca', ...about }];
    return now.getTime() - at.getTime() >= REMIND_AFTER_MS ? [{ kind: 'remind_of_rca', ...about }] : [];
  });
}
