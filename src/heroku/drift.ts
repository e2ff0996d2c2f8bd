import { presentableValue } from '../promotions/evidence.js';
import type { DriftChange, DriftLook, ComparedPromotion } from '../promotions/drift.js';
import { CLOCK_SKEW_MS } from '../promotions/progress.js';
import { SEND_AGAIN_AFTER_MS } from '../promotions/promoting.js';
import type { CallOptions, Heroku, Release } from './heroku.js';

export type AppLook =
  /** No release since the last look. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'read'; readonly seenRelease: number; readonly looks: ReadonlyMap<string, DriftLook> }
  /** A release is under way, or came in between: the values read may be outdated. */
  | { readonly kind: 'changing' };

type OtherValue = Extract<DriftLook, { kind: 'other' }>;

/** How many releases back to search for who changed a value: each is a request. */
const RELEASES_LOOKED_AT = 10;

/**
 * Compares an app's promotions with Heroku: one request for the newest release, a second for the values if that release
 * is new, and more only if a value differs.
 * @throws {HerokuError} if Heroku doesn't say
 */
export async function lookForDrift(
  heroku: Pick<Heroku, 'latestRelease' | 'readConfigVars' | 'releases' | 'configVarAtRelease'>,
  herokuApp: string,
  seenRelease: number | null,
  watched: readonly ComparedPromotion[],
  options: CallOptions,
): Promise<AppLook> {
  const newest = await heroku.latestRelease(herokuApp, options);
  if (newest === null || newest.status === 'pending') return { kind: 'changing' };
  if (seenRelease !== null && newest.version === seenRelease) return { kind: 'unchanged' };
  const names = [...new Set(watched.map(({ promotion }) => promotion.configVar))];
  const values = await heroku.readConfigVars(herokuApp, names, options);
  const looks = new Map<string, DriftLook>();
  let releases: readonly Release[] | null = null;
  for (const one of watched) {
    const { promotion } = one;
    const value = values.get(promotion.configVar) ?? null;
    if (value === promotion.targetValue) {
      looks.set(promotion.id, { kind: 'holds' });
      continue;
    }
    releases ??= await heroku.releases(herokuApp, { max: RELEASES_LOOKED_AT }, options);
    const effective = releases.filter(({ status }) => status !== 'failed' && status !== 'expired');
    const current = effective[0];
    if (releases[0]?.version !== newest.version || current === undefined) return { kind: 'changing' };
    const look = await compare(heroku, one, value, effective, current, options);
    if (look === null) return { kind: 'changing' };
    looks.set(promotion.id, isOurs(one, value, look) ? { kind: 'holds' } : look);
  }
  return { kind: 'read', seenRelease: newest.version, looks };
}

/** Whether this app itself set the value, and nobody is proven to have set it anew. */
function isOurs({ alsoOurs }: ComparedPromotion, value: string | null, { isRecorded, change }: OtherValue): boolean {
  if (alsoOurs === null || alsoOurs.value !== value || isRecorded) return false;
  return change === null || change.at.getTime() <= alsoOurs.until.getTime() + SEND_AGAIN_AFTER_MS + CLOCK_SKEW_MS;
}

/** null if the newest release doesn't hold the value that was read: a release came in between. */
async function compare(
  heroku: Pick<Heroku, 'configVarAtRelease'>,
  { promotion, recordedAt }: ComparedPromotion,
  value: string | null,
  effective: readonly Release[],
  current: Release,
  options: CallOptions,
): Promise<OtherValue | null> {
  const { herokuApp, configVar } = promotion;
  const valueAt = (releaseId: string) => heroku.configVarAtRelease(herokuApp, releaseId, configVar, options);
  const isRecorded = recordedAt !== null && (recordedAt === current.id || (await valueAt(recordedAt)) === value);
  const shown = { kind: 'other', value: presentableValue(value), releaseId: current.id } as const;
  if (isRecorded) return { ...shown, isRecorded, change: null };
  let brought: Release | null = null;
  for (const release of effective) {
    if ((await valueAt(release.id)) !== value) {
      return brought === null ? null : { ...shown, isRecorded, change: changeBy(brought) };
    }
    brought = release;
  }
  // The value is older than the releases searched: nobody is proven to have changed it.
  return { ...shown, isRecorded, change: null };
}

/** A release with an unknown status may not have brought the value. */
function changeBy({ version, user, createdAt, status }: Release): DriftChange | null {
  return status === 'succeeded' ? { version, by: user.slice(0, 200), at: createdAt } : null;
}
