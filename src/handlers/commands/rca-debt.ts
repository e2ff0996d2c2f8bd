import type { Answer } from '../../views/blocks.js';
import { MISSING_RCAS_NAMED, RCA_DEBT_LENGTH, rcaDebtAnswer, withRcaDebt } from '../../views/rca-debt.js';
import type { HandlerDependencies } from '../dependencies.js';

export async function rcaDebt(deps: HandlerDependencies): Promise<Answer> {
  return rcaDebtAnswer(await deps.db.rcaDebts.owed(RCA_DEBT_LENGTH));
}

/** An answer, with the missing RCAs at its end. */
export async function mindRcaDebt(deps: HandlerDependencies, answer: Answer): Promise<Answer> {
  return withRcaDebt(answer, await deps.db.rcaDebts.owed(MISSING_RCAS_NAMED));
}
