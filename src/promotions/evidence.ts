import { deployingSince, type Promotion } from './promotion.js';

/**
 * What Heroku holds now for a promotion's config var, or why that is not known. It never carries a value that may be
 * a secret, so it can be shown, stored and logged as it is.
 */
export type Evidence =
  | {
      readonly kind: 'read';
      readonly checkedAt: Date;
      readonly verdict: ReadVerdict;
      readonly value: PresentableValue;
      /** The release that the verdict rests on; absent where Heroku told of none in time. */
      readonly release?: EvidenceRelease | undefined;
    }
  | { readonly kind: 'unavailable'; readonly checkedAt: Date; readonly reason: UnavailableReason };

export const UNAVAILABLE_REASONS = [
  /** No HEROKU_API_KEY is configured: nobody was asked. */
  'not_configured',
  /** Heroku did not answer in time, could not be reached, or is failing. */
  'no_answer',
  'rate_limited',
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
  /** Another value is in force, or none, and no release of this promotion's time carried the target. */
  | 'not_live'
  /** The release that carries the target value is under way. */
  | 'release_running'
  /** The release that carried it failed. */
  | 'release_failed'
  /** It was in force, and another release changed it since. */
  | 'changed_since';

/** What the evidence means; `unknown`: nobody knows. */
export type Verdict = ReadVerdict | 'unknown';

export const READ_VERDICTS = ['live', 'not_live', 'release_running', 'release_failed', 'changed_since'] as const;

/** `unknown`: Heroku says nothing that we can read; then nothing is concluded from that release. */
export const RELEASE_STATUSES = ['pending', 'succeeded', 'failed', 'expired', 'unknown'] as const;
export type ReleaseStatus = (typeof RELEASE_STATUSES)[number];

/** A release as far as a person decides by it. */
export interface EvidenceRelease {
  readonly version: number;
  readonly status: ReleaseStatus;
  /** Heroku's time, in whole seconds. */
  readonly createdAt: Date;
  /** The account that made it. */
  readonly by: string;
  /** Releases before it were not looked at: it was so since then, or since an earlier one. */
  readonly orEarlier: boolean;
}

/** A release that was looked at: whether it carries the target value, and whether the value that is in force now. */
export interface LookedAt {
  readonly release: Omit<EvidenceRelease, 'orEarlier'>;
  readonly carries: boolean;
  readonly isInForce: boolean;
}

/** The newest releases, newest first, as far as they were looked at in time; `complete` where there are no more. */
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

/** The target is in force; while the one release that brought it is under way, that may still be undone. */
function whatCarriesIt(walk: ReleaseWalk): Found {
  const release = whatBroughtIt(walk);
  return { verdict: release?.status === 'pending' ? 'release_running' : 'live', release };
}

/** Since when the value in force is so: the oldest of the unbroken run of newest releases that carry it. */
function whatBroughtIt({ looked, complete }: ReleaseWalk): EvidenceRelease | undefined {
  // A release that failed changed nothing: it neither brought a value nor ended it.
  const effective = looked.filter(({ release }) => release.status !== 'failed' && release.status !== 'expired');
  const ended = effective.findIndex(({ isInForce }) => !isInForce);
  const run = ended === -1 ? effective : effective.slice(0, ended);
  const oldest = run.findLast(({ release }) => release.status !== 'unknown');
  if (oldest === undefined) return undefined;
  // One whose status nobody can read may have brought it, or may not have ended it.
  const isSure = run.at(-1) === oldest && (ended === -1 ? complete : effective[ended]?.release.status !== 'unknown');
  return { ...oldest.release, orEarlier: !isSure };
}

/** Heroku cuts times to whole seconds, and its clock may be behind the app's by a little. */
const CLOCK_SKEW_MS = 5_000;

/** The newest release since the promotion began that carried a value which is not in force, and what ended it. */
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
  // Newest first: the last one before the carrier is the first that was made after it and took effect.
  const later = recent.slice(0, at).map((one) => one.release);
  // One whose status nobody can read may have changed it: then nobody is named.
  if (later.some(({ status }) => status === 'unknown')) return { verdict: 'changed_since' };
  const changed =
    later.findLast(({ status }) => status === 'succeeded') ?? later.findLast(({ status }) => status === 'pending');
  // Where nothing came after it, value and releases were read at odds: nobody is said to have changed anything.
  return changed === undefined
    ? { verdict: 'not_live' }
    : { verdict: 'changed_since', release: { ...changed, orEarlier: false } };
}

export function verdictOf(evidence: Evidence): Verdict {
  return evidence.kind === 'read' ? evidence.verdict : 'unknown';
}

/** Whether resolving this way says the opposite of what Heroku says. An unknown verdict contradicts nothing. */
export function contradicts(evidence: Evidence, action: ResolutionAction): boolean {
  switch (verdictOf(evidence)) {
    case 'live':
      return action === 'failed';
    case 'not_live':
    case 'release_failed':
    case 'changed_since':
      return action === 'completed';
    case 'release_running':
      // Neither is right before it has ended.
      return true;
    case 'unknown':
      return false;
  }
}

/**
 * Whether what was shown to the operator no longer holds. A second look that yields no answer changes nothing: the
 * operator decided on what was read, and the audit event keeps both.
 */
export function evidenceChanged(shown: Evidence, reread: Evidence): boolean {
  if (reread.kind === 'unavailable') return false;
  if (shown.kind === 'unavailable' || shown.verdict !== reread.verdict) return true;
  if (isAnother(shown.release, reread.release)) return true;
  return !looksTheSame(shown.value, reread.value);
}

/** Whether both are known for sure, and not the same: it was changed, and changed back. */
function isAnother(shown: EvidenceRelease | undefined, reread: EvidenceRelease | undefined): boolean {
  if (shown === undefined || reread === undefined || shown.orEarlier || reread.orEarlier) return false;
  return shown.version !== reread.version;
}

/** Whether two values are the same, as far as they may be shown. */
export function looksTheSame(one: PresentableValue, other: PresentableValue): boolean {
  return lookOf(one) === lookOf(other);
}

function lookOf(value: PresentableValue): string {
  return value.kind === 'plain' ? `plain ${value.value}` : value.kind;
}

/**
 * A config var may hold a secret; only what is plainly a flag's value is ever shown or stored: booleans in words, or
 * a number of at most six digits. Everything else is masked.
 */
export function presentableValue(value: string | null): PresentableValue {
  if (value === null) return { kind: 'unset' };
  const isPlain = /^(?:true|false|on|off|yes|no|enabled|disabled|-?(?:\d{1,6}|\d{1,3}\.\d{1,3}))$/iu.test(value);
  return isPlain ? { kind: 'plain', value } : { kind: 'masked' };
}
