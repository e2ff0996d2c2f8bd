/**
 * What a promotion is. Pure: shared by every layer, imports nothing.
 *
 * Ids are PostgreSQL bigints and travel as decimal strings, because a JavaScript number cannot hold all of them.
 */
export const PROMOTION_STATES = ['marked', 'deploying', 'deployed', 'failed', 'cancelled'] as const;
export type PromotionState = (typeof PROMOTION_STATES)[number];

export interface Promotion {
  readonly id: string;
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly configVar: string;
  /** null: the config var is to be removed. */
  readonly targetValue: string | null;
  readonly previousValue: string | null;
  /** The app's newest release, by its version, before the promoter first set the value; null where it did not yet. */
  readonly baseRelease: number | null;
  /** One of PROMOTION_STATES for rows of ours; a table that the console made may hold words of its own. */
  readonly state: string;
  readonly checkpoint: string | null;
  readonly markedBy: string | null;
  readonly markedAt: Date | null;
  readonly promotedBy: string | null;
  readonly promotedAt: Date | null;
  readonly deployedAt: Date | null;
  readonly failedAt: Date | null;
  readonly failureReason: string | null;
  /** The operator who resolved it by hand; null where the promoter or another system ended it. */
  readonly resolvedBy: string | null;
  readonly resolutionNote: string | null;
  readonly rcaUrl: string | null;
  /** Why the promoter could not go on when it last tried, in words for people; null where nothing holds it up. */
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** What its start is recorded as, where that can't be true: nobody knows when it began then. */
  readonly oddStart?: OddStart | null;
}

/** A start as an adopted row may have it: later than now, or no moment at all. */
export type OddStart =
  | { readonly kind: 'ahead'; readonly at: Date }
  | { readonly kind: 'infinite'; readonly sign: 1 | -1 };

/** Stands for a time that an adopted row does not tell: the oldest there is, so that nothing waits for it. */
export const UNKNOWN_TIME = new Date(0);

/** The config var of a flag, by convention. */
export function usualConfigVar(flagKey: string): string {
  return `FLAG_${flagKey.toUpperCase()}`;
}

/** Another writer changed what a form showed: its code was typed for something else, so the form is shown again. */
export interface RowChanged {
  readonly kind: 'row_changed';
}

/** Whether the promotion is in `deploying`: the only state in which it can be stuck or resolved. */
export function isDeploying(promotion: Pick<Promotion, 'state'>): boolean {
  return promotion.state === 'deploying';
}

/** Whether this app knows the state. Another system's table may hold words of its own. */
export function isKnownState(state: string): boolean {
  return PROMOTION_STATES.some((known) => known === state);
}

/** What tells when a promotion started. */
export type Started = Pick<Promotion, 'promotedAt' | 'markedAt' | 'createdAt' | 'oddStart'>;

/** When the stuck clock of a promotion started: promoted, else marked, else created. UNKNOWN_TIME where no time tells. */
export function deployingSince({ promotedAt, markedAt, createdAt, oddStart = null }: Started): Date {
  return oddStart === null ? (promotedAt ?? markedAt ?? createdAt) : UNKNOWN_TIME;
}

/** When the promotion reached its terminal state, as far as the row says; null while it is active. */
export function endedAt(promotion: Promotion): Date | null {
  switch (promotion.state) {
    case 'deployed':
      return promotion.deployedAt ?? promotion.updatedAt;
    case 'failed':
      return promotion.failedAt ?? promotion.updatedAt;
    case 'cancelled':
      return promotion.updatedAt;
    default:
      return null;
  }
}
