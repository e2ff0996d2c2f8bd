import type { Database } from '../../db/database.js';
import { defineStep, type Step } from './step.js';

export interface ShortenWaitsDependencies {
  readonly db: Pick<Database, 'setBackClock'>;
  readonly longestLeaseMs: number;
}

/** The database's clock was set back: nothing waits for times that it will reach in hours. */
export function shortenWaitsStep({ db, longestLeaseMs }: ShortenWaitsDependencies): Step {
  return defineStep({
    gather: async () => undefined,
    decide: () => [{ kind: 'shorten_waits' as const }],
    act: () => db.setBackClock.shortenWaits(longestLeaseMs),
  });
}
