import type { Logger } from 'pino';
import type { Evidence } from '../promotions/evidence.js';
import { RESERVED_REQUESTS } from '../promotions/evidence-refresh.js';
import { reportOf } from '../promotions/running.js';
import type { Dyno, Heroku } from './heroku.js';

/**
 * Adds to an app's evidence, by promotion id, whether the dynos run what is live: one request, and none if nothing is
 * live. Never rejects; if Heroku doesn't answer in time, what was known before is left out.
 */
export type AddDynos = (
  herokuApp: string,
  evidence: ReadonlyMap<string, Evidence>,
  deadlineMs: number,
) => Promise<ReadonlyMap<string, Evidence>>;

/** `heroku` is null if no API key is configured. */
export function createDynoEvidence(heroku: Pick<Heroku, 'dynos' | 'rateLimitRemaining'> | null, log: Logger): AddDynos {
  async function ask(herokuApp: string, deadlineMs: number): Promise<readonly Dyno[] | null> {
    if (heroku === null || (heroku.rateLimitRemaining() ?? Number.POSITIVE_INFINITY) < RESERVED_REQUESTS) return null;
    try {
      return await heroku.dynos(herokuApp, { deadlineMs });
    } catch (error) {
      log.warn({ err: error, herokuApp }, 'Heroku did not tell whether an app runs');
      return null;
    }
  }

  return async (herokuApp, evidence, deadlineMs) => {
    if (![...evidence.values()].some((one) => versionOf(one) !== null)) return evidence;
    const dynos = await ask(herokuApp, deadlineMs);
    return new Map([...evidence].map(([id, one]) => [id, added(one, dynos)]));
  };
}

/** The release that the dynos should run; null if there is none to ask about. */
function versionOf(evidence: Evidence): number | null {
  return evidence.kind === 'read' && evidence.verdict === 'live' ? (evidence.release?.version ?? null) : null;
}

function added(evidence: Evidence, dynos: readonly Dyno[] | null): Evidence {
  if (evidence.kind !== 'read') return evidence;
  const { dynos: _, ...without } = evidence;
  const version = versionOf(evidence);
  return version === null || dynos === null ? without : { ...without, dynos: reportOf(dynos, version) };
}
