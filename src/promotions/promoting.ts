import type { ReleaseStatus } from './evidence.js';
import { deployingSince, type Promotion } from './promotion.js';

/**
 * How far a promotion got on Heroku. The work survives its worker: the checkpoint and Heroku's answer give the next
 * step.
 */
export type Checkpoint =
  /** Another system's row, or not promoted yet: don't touch it. */
  | { readonly kind: 'none' }
  /** About to set the config var; only Heroku knows whether that happened. */
  | { readonly kind: 'intent' }
  /**
   * Heroku applied the change. `releaseId` is null if the text is no release id: then find the release by its value.
   */
  | { readonly kind: 'pending_commit'; readonly releaseId: string | null }
  /** Another system's text. */
  | { readonly kind: 'external' };

export const INTENT = 'INTENT';
const PENDING_COMMIT = 'PENDING_COMMIT:';

export function parseCheckpoint(checkpoint: string | null): Checkpoint {
  if (checkpoint === null) return { kind: 'none' };
  if (checkpoint === INTENT) return { kind: 'intent' };
  if (!checkpoint.startsWith(PENDING_COMMIT)) return { kind: 'external' };
  const id = checkpoint.slice(PENDING_COMMIT.length).trim();
  const isReleaseId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/iu.test(id);
  return { kind: 'pending_commit', releaseId: isReleaseId ? id : null };
}

export function pendingCommit(releaseId: string): string {
  return `${PENDING_COMMIT}${releaseId}`;
}

export interface ReleaseFacts {
  readonly id: string;
  readonly version: number;
  readonly status: ReleaseStatus;
  readonly createdAt: Date;
}

export interface HerokuFacts {
  /** Whether the value in force is the target. During a release phase the old value is still in force. */
  readonly valueIsTarget: boolean;
  /** The release that carries the target, in any state: the checkpoint's own, or one found by the value; null: none. */
  readonly release: ReleaseFacts | null;
  /** Somebody else set another value since the promoter was about to set the target. */
  readonly isOvertaken: boolean;
}

export type PromotionStep =
  | { readonly kind: 'patch' }
  | { readonly kind: 'checkpoint'; readonly release: ReleaseFacts }
  /** `found`: the release to record as checkpoint, if it had ended when it was found. */
  | { readonly kind: 'commit_deployed'; readonly found?: ReleaseFacts }
  | { readonly kind: 'commit_failed'; readonly reason: string; readonly found?: ReleaseFacts }
  | { readonly kind: 'wait' }
  /** The value is no longer what was promoted: a person decides. */
  | { readonly kind: 'report_drift' }
  | { readonly kind: 'leave' };

/** Decides the next step for one row. Pure; ARCHITECTURE.md has it as a table. */
export function nextPromotionStep(
  promotion: Pick<Promotion, 'checkpoint' | 'configVar'>,
  facts: HerokuFacts,
): PromotionStep {
  const checkpoint = parseCheckpoint(promotion.checkpoint);
  const { release, valueIsTarget } = facts;
  switch (checkpoint.kind) {
    case 'none':
    case 'external':
      return { kind: 'leave' };
    case 'intent':
      // The change was made, by us before a kill or by somebody else: nothing is left to set. The checkpoint's own
      // table decides what follows.
      if (release !== null) return checkpointed(promotion, facts, release);
      if (valueIsTarget) return { kind: 'wait' };
      return { kind: facts.isOvertaken ? 'report_drift' : 'patch' };
    case 'pending_commit':
      if (release === null) return valueIsTarget ? { kind: 'commit_deployed' } : { kind: 'report_drift' };
      return stepAfterRelease(release, valueIsTarget, promotion.configVar);
  }
}

function stepAfterRelease(release: ReleaseFacts, valueIsTarget: boolean, configVar: string): PromotionStep {
  const { status, version } = release;
  switch (status) {
    case 'pending':
      return { kind: 'wait' };
    case 'succeeded':
      return valueIsTarget ? { kind: 'commit_deployed' } : { kind: 'report_drift' };
    case 'unknown':
      // The old value stays in force while a release runs: if the new one is in force, the release succeeded.
      return { kind: valueIsTarget ? 'commit_deployed' : 'wait' };
    case 'failed':
    case 'expired':
      return {
        kind: 'commit_failed',
        reason: `Heroku's release v${version}, which was to set ${configVar}, ${status}.`,
      };
  }
}

/** A release that was found already ended is committed with its checkpoint in one transaction. */
function checkpointed(
  promotion: Parameters<typeof nextPromotionStep>[0],
  facts: HerokuFacts,
  release: ReleaseFacts,
): PromotionStep {
  const next = nextPromotionStep({ ...promotion, checkpoint: pendingCommit(release.id) }, facts);
  return next.kind === 'commit_deployed' || next.kind === 'commit_failed'
    ? { ...next, found: release }
    : { kind: 'checkpoint', release };
}

/**
 * Milliseconds until a running release is checked again: often at first, then ever less. An account has 4,500 requests
 * an hour for everything.
 */
export function lookAgainMs(promotion: Parameters<typeof deployingSince>[0], now: Date): number {
  const waitedMs = now.getTime() - deployingSince(promotion).getTime();
  return Math.min(30_000, Math.max(2_000, waitedMs / 20));
}
/** Milliseconds until a drift is checked again: somebody may set the value back. */
export const DRIFT_LOOK_AGAIN_MS = 5 * 60_000;
/**
 * The wait between two PATCHes, unless the first certainly changed nothing: a lost one can still take effect, and the
 * next would make a second release.
 */
export const SEND_AGAIN_AFTER_MS = 30_000;
