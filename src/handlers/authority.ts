import { isOperator } from '../operators/operator.js';
import { needsOperator } from '../views/authority.js';
import { type Answer, textAnswer } from '../views/blocks.js';
import { EXTERNAL_USER, isExternalUser } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';

/**
 * Why this person may not do what any operator may; null where they may. `doing` names it, a gerund. The database says so
 * again when it writes.
 */
export async function refuseUnlessOperator(
  deps: HandlerDependencies,
  who: { readonly userId: string; readonly teamId: string | null },
  doing = 'Linking or drafting an RCA',
): Promise<Answer | null> {
  if (await isExternalUser(deps, who.teamId)) return EXTERNAL_USER;
  if (isOperator(await deps.db.operators.find(who.userId))) return null;
  deps.onDenied('not_operator');
  return textAnswer(needsOperator(doing, await deps.db.operators.superadmins()));
}
