import { type HerokuFacts, parseCheckpoint, type ReleaseFacts } from '../promotions/promoting.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { type CallOptions, type Heroku, HerokuError, type Release } from './heroku.js';

/** How many of an app's newest releases are searched for the one that carries a value. */
const RELEASES_SEARCHED = 20;
/** The most, if there were more releases since the promoter was about to set it: each takes a request. */
const MOST_SEARCHED = 200;

/** What Heroku held when it was asked. Recorded before a change. */
export interface CurrentValue {
  /** May be a secret: only for `previous_value`. */
  readonly value: string | null;
  /** The newest release's version; 0 if there is none, or none had to be looked at. */
  readonly release: number;
}

/**
 * Reads what the next step of a promotion depends on: whether the target value is in force, and which release carries
 * it.
 * @throws {HerokuError} if Heroku does not say
 */
export async function readPromotionFacts(
  heroku: Heroku,
  promotion: Promotion,
  options: CallOptions,
): Promise<{ readonly facts: HerokuFacts; readonly current: CurrentValue }> {
  const { herokuApp, configVar, targetValue } = promotion;
  // Releases before the value: otherwise one that ended in between seems to have succeeded without its value.
  const named = await releaseOfCheckpoint(heroku, promotion, options);
  const releases = named === null ? await releasesToSearch(heroku, promotion, options) : [];
  const looked = new Map<string, string | null>();
  const valueAt = async (release: Release): Promise<string | null> => {
    const known = looked.get(release.id);
    if (known !== undefined) return known;
    const value = await heroku.configVarAtRelease(herokuApp, release.id, configVar, options);
    looked.set(release.id, value);
    return value;
  };
  const carries = async (release: Release): Promise<boolean> => (await valueAt(release)) === targetValue;
  // What the release in force carries is the value: right after a change nothing more has to be asked.
  const isInForce = await isOursAndInForce(releases[0], promotion, carries);
  const value = isInForce ? targetValue : await heroku.readConfigVar(herokuApp, configVar, options);
  const valueIsTarget = value === targetValue;
  if (named !== null)
    return { facts: { valueIsTarget, release: named, isOvertaken: false }, current: { value, release: 0 } };
  const release = valueIsTarget
    ? await broughtBy(releases, promotion, carries)
    : await onItsWay(releases, promotion, carries);
  const isOvertaken = !valueIsTarget && release === null && (await isChangedByOthers(releases, promotion, valueAt));
  return { facts: { valueIsTarget, release, isOvertaken }, current: { value, release: releases[0]?.version ?? 0 } };
}

/** The newest, back to the one in force at `base_release`, unless that lies too far back. */
async function releasesToSearch(
  heroku: Heroku,
  { herokuApp, baseRelease }: Promotion,
  options: CallOptions,
): Promise<readonly Release[]> {
  const newest = await heroku.releases(herokuApp, { max: RELEASES_SEARCHED }, options);
  const isReached =
    baseRelease === null || newest.some((release) => isEffective(release) && release.version <= baseRelease);
  if (isReached || newest.length < RELEASES_SEARCHED) return newest;
  return heroku.releases(herokuApp, { max: MOST_SEARCHED }, options);
}

async function releaseOfCheckpoint(
  heroku: Heroku,
  promotion: Promotion,
  options: CallOptions,
): Promise<ReleaseFacts | null> {
  const checkpoint = parseCheckpoint(promotion.checkpoint);
  if (checkpoint.kind !== 'pending_commit' || checkpoint.releaseId === null) return null;
  try {
    return await heroku.release(promotion.herokuApp, checkpoint.releaseId, options);
  } catch (error) {
    if (error instanceof HerokuError && error.kind === 'not_found') return null;
    throw error;
  }
}

/** A failed release changed nothing: it neither brought the value in force nor ended it. */
const isEffective = ({ status }: Release): boolean => status !== 'failed' && status !== 'expired';

type Carries = (release: Release) => Promise<boolean>;

/**
 * Whether the newest release is the current one, came after the promoter was about to set the value, and carries it.
 */
async function isOursAndInForce(
  newest: Release | undefined,
  { baseRelease }: Promotion,
  carries: Carries,
): Promise<boolean> {
  if (newest === undefined || baseRelease === null || newest.version <= baseRelease) return false;
  return newest.current && newest.status === 'succeeded' && carries(newest);
}

/**
 * The release that brought the value in force: the oldest in the unbroken run of newest ones that carry it. The
 * promoter only sets a value that differed before, so the run never goes back past `base_release`.
 */
async function broughtBy(
  releases: readonly Release[],
  { baseRelease }: Promotion,
  carries: Carries,
): Promise<ReleaseFacts | null> {
  let found: ReleaseFacts | null = null;
  for (const release of releases) {
    if (found !== null && baseRelease !== null && release.version <= baseRelease) break;
    if (!isEffective(release)) continue;
    if (await carries(release)) found = release;
    // Without a status, but newer than what is in force: it failed.
    else if (found !== null || release.status !== 'unknown') break;
  }
  return found;
}

/** The release that carries a value not in force: under way, failed, or overtaken by another change. */
async function onItsWay(
  releases: readonly Release[],
  promotion: Promotion,
  carries: Carries,
): Promise<ReleaseFacts | null> {
  for (const release of releases) {
    if (!mayBeOurs(release, promotion)) break;
    if (await carries(release)) return release;
  }
  return null;
}

/**
 * Whether somebody else set the value since the promoter was about to. True as well if there are too many releases
 * since then to search all: ours may be among them.
 */
async function isChangedByOthers(
  releases: readonly Release[],
  { baseRelease }: Promotion,
  valueAt: (release: Release) => Promise<string | null>,
): Promise<boolean> {
  if (baseRelease === null) return false;
  const effective = releases.filter(isEffective);
  const since = effective.filter(({ version }) => version > baseRelease);
  if (since.length === 0) return false;
  const base = effective[since.length];
  // Versions begin with 1: then nothing had been set before.
  if (base === undefined && releases.at(-1)?.version !== 1) return true;
  const held = base === undefined ? null : await valueAt(base);
  for (const release of since) if ((await valueAt(release)) !== held) return true;
  return false;
}

/** Heroku cuts times to whole seconds, and its clock may be slightly behind the app's. */
const CLOCK_SKEW_MS = 5_000;

/**
 * Whether a release may be this promotion's. Once we were about to set the value: each release newer than the newest
 * back then. If another system says that Heroku applied it: each since the promotion began. Otherwise nothing was set
 * yet, and only a release under way counts, whoever began it.
 */
function mayBeOurs(release: Release, promotion: Promotion): boolean {
  if (promotion.baseRelease !== null) return release.version > promotion.baseRelease;
  if (parseCheckpoint(promotion.checkpoint).kind === 'pending_commit') {
    return release.createdAt.getTime() >= deployingSince(promotion).getTime() - CLOCK_SKEW_MS;
  }
  return release.status === 'pending';
}
