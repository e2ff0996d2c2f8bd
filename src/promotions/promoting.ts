import type { ReleaseStatus } from './evidence.js';
import { deployingSince, type Promotion } from './promotion.js';

/**
 * How far a promotion's work on Heroku has come, as its row says: the work survives its worker, because whoever reads
 * the checkpoint and asks Heroku knows the next step.
 */
export type Checkpoint =
  /** Another system's row, or one that nobody promoted yet: not ours to touch. */
  | { readonly kind: 'none' }
  /** The config var is to be set; whether it was is for Heroku to say. */
  | { readonly kind: 'intent' }
  /** Heroku took the change. `releaseId` is null where what was written is no release's id: it is found by its value. */
  | { readonly kind: 'pending_commit'; readonly releaseId: string | null }
  /** A word of another system's. */
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

/** A Heroku release, as far as a promotion's next step depends on it. */
export interface ReleaseFacts {
  readonly id: string;
  readonly version: number;
  readonly status: ReleaseStatus;
  readonly createdAt: Date;
}

/** What Heroku says about a promotion's config var now. */
export interface HerokuFacts {
  /** The value in force equals the target. During a release phase that is still the old value. */
  readonly valueIsTarget: boolean;
  /**
   * The release that carries the target value, in whatever state: the checkpoint's own, or the one found by the value;
   * null where there is none among those that were looked at.
   */
  readonly release: ReleaseFacts | null;
  /** Somebody else set another value since the promoter was about to set the target. */
  readonly isOvertaken: boolean;
}

export type PromotionStep =
  | { readonly kind: 'patch' }
  | { readonly kind: 'checkpoint'; readonly release: ReleaseFacts }
  /** `found`: the release that is to be the checkpoint, where it has ended by the time it is found. */
  | { readonly kind: 'commit_deployed'; readonly found?: ReleaseFacts }
  | { readonly kind: 'commit_failed'; readonly reason: string; readonly found?: ReleaseFacts }
  | { readonly kind: 'wait' }
  /** The value is no longer what was promoted: a person decides. */
  | { readonly kind: 'report_drift' }
  | { readonly kind: 'leave' };

/** Decides the next step of promoting one row. Pure; ARCHITECTURE.md has it as a table. */
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
      // Where a release carries the target value, the change was taken: by us before a kill, or by somebody else.
      // Either way there is nothing left to set, and the checkpoint's own table says what became of it.
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
      // While a release runs, the value is the old one: so a value in force says that it ended well.
      return { kind: valueIsTarget ? 'commit_deployed' : 'wait' };
    case 'failed':
    case 'expired':
      return {
        kind: 'commit_failed',
        reason: `Heroku's release v${version}, which was to set ${configVar}, ${status}.`,
      };
  }
}

/** What was found already ended is committed together with its checkpoint: nothing can come in between. */
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
 * Milliseconds until a release under way is looked at again: at first as often as somebody waits for it, then ever more
 * seldom, because an account has 4,500 requests an hour for everything.
 */
export function lookAgainMs(promotion: Parameters<typeof deployingSince>[0], now: Date): number {
  const waitedMs = now.getTime() - deployingSince(promotion).getTime();
  return Math.min(30_000, Math.max(2_000, waitedMs / 20));
}
/** Milliseconds until a drift is looked at again: somebody may set the value back. */
export const DRIFT_LOOK_AGAIN_MS = 5 * 60_000;
/**
 * How long the next PATCH of a promotion has to wait after the last one, unless that one certainly changed nothing: a request
 * that nobody answered can still take effect, and the next one would then be a second release.
 */
export const SEND_AGAIN_AFTER_MS = 30_000;
