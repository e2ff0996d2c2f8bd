import { type HerokuFacts, parseCheckpoint, type ReleaseFacts } from '../promotions/promoting.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { type CallOptions, type Heroku, HerokuError } from './heroku.js';

/** How many of an app's newest releases are searched for the one that carries a value. */
const RELEASES_SEARCHED = 20;

/**
 * Reads what the next step of a promotion depends on: whether the target value is in force, and which release carries
 * it. Answers the value that is in force beside it, which may be a secret: it is for `previous_value` alone.
 * @throws {HerokuError} where Heroku does not say
 */
export async function readPromotionFacts(
  heroku: Heroku,
  promotion: Promotion,
  options: CallOptions,
): Promise<{ readonly facts: HerokuFacts; readonly value: string | null }> {
  const { herokuApp, configVar, targetValue } = promotion;
  const value = await heroku.readConfigVar(herokuApp, configVar, options);
  const valueIsTarget = value === targetValue;
  const checkpoint = parseCheckpoint(promotion.checkpoint);
  const named = checkpoint.kind === 'pending_commit' ? checkpoint.releaseId : null;
  const release = named === null ? null : await releaseOrNull(heroku, herokuApp, named, options);
  if (release !== null) return { facts: { valueIsTarget, release }, value };
  return { facts: { valueIsTarget, release: await findByValue(heroku, promotion, valueIsTarget, options) }, value };
}

async function releaseOrNull(
  heroku: Heroku,
  app: string,
  id: string,
  options: CallOptions,
): Promise<ReleaseFacts | null> {
  try {
    return await heroku.release(app, id, options);
  } catch (error) {
    if (error instanceof HerokuError && error.kind === 'not_found') return null;
    throw error;
  }
}

/** Heroku cuts times to whole seconds, and its clock may be behind the app's by a little. */
const CLOCK_SKEW_MS = 5_000;

/**
 * The release that brought the target value. Where the value is in force: the oldest of the unbroken run of newest
 * releases that carry it. Where it is not: the newest one since the promotion began that carries it, which is then under
 * way, failed, or was overtaken by another change; setting the value again would be a second release for one promotion.
 */
async function findByValue(
  heroku: Heroku,
  promotion: Promotion,
  valueIsTarget: boolean,
  options: CallOptions,
): Promise<ReleaseFacts | null> {
  const { herokuApp, configVar, targetValue } = promotion;
  const since = deployingSince(promotion).getTime() - CLOCK_SKEW_MS;
  let found: ReleaseFacts | null = null;
  for (const release of await heroku.releases(herokuApp, { max: RELEASES_SEARCHED }, options)) {
    if (!valueIsTarget && release.createdAt.getTime() < since) break;
    const tookEffect = release.status === 'succeeded' || release.status === 'pending';
    // A release that failed changed nothing: it neither brought a value that is in force nor ended it.
    if (valueIsTarget && !tookEffect) continue;
    const carries = (await heroku.configVarAtRelease(herokuApp, release.id, configVar, options)) === targetValue;
    if (!valueIsTarget && carries) return release;
    if (valueIsTarget && !carries) break;
    if (valueIsTarget) found = release;
  }
  return found;
}
