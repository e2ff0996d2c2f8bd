import type { Logger } from 'pino';
import type { Database } from '../../db/database.js';
import { lookForDrift } from '../../heroku/drift.js';
import { type Heroku, HerokuError } from '../../heroku/heroku.js';
import { planTelling } from '../../promotions/drift.js';
import { defineStep, type Step } from './step.js';

export interface DriftDependencies {
  readonly db: Pick<Database, 'drifts'>;
  /** null: no API key is configured. */
  readonly heroku: Pick<Heroku, 'latestRelease' | 'readConfigVars' | 'releases' | 'configVarAtRelease'> | null;
  /** DRIFT_EVERY; null: never. */
  readonly driftEveryMs: number | null;
  readonly newOwner: () => string;
  /** The channel of an app's route. */
  readonly channelOf: (herokuApp: string) => string;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
  readonly log: Logger;
}

/** How many apps one tick checks, how long each may take, and how long after the first one more is started. */
const MOST_APPS = 200;
const WITHIN_MS = 3_000;
const BEGIN_WITHIN_MS = 5_000;
/** A tick may come a little early. */
const EARLY_MS = 10_000;
/** How soon to ask again during a release, or if Heroku doesn't answer. */
const SOON_MS = 5 * 60_000;
const MOST_TOLD = 1_000;

const isOff = ({ heroku, driftEveryMs }: DriftDependencies) => heroku === null || driftEveryMs === null;
const every = ({ driftEveryMs }: DriftDependencies) => Math.max(1_000, (driftEveryMs ?? 0) - EARLY_MS);

/** Finds the apps on which something is deployed, whoever deployed it. */
export function findAppsStep(deps: DriftDependencies): Step {
  return defineStep({
    gather: async () => !isOff(deps) && (await deps.db.drifts.mustFindApps()),
    decide: (must) => (must ? [{ kind: 'find_deployed_apps' as const }] : []),
    act: () => deps.db.drifts.findApps(every(deps)),
  });
}

/** Compares what is deployed with Heroku: app by app, mostly in one request. */
export function lookForDriftStep(deps: DriftDependencies): Step {
  const { db, elapsed, patience } = deps;
  let until = Number.POSITIVE_INFINITY;
  return defineStep({
    async gather() {
      until = elapsed() + BEGIN_WITHIN_MS * patience;
      return isOff(deps) ? [] : db.drifts.due(MOST_APPS);
    },
    decide: (due) => due.map(({ herokuApp }) => ({ kind: 'look_for_drift' as const, herokuApp })),
    async act({ herokuApp }) {
      // Unclaimed apps are due at the next tick.
      if (elapsed() > until) return;
      const owner = deps.newOwner();
      const claimed = await db.drifts.claim(herokuApp, owner);
      if (claimed === null) return;
      const waitMs = await look(deps, herokuApp, claimed.seenRelease);
      await db.drifts.done(herokuApp, owner, waitMs.waitMs, waitMs.seenRelease);
    },
  });
}

/** When to ask about the app again, and the release that was checked; null: nothing new. */
async function look(
  deps: DriftDependencies,
  herokuApp: string,
  seenRelease: number | null,
): Promise<{ readonly waitMs: number; readonly seenRelease: number | null }> {
  const { db, heroku, log, patience } = deps;
  const { compared, isUnderWay } = await db.drifts.watched(herokuApp);
  if (heroku === null || compared.length === 0) return { waitMs: every(deps), seenRelease: null };
  try {
    const call = { deadlineMs: WITHIN_MS * patience };
    const found = await lookForDrift(heroku, herokuApp, seenRelease, compared, call);
    if (found.kind === 'changing') return { waitMs: Math.min(SOON_MS, every(deps)), seenRelease: null };
    if (found.kind === 'unchanged') return { waitMs: every(deps), seenRelease: null };
    // If a promotion was left out, another release number makes the next look compare all values again.
    let isWhole = !isUnderWay;
    for (const { promotion } of compared) {
      const its = found.looks.get(promotion.id);
      if (its !== undefined && !(await db.drifts.record(promotion, its, seenRelease === null))) isWhole = false;
    }
    return { waitMs: every(deps), seenRelease: isWhole ? found.seenRelease : found.seenRelease - 1 };
  } catch (error) {
    if (!(error instanceof HerokuError)) throw error;
    log.warn({ err: error, herokuApp }, 'Heroku could not be asked whether what is deployed still holds');
    const isGone = error.kind === 'not_found' || error.kind === 'forbidden';
    return { waitMs: isGone ? every(deps) : Math.min(SOON_MS, every(deps)), seenRelease: null };
  }
}

/** Before `deliver`, so that it goes out in the same tick. */
export function tellDriftStep({ db, channelOf }: DriftDependencies): Step {
  return defineStep({
    async gather() {
      const untold = await db.drifts.untold(MOST_TOLD);
      const channels = [...new Set(untold.map(({ herokuApp }) => channelOf(herokuApp)))];
      const grouped = new Set<string>();
      for (const channel of channels) if (await db.drifts.hasGroup(channel)) grouped.add(channel);
      return { untold, grouped };
    },
    decide: ({ untold, grouped }) => planTelling(untold, channelOf, (channel) => grouped.has(channel)),
    act: (action) =>
      action.kind === 'tell_drift'
        ? db.drifts.tell(action.promotionId)
        : db.drifts.tellTogether(action.channel, action.promotionIds),
  });
}
