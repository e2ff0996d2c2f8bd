import type { Logger } from 'pino';
import { presentableValue } from '../promotions/evidence.js';
import { deployingSince, endedAt, type Promotion } from '../promotions/promotion.js';
import type { RcaRelease, RcaReleases } from '../promotions/rca-draft.js';
import type { Heroku, Release } from './heroku.js';

/** Reads the releases around a promotion, for its RCA. Never rejects. */
export type ReadReleasesAround = (promotion: Promotion) => Promise<RcaReleases>;

/** Of an app's newest releases: how many we look at, show, and read the value of. */
const LISTED = 200;
const TOLD = 40;
const VALUES_READ = 12;
/** What happened shortly before and after may belong to the story. */
const MARGIN_MS = 3_600_000;
/** For all requests together. */
const WITHIN_MS = 8_000;

/** `heroku` is null if no API key is configured. */
export function createReleasesReader(heroku: Heroku | null, now: () => Date, log: Logger): ReadReleasesAround {
  return async (promotion) => {
    if (heroku === null) return { kind: 'unavailable', reason: 'not_configured' };
    const signal = AbortSignal.timeout(WITHIN_MS);
    let newest: readonly Release[];
    try {
      newest = await heroku.releases(promotion.herokuApp, { max: LISTED }, { signal, deadlineMs: WITHIN_MS });
    } catch (error) {
      log.warn({ err: error, promotionId: promotion.id }, 'Heroku could not be asked for releases');
      return { kind: 'unavailable', reason: 'no_answer' };
    }
    const from = deployingSince(promotion).getTime();
    const around = within(newest, from - MARGIN_MS, (endedAt(promotion) ?? now()).getTime() + MARGIN_MS);
    const told = around.slice(0, TOLD);
    const values = await readValues(heroku, promotion, told, signal, log);
    const reachesBack = newest.length < LISTED || newest.some((release) => release.createdAt.getTime() < from);
    return {
      kind: 'read',
      releases: told.map((release): RcaRelease => asRcaRelease(release, values.get(release.id), promotion)),
      complete: reachesBack && told.length === around.length,
    };
  };
}

/** Newest first: those of a time, and the last one in force before it, to compare the first change with. */
function within(newest: readonly Release[], from: number, to: number): readonly Release[] {
  const between = newest.filter(({ createdAt }) => createdAt.getTime() >= from && createdAt.getTime() <= to);
  const before = newest.find(({ createdAt, status }) => createdAt.getTime() < from && status === 'succeeded');
  return before === undefined ? between : [...between, before];
}

/** By release id; null if the variable is unset. What could not be read is missing. */
async function readValues(
  heroku: Heroku,
  promotion: Promotion,
  releases: readonly Release[],
  signal: AbortSignal,
  log: Logger,
): Promise<ReadonlyMap<string, string | null>> {
  const values = new Map<string, string | null>();
  const half = VALUES_READ / 2;
  // The ends of a long story tell when it began and how it ended.
  const looked = releases.length <= VALUES_READ ? releases : [...releases.slice(0, half), ...releases.slice(-half)];
  try {
    for (const { id } of looked) {
      values.set(id, await heroku.configVarAtRelease(promotion.herokuApp, id, promotion.configVar, { signal }));
    }
  } catch (error) {
    log.warn({ err: error, promotionId: promotion.id }, 'Heroku did not tell what a release holds');
  }
  return values;
}

/** The value stops here; beyond go its showable form and whether it is the target. */
function asRcaRelease(release: Release, held: string | null | undefined, promotion: Promotion): RcaRelease {
  return {
    version: release.version,
    status: release.status,
    at: release.createdAt,
    user: release.user,
    description: release.description,
    value: held === undefined ? null : presentableValue(held),
    isTarget: held === undefined ? null : held === promotion.targetValue,
  };
}
