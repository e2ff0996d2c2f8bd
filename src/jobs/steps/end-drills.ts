import type { Database } from '../../db/database.js';
import { defineStep, type Step } from './step.js';

/** Ends a drill to which nobody came, and removes the rest of one that is over. */
export function endDrillsStep({ db }: { readonly db: Pick<Database, 'drills'> }): Step {
  return defineStep({
    gather: () => db.drills.due(),
    decide: ({ hasExpired, hasEnded }) => [
      ...(hasExpired ? [{ kind: 'expire_drill' as const }] : []),
      ...(hasEnded ? [{ kind: 'clear_drills' as const }] : []),
    ],
    act: (action): Promise<unknown> => (action.kind === 'expire_drill' ? db.drills.expire() : db.drills.clear()),
  });
}
