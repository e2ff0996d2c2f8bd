import type { DynoReport } from './running.js';
import { deployingSince, type Promotion } from './promotion.js';

/** What Heroku holds for a config var, or why that isn't known. Holds no secret: safe to show, store and log. */
export type Evidence =
  | {
      readonly kind: 'read';
      readonly checkedAt: Date;
      readonly verdict: ReadVerdict;
      readonly value: PresentableValue;
      /** The release that the verdict rests on; absent if Heroku named none in time. */
      readonly release?: EvidenceRelease | undefined;
      /** What the dynos say about that release of a live value; absent if they weren't asked or didn't say. */
      readonly dynos?: DynoReport | undefined;
    }
  | { readonly kind: 'unavailable'; readonly checkedAt: Date; readonly reason: UnavailableReason };

export const UNAVAILABLE_REASONS = [
  /** No HEROKU_API_KEY is configured: nobody was asked. */
  'not_configured',
  /** Heroku did not answer in time, could not be reached, or is failing. */
  'no_answer',
  'rate_limited',
  /** HEROKU_REQUESTS_PER_HOUR is used up: nobody was asked. */
  'over_budget',
  /** Heroku answered, and refused: the key is wrong, or may not read this app. */
  'refused',
  'app_not_found',
  /** Heroku's own reasons: a bill is unpaid, the key needs a second factor, the account is suspended, the app is busy. */
  'delinquent',
  'two_factor',
  'suspended',
  'conflict',
] as const;
export type UnavailableReason = (typeof UNAVAILABLE_REASONS)[number];

export type PresentableValue =
  | { readonly kind: 'unset' }
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'masked' };

export type ReadVerdict =
  /** The target value is in force. */
  | 'live'
  /** Another value is in force, or none, and no release since the promotion began carried the target. */
  | 'not_live'
  /** The release that carries the target is running. */
  | 'release_running'
  /** The release that carried it failed. */
  | 'release_failed'
  /** It was in force, and a later release changed it. */
  | 'changed_since';

export type Verdict = ReadVerdict | 'unknown';

export const READ_VERDICTS = ['live', 'not_live', 'release_running', 'release_failed', 'changed_since'] as const;

/** `unknown`: a status that we can't read; nothing is concluded from that release. */
export const RELEASE_STATUSES = ['pending', 'succeeded', 'failed', 'expired', 'unknown'] as const;
export type ReleaseStatus = (typeof RELEASE_STATUSES)[number];

export interface EvidenceRelease {
  readonly version: number;
  readonly status: ReleaseStatus;
  /** Heroku's time, in whole seconds. */
  readonly createdAt: Date;
  /** The account that made it. */
  readonly by: string;
  /** Older releases were not read: the value may date from an earlier one. */
  readonly orEarlier: boolean;
}

/** Whether a release carries the target, and whether it carries the value in force. */
interface LookedAt {
  readonly release: Omit<EvidenceRelease, 'orEarlier'>;
  readonly carries: boolean;
  readonly isInForce: boolean;
}

/** The newest releases that were read in time, newest first; `complete`: there are no more. */
export interface ReleaseWalk {
  readonly looked: readonly LookedAt[];
  readonly complete: boolean;
}

const NOT_WALKED: ReleaseWalk = { looked: [], complete: false };

export type ResolutionAction = 'completed' | 'failed';

/** Turns the value that Heroku holds (null: unset) into evidence; the value itself goes no further. */
export function assess(
  promotion: Parameters<typeof deployingSince>[0] & Pick<Promotion, 'targetValue'>,
  value: string | null,
  checkedAt: Date,
  walk: ReleaseWalk = NOT_WALKED,
): Evidence {
  const found = value === promotion.targetValue ? whatCarriesIt(walk) : whatBecameOfIt(promotion, walk);
  const { verdict, release } = found;
  const evidence = { kind: 'read', checkedAt, verdict, value: presentableValue(value) } as const;
  return release === undefined ? evidence : { ...evidence, release };
}

interface Found {
  readonly verdict: ReadVerdict;
  readonly release?: EvidenceRelease | undefined;
}

/** The target is in force; a running release that brought it may still be undone. */
function whatCarriesIt(walk: ReleaseWalk): Found {
  const release = whatBroughtIt(walk);
  return { verdict: release?.status === 'pending' ? 'release_running' : 'live', release };
}

