import type { Logger } from 'pino';
import type { Database } from '../../db/database.js';
import type { ClaimedVerification } from '../../db/verifications.js';
import { type Dyno, type Heroku, HerokuError } from '../../heroku/heroku.js';
import { nextVerification, type RunningLook, reportOf } from '../../promotions/running.js';
import { defineStep, type Step } from './step.js';

export interface VerifyDependencies {
  readonly db: Pick<Database, 'verifications'>;
  /** null: no API key is configured. */
  readonly heroku: Pick<Heroku, 'dynos'> | null;
  /** VERIFY_WITHIN; null: never. */
  readonly verifyWithinMs: number | null;
  readonly newOwner: () => string;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
  readonly log: Logger;
}

/** How many apps one tick asks about, how long each may take, and how long after the first one more is started. */
const MOST_APPS = 100;
const WITHIN_MS = 3_000;
const BEGIN_WITHIN_MS = 5_000;

/**
 * Checks whether what was deployed runs: one request per app. Before `deliver`, so that it is posted in the same tick.
 */
export function verifyStep(deps: VerifyDependencies): Step {
  const { db, heroku, verifyWithinMs, elapsed, patience } = deps;
  let until = Number.POSITIVE_INFINITY;
  return defineStep({
    async gather() {
      until = elapsed() + BEGIN_WITHIN_MS * patience;
      return heroku === null || verifyWithinMs === null ? [] : db.verifications.due(MOST_APPS);
    },
    decide: (due) => due.map((app) => ({ kind: 'verify' as const, ...app })),
    async act({ herokuApp, promotionIds }) {
      // Unclaimed ones are due at the next tick.
      if (heroku === null || verifyWithinMs === null || elapsed() > until) return;
      const owner = deps.newOwner();
      const claimed = await db.verifications.claim(promotionIds, owner);
      if (claimed.length === 0) return;
      const dynos = await read(heroku, herokuApp, deps);
      for (const one of claimed) await settle(deps, one, owner, dynos, verifyWithinMs);
    },
  });
}

type Asked = readonly Dyno[] | 'forbidden' | 'unavailable';

async function read(
  heroku: Pick<Heroku, 'dynos'>,
  herokuApp: string,
  { patience, log }: VerifyDependencies,
): Promise<Asked> {
  try {
    return await heroku.dynos(herokuApp, { deadlineMs: WITHIN_MS * patience });
  } catch (error) {
    log.warn({ err: error, herokuApp }, 'Heroku could not be asked whether an app runs');
    // An unpaid bill and the like passes.
    const isForbidden = error instanceof HerokuError && error.kind === 'forbidden' && error.reason === null;
    return isForbidden ? 'forbidden' : 'unavailable';
  }
}

async function settle(
  { db }: VerifyDependencies,
  claimed: ClaimedVerification,
  owner: string,
  dynos: Asked,
  withinMs: number,
): Promise<void> {
  const { promotionId, version } = claimed;
  const look = lookOf(dynos, version);
  const report = look.kind === 'read' ? look.report : null;
  const step = nextVerification(look, { ...claimed, withinMs });
  if (step.kind === 'end') await db.verifications.end(promotionId, owner, step.as, report);
  else await db.verifications.postpone(promotionId, owner, step.waitMs, report);
}

function lookOf(dynos: Asked, version: number | null): RunningLook {
  if (typeof dynos === 'string') return { kind: dynos };
  // Without the version, nobody can say what runs it.
  return version === null ? { kind: 'unavailable' } : { kind: 'read', report: reportOf(dynos, version) };
}
