import type { Logger } from 'pino';
import { assess, type Evidence } from '../promotions/evidence.js';
import { RESERVED_REQUESTS } from '../promotions/evidence-refresh.js';
import type { Look } from '../promotions/notice.js';
import type { Promotion } from '../promotions/promotion.js';
import { unavailableReason } from './evidence.js';
import { type Heroku, HerokuError, type Release } from './heroku.js';
import { compared, isAtOdds, type Read, RELEASES_LOOKED_AT, tellsEnough, told, type Walked } from './release-walk.js';

interface AppLook {
  /** By the promotion's id. */
  readonly looks: ReadonlyMap<string, Look>;
  /** Milliseconds for which no app may be asked about; null if the next one may. */
  readonly waitMs: number | null;
}

/** Asks about all promotions of one app. Never rejects; resolves within `deadlineMs`. */
export type LookAtApp = (herokuApp: string, promotions: readonly Promotion[], deadlineMs: number) => Promise<AppLook>;

/** Heroku's limit is hourly, and most of its answers name the wait; our own limit frees some each minute. */
const LIMITED_MS = 60_000;

/**
 * However many promotions an app has, a look takes at most a dozen requests, and two if nothing was released since they
 * were promoted: their values, the app's releases, and those releases' values.
 */
export function createLook(heroku: Heroku, now: () => Date, log: Logger): LookAtApp {
  return async (app, promotions, deadlineMs) => {
    const left = heroku.rateLimitRemaining();
    if (left !== null && left < RESERVED_REQUESTS) return { looks: new Map(), waitMs: LIMITED_MS };
    const signal = AbortSignal.timeout(deadlineMs);
    const names = [...new Set(promotions.map(({ configVar }) => configVar))];
    try {
      const values = await heroku.readConfigVars(app, names, { signal });
      const walk = await walkApp(app, promotions, names, signal);
      const isStale = promotions.some((one) => isAtOdds(walk.of(one), values.get(one.configVar) ?? null));
      const settled = isStale ? await heroku.readConfigVars(app, names, { signal }) : values;
      const looks = promotions.map((promotion): readonly [string, Look] => {
        const value = settled.get(promotion.configVar) ?? null;
        const evidence = assess(promotion, value, now(), compared(walk.of(promotion), promotion, value));
        return [promotion.id, { evidence, releaseEndedAt: walk.endOf(evidence) }];
      });
      return { looks: new Map(looks), waitMs: null };
    } catch (error) {
      log.info({ err: error, herokuApp: app }, 'Heroku could not be asked about promotions that are under way');
      const evidence: Evidence = { kind: 'unavailable', checkedAt: now(), reason: unavailableReason(error) };
      const looks = new Map(promotions.map(({ id }) => [id, { evidence, releaseEndedAt: null }]));
      return { looks, waitMs: waitAfter(error) };
    }
  };

  /** Back through the app's releases, until each promotion knows enough. */
  async function walkApp(app: string, promotions: readonly Promotion[], names: readonly string[], signal: AbortSignal) {
    const releases = await heroku.releases(app, { max: RELEASES_LOOKED_AT }, { signal });
    const begun = (): { readonly looked: Read[]; isOver: boolean } => ({ looked: [], isOver: false });
    const walks = new Map(promotions.map(({ id }) => [id, begun()]));
    for (const release of releases) {
      const open = promotions.filter(({ id }) => walks.get(id)?.isOver === false);
      if (open.length === 0) break;
      const values = await heroku.configVarsAtRelease(app, release.id, names, { signal });
      for (const promotion of open) {
        const walk = walks.get(promotion.id);
        if (walk === undefined) continue;
        walk.looked.push({ release: told(release), value: values.get(promotion.configVar) ?? null });
        walk.isOver = tellsEnough(walk.looked, promotion);
      }
    }
    const isAll = releases.length < RELEASES_LOOKED_AT;
    return {
      of: ({ id }: Promotion): Walked => {
        const { looked = [], isOver = false } = walks.get(id) ?? {};
        return { looked, complete: isAll && !isOver };
      },
      endOf: (evidence: Evidence) => endOf(evidence, releases),
    };
  }
}

/** When the release behind the evidence ended; null while it is under way, or if there is none. */
function endOf(evidence: Evidence, releases: readonly Release[]): Date | null {
  const version = evidence.kind === 'read' ? evidence.release?.version : undefined;
  const release = releases.find((one) => one.version === version);
  return release === undefined || release.status === 'pending' ? null : release.updatedAt;
}

function waitAfter(error: unknown): number | null {
  if (!(error instanceof HerokuError)) return null;
  if (error.kind === 'over_budget') return LIMITED_MS;
  return error.kind === 'rate_limited' ? (error.retryAfterMs ?? LIMITED_MS) : null;
}