/** The oldest of the unbroken run of newest releases that carry the value in force. */
function whatBroughtIt({ looked, complete }: ReleaseWalk): EvidenceRelease | undefined {
  // A failed release changed nothing: it neither brought a value nor ended one.
  const effective = looked.filter(({ release }) => release.status !== 'failed' && release.status !== 'expired');
  const ended = effective.findIndex(({ isInForce }) => !isInForce);
  const run = ended === -1 ? effective : effective.slice(0, ended);
  const oldest = run.findLast(({ release }) => release.status !== 'unknown');
  if (oldest === undefined) return undefined;
  // A release of unknown status may have brought the value, or may not have ended it.
  const isSure = run.at(-1) === oldest && (ended === -1 ? complete : effective[ended]?.release.status !== 'unknown');
  return { ...oldest.release, orEarlier: !isSure };
}

/** Heroku cuts times to whole seconds, and its clock may be a little behind ours. */
const CLOCK_SKEW_MS = 5_000;

/** The newest release since the promotion began that carried the target, and what ended it. */
function whatBecameOfIt(promotion: Parameters<typeof deployingSince>[0], walk: ReleaseWalk): Found {
  const since = deployingSince(promotion).getTime() - CLOCK_SKEW_MS;
  const recent = walk.looked.filter(({ release }) => release.createdAt.getTime() >= since);
  const at = recent.findIndex(({ carries }) => carries);
  const carrier = recent[at]?.release;
  if (carrier === undefined) return { verdict: 'not_live', release: whatBroughtIt(walk) };
  const release = { ...carrier, orEarlier: false };
  if (carrier.status === 'pending') return { verdict: 'release_running', release };
  if (carrier.status === 'unknown') return { verdict: 'not_live' };
  if (carrier.status !== 'succeeded') return { verdict: 'release_failed', release };
  // Newest first: the last one before the carrier is the first to take effect after it.
  const later = recent.slice(0, at).map((one) => one.release);
  // A release of unknown status may have changed it: then name nobody.
  if (later.some(({ status }) => status === 'unknown')) return { verdict: 'changed_since' };
  const changed =
    later.findLast(({ status }) => status === 'succeeded') ?? later.findLast(({ status }) => status === 'pending');
  // Nothing came after it, so value and releases were read at different moments: blame nobody.
  return changed === undefined
    ? { verdict: 'not_live' }
    : { verdict: 'changed_since', release: { ...changed, orEarlier: false } };
}

export function verdictOf(evidence: Evidence): Verdict {
  return evidence.kind === 'read' ? evidence.verdict : 'unknown';
}

/** Whether this resolution says the opposite of Heroku. `unknown` contradicts nothing. */
export function contradicts(evidence: Evidence, action: ResolutionAction): boolean {
  switch (verdictOf(evidence)) {
    case 'live':
      return action === 'failed';
    case 'not_live':
    case 'release_failed':
    case 'changed_since':
      return action === 'completed';
    case 'release_running':
      // Neither is right before it ends.
      return true;
    case 'unknown':
      return false;
  }
}

/**
 * Whether what the operator saw no longer holds. A reread without an answer changes nothing: they decided on what was
 * shown, and the audit event keeps both.
 */
export function evidenceChanged(shown: Evidence, reread: Evidence): boolean {
  if (reread.kind === 'unavailable') return false;
  if (shown.kind === 'unavailable' || shown.verdict !== reread.verdict) return true;
  if (isAnother(shown.release, reread.release)) return true;
  return !looksTheSame(shown.value, reread.value);
}

/** Whether both are certain and differ: it was changed, and changed back. */
function isAnother(shown: EvidenceRelease | undefined, reread: EvidenceRelease | undefined): boolean {
  if (shown === undefined || reread === undefined || shown.orEarlier || reread.orEarlier) return false;
  return shown.version !== reread.version;
}

/** Whether two values look the same when shown. */
export function looksTheSame(one: PresentableValue, other: PresentableValue): boolean {
  return lookOf(one) === lookOf(other);
}

function lookOf(value: PresentableValue): string {
  return value.kind === 'plain' ? `plain ${value.value}` : value.kind;
}

/**
 * A config var may hold a secret. Only a plain flag value is shown or stored: booleans in words, or a number of at most
 * six digits. Everything else is masked.
 */
export function presentableValue(value: string | null): PresentableValue {
  if (value === null) return { kind: 'unset' };
  const isPlain = /^(?:true|false|on|off|yes|no|enabled|disabled|-?(?:\d{1,6}|\d{1,3}\.\d{1,3}))$/iu.test(value);
  return isPlain ? { kind: 'plain', value } : { kind: 'masked' };
}
