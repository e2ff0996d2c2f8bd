import { endedAt, isDeploying, type Promotion } from './promotion.js';

/** How long people have for an RCA before its thread is reminded, in milliseconds: three days. */
export const REMIND_AFTER_MS = 3 * 24 * 3_600_000;

/** Whether a promotion that alerted has ended and still has no RCA. */
export function isMissingRca(promotion: Promotion): boolean {
  return !isDeploying(promotion) && promotion.rcaUrl === null;
}

/** A critical that was closed, of which it is not settled yet whether its thread has to be reminded of the RCA. */
export interface UnsettledCritical {
  readonly alertId: string;
  /** Whether it has a thread to be reminded in. */
  readonly wasPosted: boolean;
  readonly promotion: Promotion;
}

export type RcaDebtAction =
  | { readonly kind: 'remind_of_rca'; readonly promotionId: string; readonly alertId: string }
  /** There is nothing to be reminded of, and there never will be. */
  | { readonly kind: 'settle_rca'; readonly promotionId: string; readonly alertId: string };

/** Decides which threads are reminded of their RCA: each once, three days after the end. Pure; in the input's order. */
export function planRcaDebt(unsettled: readonly UnsettledCritical[], now: Date): RcaDebtAction[] {
  return unsettled.flatMap(({ alertId, wasPosted, promotion }): RcaDebtAction[] => {
    const about = { promotionId: promotion.id, alertId };
    // Set back to deploying by hand: its alert is about to be opened anew.
    if (isDeploying(promotion)) return [];
    const at = endedAt(promotion);
    // A state of another system's tells no end that could be three days old.
    if (!wasPosted || !isMissingRca(promotion) || at === null) return [{ kind: 'settle_rca', ...about }];
    return now.getTime() - at.getTime() >= REMIND_AFTER_MS ? [{ kind: 'remind_of_rca', ...about }] : [];
  });
}
