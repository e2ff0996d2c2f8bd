import type { Database } from '../../db/database.js';
import { planRcaDebt } from '../../promotions/rca-debt.js';
import { defineStep, type Step } from './step.js';

/** How many closed criticals one tick looks at. */
const MOST_PER_TICK = 200;

/** Reminds the threads of ended criticals without an RCA, each once. */
export function remindOfRcasStep({ db }: { readonly db: Pick<Database, 'rcaDebts'> }): Step {
  return defineStep({
    gather: () => db.rcaDebts.unsettled(MOST_PER_TICK),
    decide: planRcaDebt,
    act: (action) =>
      action.kind === 'remind_of_rca'
        ? db.rcaDebts.remind(action.promotionId, action.alertId)
        : db.rcaDebts.settle(action.alertId),
  });
}
