import type { PresentableValue } from './evidence.js';
import type { Promotion } from './promotion.js';

export interface ComparedPromotion {
  readonly promotion: Promotion;
  /** The release at which the recorded value was read; null if none was. */
  readonly recordedAt: string | null;
  /** What a later promotion of this app may have set before it failed (`until`); null: nothing. */
  readonly alsoOurs: { readonly value: string | null; readonly until: Date } | null;
}

/** Who is proven to have changed a value, and in which release. */
export interface DriftChange {
  readonly version: number;
  readonly by: string;
  readonly at: Date;
}

/** The record of a promotion whose config var no longer holds what was deployed. */
export interface Drift {
  readonly promotionId: string;
  /** `over`: it holds the target again, or a later promotion counts. */
  readonly state: 'open' | 'accepted' | 'over';
  /** Counts the changes: a button names the one it was shown with. */
  readonly seq: number;
  /** The change that its last message was queued for; null if none was. */
  readonly toldSeq: number | null;
  readonly value: PresentableValue;
  /** null: nobody is proven to have changed it. */
  readonly change: DriftChange | null;
  readonly acceptedBy: string | null;
}

export type DriftLook =
  /** It holds its target, or the value that this app itself set last. */
  | { readonly kind: 'holds' }
  | {
      readonly kind: 'other';
      readonly value: PresentableValue;
      /** The release at which it was read. */
      readonly releaseId: string;
      /** Whether this value is already recorded. */
      readonly isRecorded: boolean;
      readonly change: DriftChange | null;
    };

export type DriftStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'end' }
  /** `tell`: in a new message; else update the one that is there. */
  | { readonly kind: 'record'; readonly tell: boolean };

/** Decides what follows from a check. Reported once; again only after it was accepted or over, and changed anew. */
export function nextDriftStep(look: DriftLook, stored: Pick<Drift, 'state'> | null): DriftStep {
  if (look.kind === 'holds') return stored === null || stored.state === 'over' ? { kind: 'nothing' } : { kind: 'end' };
  if (stored === null || stored.state === 'over') return { kind: 'record', tell: true };
  if (look.isRecorded) return { kind: 'nothing' };
  return { kind: 'record', tell: stored.state === 'accepted' };
}

export interface DriftToTell {
  readonly promotionId: string;
  readonly herokuApp: string;
  /** Found by the first check of its app: it may be years old. */
  readonly isFirst: boolean;
}

export type DriftTelling =
  | { readonly kind: 'tell_drift'; readonly promotionId: string }
  | { readonly kind: 'tell_drifts'; readonly channel: string; readonly promotionIds: readonly string[] };

/** Up to this many at once get a message each. */
const MOST_INDIVIDUAL = 5;
/** On an app's first check, only this many do. */
const MOST_FIRST = 1;

/**
 * Decides which drifts get a message each, and which share one per channel: many at once, or several from a first
 * check. `hasGroup`: the channel got a shared message within a day, which also takes what first checks find. Pure.
 */
export function planTelling(
  untold: readonly DriftToTell[],
  channelOf: (herokuApp: string) => string,
  hasGroup: (channel: string) => boolean,
): readonly DriftTelling[] {
  const byChannel = new Map<string, DriftToTell[]>();
  for (const one of untold) {
    const channel = channelOf(one.herokuApp);
    byChannel.set(channel, [...(byChannel.get(channel) ?? []), one]);
  }
  return [...byChannel].flatMap(([channel, its]): DriftTelling[] => {
    const first = its.filter(({ isFirst }) => isFirst);
    const isGrouped = first.length > MOST_FIRST || (first.length > 0 && hasGroup(channel));
    const together = its.length > MOST_INDIVIDUAL ? its : isGrouped ? first : [];
    const alone = its.filter((one) => !together.includes(one));
    return [
      ...alone.map(({ promotionId }): DriftTelling => ({ kind: 'tell_drift', promotionId })),
      ...(together.length === 0
        ? []
        : [{ kind: 'tell_drifts' as const, channel, promotionIds: together.map(({ promotionId }) => promotionId) }]),
    ];
  });
}

export interface AcceptRequest {
  readonly promotionId: string;
  /** The change that was shown. */
  readonly seq: number;
  readonly operatorId: string;
}

export type AcceptOutcome =
  | { readonly kind: 'accepted'; readonly drift: Drift }
  | { readonly kind: 'not_operator' }
  /** It isn't open: accepted before, or over, or a later promotion is under way or counts. */
  | { readonly kind: 'not_open'; readonly drift: Drift | null }
  | { readonly kind: 'changed'; readonly drift: Drift };
