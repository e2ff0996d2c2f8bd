import { isOperator } from '../operators/operator.js';
import { needsOperator } from '../views/authority.js';
import { type Answer, textAnswer } from '../views/blocks.js';
import type { HandlerDependencies } from './dependencies.js';
import { refuseOutsider } from './outsider.js';

/**
 * Why a person may not do what any operator may; null if they may. `doing`: a gerund that names it. The database checks
 * again as it writes.
 */
export async function refuseUnlessOperator(
  deps: HandlerDependencies,
  who: { readonly userId: string; readonly teamId: string | null },
  doing = 'Linking or drafting an RCA',
): Promise<Answer | null> {
  const outsider = await refuseOutsider(deps, who);
  if (outsider !== null) return outsider;
  if (isOperator(await deps.db.operators.find(who.userId))) return null;
  deps.onDenied('not_operator');
  return textAnswer(needsOperator(doing, await deps.db.operators.superadmins()));
}
