/**
 * Pure: every layer shares it, and it imports nothing.
 * Ids are PostgreSQL bigints, as decimal strings: a JavaScript number can't hold them all.
 */
export const PROMOTION_STATES = ['marked', 'deploying', 'deployed', 'failed', 'cancelled'] as const;
export type PromotionState = (typeof PROMOTION_STATES)[number];

export interface Promotion {
  readonly id: string;
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly configVar: string;
  /** null: remove the config var. */
  readonly targetValue: string | null;
  readonly previousValue: string | null;
  /** The app's newest release before the promoter first set the value; null: not set yet. */
  readonly baseRelease: number | null;
  /** One of PROMOTION_STATES in our rows; a table that the console made may hold other states. */
  readonly state: string;
  readonly checkpoint: string | null;
  readonly markedBy: string | null;
  readonly markedAt: Date | null;
  readonly promotedBy: string | null;
  readonly promotedAt: Date | null;
  readonly deployedAt: Date | null;
  readonly failedAt: Date | null;
  readonly failureReason: string | null;
  /** The operator who resolved it by hand; null: the promoter or another system ended it. */
  readonly resolvedBy: string | null;
  readonly resolutionNote: string | null;
  readonly rcaUrl: string | null;
  /** Why the promoter couldn't go on at its last try, in words for people; null: nothing blocks it. */
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The recorded start, if it can't be true: then nobody knows when it began. */
  readonly oddStart?: OddStart | null;
}

/** An impossible start in an adopted row: later than now, or infinite. */
export type OddStart =
  | { readonly kind: 'ahead'; readonly at: Date }
  | { readonly kind: 'infinite'; readonly sign: 1 | -1 };

/** Stands for a time that an adopted row lacks: the oldest there is, so that nothing waits for it. */
export const UNKNOWN_TIME = new Date(0);

export function usualConfigVar(flagKey: string): string {
  return `FLAG_${flagKey.toUpperCase()}`;
}

/** Another writer changed what the form showed. The code was typed for something else, so show the form again. */
export interface RowChanged {
  readonly kind: 'row_changed';
}

/** The only state in which a promotion can be stuck or resolved. */
export function isDeploying(promotion: Pick<Promotion, 'state'>): boolean {
  return promotion.state === 'deploying';
}

/** Another system's table may hold states of its own. */
export function isKnownState(state: string): boolean {
  return PROMOTION_STATES.some((known) => known === state);
}

export type Started = Pick<Promotion, 'promotedAt' | 'markedAt' | 'createdAt' | 'oddStart'>;

/** The start of the stuck clock: promoted, else marked, else created. UNKNOWN_TIME if none is known. */
export function deployingSince({ promotedAt, markedAt, createdAt, oddStart = null }: Started): Date {
  return oddStart === null ? (promotedAt ?? markedAt ?? createdAt) : UNKNOWN_TIME;
}

/** When the promotion ended, as far as the row says; null: it is active, or in a state unknown to this app. */
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
